"""Mail over Postmark (C2): its inbound webhook, https://postmarkapp.com/developer/webhooks/inbound-webhook.

Postmark does not sign. The account's secret is the password of HTTP Basic authentication (`https://any:SECRET@…`), or
the query parameter `token`. A From line proves nothing, so no sender counts as verified here. Postmark takes 200 and
nothing else for an answer, tries again for ten hours, and gives up at once on 403.

Answers go by SMTP to the server that the account's options name (Postmark's own without them), so that any submission
server will do; the credential is its password. A mail carries our id as metadata, by which Postmark's receipts name it.
"""

import base64
import binascii
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from shared.channels.base import (
    MIB,
    AccountContext,
    Capabilities,
    Channel,
    File,
    Header,
    Outgoing,
    Parsed,
    Received,
    Request,
    check_secret,
    fitted,
)
from shared.channels.formats import mail, postmark_receipts, reply_mail, rfc822
from shared.channels.formats.json_body import load_object, mapping, objects, string
from shared.channels.outgoing import smtp
from shared.channels.outgoing.client import Client
from shared.channels.outgoing.outcomes import Accepted, Outcome, Rejected, Rendered
from shared.contracts.inbound_messages import MessageReceived, Sender
from shared.contracts.outbound_commands import SendMessage
from shared.errors import Invalid
from shared.text import clean, html_to_text, one_line

MAX_FILES = 100


def verify(request: Request, account: AccountContext) -> None:
    """The password or the token, in constant time."""
    given = request.query.get("token", "").encode() or _password(request.headers.get("authorization", ""))
    how = "give the secret as the password of Basic authentication, or as ?token="
    check_secret(given, account, missing=how)


def _password(authorization: str) -> bytes:
    """What stands behind the colon (RFC 7617)."""
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        return b""
    try:
        return base64.b64decode(credentials.strip(), validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        return b""


def parse(request: Request, account: AccountContext) -> Parsed:
    """One request is one mail, or a word about one of ours."""
    body = load_object(request.body, nul=True)
    if postmark_receipts.is_receipt(body):
        return postmark_receipts.parse(body, request, account, CHANNEL.name)
    given = _mail(body)
    if not given.sender:
        raise Invalid("the mail names no address that it came from", reason="no_sender")
    text, whole = fitted(clean(string(body, "StrippedTextReply")) or given.text)
    message = MessageReceived(
        channel=CHANNEL.name,
        account=account.id,
        natural_id=one_line(string(body, "MessageID"), 200) or given.content_key,
        sender=Sender(kind="email", value=given.sender, name=given.sender_name or None),
        thread=given.thread,
        reply_token=_reply_token(body),
        references=given.references,
        subject=given.subject or None,
        text=text,
        automatic=given.automatic,
        provider_time=given.sent_at,
        accepted_at=request.received_at,
        content_key=given.content_key,
    )
    return Parsed((Received(message, files=given.files, long_text=whole),))


def _mail(body: dict[str, Any]) -> mail.Mail:
    """The mail itself where Postmark was told to send it along, else as Postmark took it apart."""
    raw = string(body, "RawEmail")
    if raw:
        whole = rfc822.read(raw.encode("utf-8", "surrogateescape"))
        if whole.sender and len(whole.files) <= MAX_FILES:
            return whole
    sender, name = mail.address(string(mapping(body, "FromFull"), "Email") or string(body, "From"))
    headers = tuple((string(h, "Name").lower(), clean(string(h, "Value"))) for h in objects(body, "Headers"))
    return mail.Mail(
        sender=sender,
        sender_name=one_line(string(mapping(body, "FromFull"), "Name") or string(body, "FromName"), 200) or name,
        subject=one_line(string(body, "Subject"), 1000),
        sent_at=mail.moment(string(body, "Date")),
        headers=headers,
        text=clean(string(body, "TextBody")) or html_to_text(string(body, "HtmlBody")),
        files=_files(body),
    )


def _reply_token(body: dict[str, Any]) -> str | None:
    """What stands behind the plus of the address of ours that the mail went to."""
    hashes = [string(body, "MailboxHash")]
    hashes += [string(to, "MailboxHash") for name in ("ToFull", "CcFull", "BccFull") for to in objects(body, name)]
    return next((token for token in (one_line(value, 1000) for value in hashes) if token), None)


def _files(body: dict[str, Any]) -> tuple[File, ...]:
    found = objects(body, "Attachments")
    if len(found) > MAX_FILES:
        raise Invalid(f"the mail has more than {MAX_FILES} attachments", reason="too_many_parts")
    return tuple(_file(item) for item in found)


def _file(item: dict[str, Any]) -> File:
    encoded = string(item, "Content") or string(item, "Data")
    try:
        content = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise Invalid("an attachment is not base64", reason="bad_attachment") from None
    kind = one_line(string(item, "ContentType").partition(";")[0].lower(), 100)
    return File(one_line(string(item, "Name"), 200), kind or "application/octet-stream", content)


# --- answers ---------------------------------------------------------------------------------------------------------


def render(answer: SendMessage, account: AccountContext) -> tuple[Rendered, ...]:
    """One mail from the account's address."""
    if len(answer.text) > OUTGOING.text_max:
        raise Invalid("the text is too long for a mail", reason="text-too-long")
    sender = account.options.get("from", "")
    if not sender:
        raise Invalid("the account has no option `from`, the address its mails come from", reason="no-sender-address")
    header = f"X-PM-Metadata-{postmark_receipts.METADATA}"
    name = account.options.get("from_name", "")
    body = reply_mail.compose(answer, sender=sender, name=name, metadata_header=header)
    return (Rendered(str(answer.message), answer.recipient.value, body),)


async def send(rendered: Rendered, account: AccountContext, client: Client) -> Outcome:
    """Hand the mail to the submission server; SMTP knows no key, so a lost answer stays unknown."""
    options = account.options
    password = account.credentials[0] if account.credentials else ""
    port = options.get("smtp_port", "587")
    tls = options.get("smtp_tls", "starttls")
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536) or tls not in ("starttls", "tls", "none"):
        return Rejected("bad-smtp-options")
    server = smtp.Server(
        host=options.get("smtp_host", PUBLIC_HOST),
        port=int(port),
        tls=tls,
        user=options.get("smtp_user", password),
        password=password,
    )
    dated = f"Date: {format_datetime(datetime.now(UTC))}\r\n".encode() + rendered.body
    sender = options.get("from", "")
    outcome = await smtp.submit(client, server, sender=sender, recipient=rendered.recipient, mail=dated)
    return Accepted(rendered.key) if isinstance(outcome, Accepted) else outcome


PUBLIC_HOST = "smtp.postmarkapp.com"
OUTGOING = Outgoing(text_max=MIB // 4, attachments=True)

CHANNEL = Channel(
    name="postmark",
    about="Mail over Postmark's inbound webhook.",
    max_body_bytes=40 * MIB,
    capabilities=Capabilities(text_max=40 * MIB, attachments=True),
    verify=verify,
    parse=parse,
    outgoing=OUTGOING,
    render=render,
    send=send,
    proof="headers",
    ours=False,
    challenge='Basic realm="switchboard", charset="UTF-8"',
    headers=(Header("Authorization", "`Basic`, with the secret as password.", required=False),),
    secret_headers=frozenset({"authorization"}),
    accepted_status=200,
)

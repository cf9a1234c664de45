"""Mail over Postmark (C2): its inbound webhook, https://postmarkapp.com/developer/webhooks/inbound-webhook.

Postmark does not sign. The account's secret is the password of HTTP Basic authentication (`https://any:SECRET@…`), or
the query parameter `token`. A From line proves nothing, so no sender counts as verified here. Postmark takes 200 and
nothing else for an answer, tries again for ten hours, and gives up at once on 403.
"""

import base64
import binascii
from typing import Any

from shared.channels.base import (
    MIB,
    AccountContext,
    Capabilities,
    Channel,
    File,
    Header,
    Parsed,
    Received,
    Request,
    check_secret,
    fitted,
)
from shared.channels.formats import mail, rfc822
from shared.channels.formats.json_body import load_object, mapping, objects, string
from shared.contracts.inbound_messages import MessageReceived, Sender
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
    """One request is one mail."""
    body = load_object(request.body, nul=True)
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


CHANNEL = Channel(
    name="postmark",
    about="Mail over Postmark's inbound webhook.",
    max_body_bytes=40 * MIB,
    capabilities=Capabilities(text_max=40 * MIB, attachments=True),
    verify=verify,
    parse=parse,
    proof="headers",
    ours=False,
    challenge='Basic realm="switchboard", charset="UTF-8"',
    headers=(Header("Authorization", "`Basic`, with the secret as password.", required=False),),
    secret_headers=frozenset({"authorization"}),
    accepted_status=200,
)

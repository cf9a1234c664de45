"""Mail over Postmark (C2): its inbound webhook, https://postmarkapp.com/developer/webhooks/inbound-webhook.

Postmark does not sign. The account's secret is the password of HTTP Basic authentication (`https://any:SECRET@…`), or
the query parameter `token`. A From line proves nothing, so no sender counts as verified here. Postmark takes 200 and
nothing else for an answer, tries again for ten hours, and gives up at once on 403.

Answers go by SMTP to the server that the account's options name (Postmark's own without them), so that any submission
server will do; the credential is its password. A mail carries our id as metadata, by which Postmark's receipts name it.
"""

import base64
import binascii
import hashlib
from typing import Any

from shared.channels.base import (
    MIB,
    AccountContext,
    Capabilities,
    Channel,
    File,
    Header,
    Parsed,
    Request,
    check_secret,
)
from shared.channels.formats import basic_password, mail, mail_message, mail_submission, postmark_receipts, rfc822
from shared.channels.formats.json_body import load_object, mapping, objects, string
from shared.channels.outgoing.client import Client
from shared.channels.outgoing.outcomes import Outcome, Rendered
from shared.contracts.outbound_commands import SendMessage
from shared.errors import Invalid
from shared.text import HTML_MAX, clean, html_to_text, one_line

MAX_FILES = 100


def verify(request: Request, account: AccountContext) -> None:
    """The password or the token, in constant time."""
    given = request.query.get("token", "").encode() or basic_password.of(request.headers.get("authorization", ""))
    how = "give the secret as the password of Basic authentication, or as ?token="
    check_secret(given, account, missing=how)


def parse(request: Request, account: AccountContext) -> Parsed:
    """One request is one mail, or a word about one of ours."""
    body = load_object(request.body, nul=True)
    if postmark_receipts.is_receipt(body):
        return postmark_receipts.parse(body, request, account, CHANNEL.name)
    arrived = mail_message.Arrived(
        channel=CHANNEL.name,
        account=account,
        at=request.received_at,
        provider_id=one_line(string(body, "MessageID"), 200) or hashlib.sha256(request.body).hexdigest(),
        stable=bool(string(body, "MessageID").strip()),
        envelope=_addresses(body),
        ours=(string(body, "OriginalRecipient"),),
    )
    return mail_message.parsed(_mail(body), arrived, stripped=clean(string(body, "StrippedTextReply")))


def _mail(body: dict[str, Any]) -> mail.Mail:
    """The mail itself where Postmark was told to send it along, else as Postmark took it apart."""
    raw = string(body, "RawEmail")
    if raw:
        whole = rfc822.read(raw.encode("utf-8", "surrogateescape"))
        if whole.sender and len(whole.files) <= MAX_FILES:
            return whole
    sender, name = mail.address(string(mapping(body, "FromFull"), "Email") or string(body, "From"))
    plain, html = clean(string(body, "TextBody")), string(body, "HtmlBody")[:HTML_MAX]
    headers = tuple((string(h, "Name").lower(), clean(string(h, "Value"))) for h in objects(body, "Headers"))
    headers += tuple((name.lower(), given) for name in ("To", "Cc") if (given := clean(string(body, name))))
    return mail.Mail(
        sender=sender,
        sender_name=one_line(string(mapping(body, "FromFull"), "Name") or string(body, "FromName"), 200) or name,
        subject=one_line(string(body, "Subject"), 1000),
        sent_at=mail.moment(string(body, "Date")),
        headers=headers,
        text=plain or html_to_text(html),
        html=html,
        plain=bool(plain),
        files=_files(body),
    )


def _addresses(body: dict[str, Any]) -> tuple[str, ...]:
    """The addresses of ours that the mail went to."""
    fields = ("ToFull", "CcFull", "BccFull")
    listed = tuple(string(to, "Email") for name in fields for to in objects(body, name))
    return (string(body, "OriginalRecipient"), *listed)


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
    """One mail from the account's address, with our id as metadata."""
    return mail_submission.rendered(answer, account, metadata_header=f"X-PM-Metadata-{postmark_receipts.METADATA}")


async def send(rendered: Rendered, account: AccountContext, client: Client) -> Outcome:
    """Hand the mail to Postmark's submission server, or to the one the account names."""
    return await mail_submission.submitted(rendered, account, client, host=PUBLIC_HOST, user="")


PUBLIC_HOST = "smtp.postmarkapp.com"

CHANNEL = Channel(
    name="postmark",
    about="Mail over Postmark's inbound webhook.",
    max_body_bytes=40 * MIB,
    capabilities=Capabilities(text_max=40 * MIB, attachments=True),
    verify=verify,
    parse=parse,
    outgoing=mail_submission.OUTGOING,
    render=render,
    send=send,
    proof="headers",
    ours=False,
    challenge='Basic realm="switchboard", charset="UTF-8"',
    headers=(Header("Authorization", "`Basic`, with the secret as password.", required=False),),
    secret_headers=frozenset({"authorization"}),
    accepted_status=200,
)

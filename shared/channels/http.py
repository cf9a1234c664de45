"""Generic signed HTTP (C12): a contact form or any program of the shop sends messages with nothing but an HMAC.

Answers go the other way to the account's `callback_url`, proved alike, with the message's id as Idempotency-Key; what
becomes of them comes back as a receipt.

Headers: `Switchboard-Timestamp`, Unix seconds, at most five minutes off; `Switchboard-Signature`, one or more of
`v1=<hex>` separated by commas, where hex is HMAC-SHA256(secret, timestamp + "." + body). See docs/channels/http.md.
"""

import hmac
import time

import orjson

from shared.channels.base import (
    MIB,
    AccountContext,
    Capabilities,
    Channel,
    Header,
    Outgoing,
    Parsed,
    Received,
    Request,
    fitted,
    same_secret,
)
from shared.channels.formats.http_body import AnyBody, Body, FileReference, ReceiptRequest
from shared.channels.formats.json_body import load_object, validated
from shared.channels.outgoing import downloads, web
from shared.channels.outgoing.client import Client
from shared.channels.outgoing.outcomes import Accepted, Outcome, Rejected, Rendered, TryLater
from shared.contracts.inbound_messages import Attachment, MessageReceived
from shared.contracts.inbound_receipts import ReceiptReceived
from shared.contracts.outbound_commands import SendMessage
from shared.errors import Invalid, Unauthenticated
from shared.text import clean, one_line

TOLERANCE_S = 300
MAX_SIGNATURES = 5


def verify(request: Request, account: AccountContext) -> None:
    """HMAC over timestamp and raw body, compared in constant time with every signature and every secret."""
    stamp = request.headers.get("switchboard-timestamp", "")
    given = request.headers.get("switchboard-signature", "")
    if not stamp or not given:
        raise Unauthenticated(
            "send Switchboard-Timestamp and Switchboard-Signature: v1=<hex HMAC-SHA256 of timestamp.body>",
            reason="missing_signature",
        )
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        raise Unauthenticated("Switchboard-Timestamp is not a number of seconds", reason="bad_timestamp")
    off_s = abs(request.received_at.timestamp() - int(stamp))
    if off_s > TOLERANCE_S:
        raise Unauthenticated(f"the timestamp is {off_s:.0f} s off; at most {TOLERANCE_S}", reason="stale_timestamp")
    signed = stamp.encode() + b"." + request.body
    wanted = [hmac.digest(secret.encode(), signed, "sha256").hex().encode() for secret in account.secrets]
    offered = [part.strip()[3:].encode() for part in given.split(",")[:MAX_SIGNATURES] if part.strip()[:3] == "v1="]
    if not same_secret(offered, wanted):
        raise Unauthenticated("no signature fits the body and this account's secret", reason="bad_signature")


def parse(request: Request, account: AccountContext) -> Parsed:
    """One request is one message, or one receipt."""
    given = load_object(request.body)
    if "receipt" in given:
        return Parsed(receipts=(_receipt(validated(ReceiptRequest, given), request, account),))
    body = validated(Body, given)
    text, whole = fitted(clean(body.text))
    message = MessageReceived(
        channel=CHANNEL.name,
        account=account.id,
        natural_id=body.id,
        sender=body.sender.identity(account.id, body.language),
        thread=body.thread,
        subject=one_line(body.subject or "", 1000) or None,
        text=text,
        attachments=tuple(_attachment(file) for file in body.attachments),
        order=body.order,
        provider_time=body.sent_at,
        accepted_at=request.received_at,
    )
    return Parsed((Received(message, long_text=whole),))


def _attachment(file: FileReference) -> Attachment:
    name = one_line(file.name, 200)
    return Attachment(name=name, media_type=file.media_type, size=file.size, reference=file.url)


def _receipt(given: ReceiptRequest, request: Request, account: AccountContext) -> ReceiptReceived:
    said = given.receipt
    return ReceiptReceived(
        channel=CHANNEL.name,
        account=account.id,
        provider_id=str(said.message),
        state=said.state,
        at=said.at or request.received_at,
        reason=said.reason,
        accepted_at=request.received_at,
    )


# --- answers ---------------------------------------------------------------------------------------------------------


def render(answer: SendMessage, account: AccountContext) -> tuple[Rendered, ...]:
    """One request, whose body says what the customer should read and where."""
    if len(answer.text) > OUTGOING.text_max:
        raise Invalid("the text is too long for the callback", reason="text-too-long")
    shown = answer.model_dump(
        mode="json",
        exclude_none=True,
        include={
            "message", "ticket", "recipient", "thread", "in_reply_to", "subject", "text", "language", "author",
            "automatic",
        },
    )  # fmt: skip
    shown["attachments"] = [
        file.model_dump(mode="json", exclude_none=True, include={"name", "media_type", "size"})
        for file in answer.attachments
    ]
    return (Rendered(str(answer.message), answer.recipient.value, orjson.dumps(shown)),)


async def send(rendered: Rendered, account: AccountContext, client: Client) -> Outcome:
    """Post it, signed with every secret of the account; whoever gets it twice knows it by its Idempotency-Key."""
    url = account.options.get("callback_url")
    if not url:
        return Rejected("no-callback-url")
    if not account.secrets:
        return TryLater("no-credential")
    stamp = str(int(time.time()))
    signed = stamp.encode() + b"." + rendered.body
    signatures = [f"v1={hmac.digest(secret.encode(), signed, 'sha256').hex()}" for secret in account.secrets]
    headers = {
        "switchboard-timestamp": stamp,
        "switchboard-signature": ", ".join(signatures),
        "idempotency-key": rendered.key,
    }
    answered = await web.post(client, url, rendered.body, headers)
    if not isinstance(answered, web.Answered):
        return answered
    if 200 <= answered.status < 300:
        return Accepted(rendered.key)
    if answered.status in LATER or answered.status >= 500:
        return TryLater(f"http-{answered.status}", answered.retry_after_s)
    return Rejected(f"http-{answered.status}")


LATER = frozenset({401, 408, 409, 425, 429})
"""Answers that may change: our proof is mended, the same key is being worked on, too early, too many."""
OUTGOING = Outgoing(text_max=MIB // 4, splits=False, idempotent=True, read_receipts=True)

CHANNEL = Channel(
    name="http",
    about="Generic signed HTTP: a contact form or any program of the shop.",
    max_body_bytes=MIB,
    capabilities=Capabilities(text_max=MIB, attachments=True),
    verify=verify,
    parse=parse,
    outgoing=OUTGOING,
    render=render,
    send=send,
    fetch=downloads.by_address,
    proof="body",
    ours=True,
    challenge="Switchboard-Signature",
    headers=(
        Header("Switchboard-Timestamp", "Unix time in seconds, at most 300 s off."),
        Header("Switchboard-Signature", "`v1=` and the hex HMAC-SHA256 of timestamp, a dot and the body."),
    ),
    body=AnyBody,
)

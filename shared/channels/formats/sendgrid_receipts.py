"""What SendGrid tells about mails that it sent for us: lists of events, signed with ECDSA where that is switched on.

https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event
"""

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from shared.channels.base import AccountContext, Parsed, Request
from shared.channels.formats import many_events
from shared.channels.formats.json_body import load, string
from shared.channels.formats.mail import message_ids
from shared.channels.formats.mail_message import sent_id
from shared.contracts.inbound_receipts import Receipt, ReceiptReceived
from shared.errors import Invalid, Unauthenticated
from shared.text import one_line, token_word

SIGNATURE = "x-twilio-email-event-webhook-signature"
TIMESTAMP = "x-twilio-email-event-webhook-timestamp"
STATES: dict[str, Receipt] = {"delivered": "delivered", "open": "read", "bounce": "failed", "dropped": "failed"}
EVENTS_MAX = 5_000


def is_signed(request: Request) -> bool:
    """Whether it claims to be the signed event webhook."""
    return SIGNATURE in request.headers


def public_keys(given: Sequence[str]) -> list[EllipticCurvePublicKey]:
    """Those of the values that are public keys (DER in base64); a secret of another kind is none."""
    found = []
    for value in given:
        try:
            key = load_der_public_key(base64.b64decode(value, validate=True))
        except (binascii.Error, ValueError, UnsupportedAlgorithm):
            continue
        if isinstance(key, EllipticCurvePublicKey):
            found.append(key)
    return found


def verify(request: Request, keys: Sequence[EllipticCurvePublicKey]) -> None:
    """Raises Unauthenticated where no key made the signature over timestamp and body."""
    try:
        signature = base64.b64decode(request.headers[SIGNATURE], validate=True)
    except (binascii.Error, ValueError):
        signature = b""
    signed = request.headers.get(TIMESTAMP, "").encode() + request.body
    if not any(_made(key, signature, signed) for key in keys):
        raise Unauthenticated("the signature is none of the key in `events_key`", reason="bad_signature")


def _made(key: EllipticCurvePublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.verify(signature, signed, ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def parse(request: Request, account: AccountContext, channel: str) -> Parsed:
    """Each event is one receipt, or nothing that changes how far a mail came."""
    events = load(request.body)
    if not isinstance(events, list):
        raise Invalid("the body is no list of events", reason="no_event")
    if len(events) > EVENTS_MAX:
        raise Invalid(f"the body has more than {EVENTS_MAX} events", reason="too_many_parts")
    return many_events.settled(many_events.each(events, lambda event: _read(event, request, account, channel)))


def _read(event: dict[str, Any], request: Request, account: AccountContext, channel: str) -> Parsed:
    state = STATES.get(string(event, "event"))
    if state is None:
        return Parsed(ignored="not-a-receipt")
    id_ = _id(event)
    if not id_:
        raise Invalid("an event names no message", reason="no_message_id")
    why = string(event, "bounce_classification") or string(event, "reason")
    receipt = ReceiptReceived(
        channel=channel,
        account=account.id,
        provider_id=id_,
        state=state,
        at=_moment(event.get("timestamp")) or request.received_at,
        reason=(token_word(why) or "bounced") if state == "failed" else None,
        accepted_at=request.received_at,
    )
    return Parsed(receipts=(receipt,))


def _id(event: dict[str, Any]) -> str:
    """Our id of the message, from our Message-ID; else SendGrid's own."""
    named = next(iter(message_ids(string(event, "smtp-id"))), "")
    return sent_id(named) or named or one_line(string(event, "sg_message_id"), 200)


def _moment(seconds: Any) -> datetime | None:
    try:
        found = datetime.fromtimestamp(float(seconds), UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None
    return found if 1990 <= found.year <= 2200 else None

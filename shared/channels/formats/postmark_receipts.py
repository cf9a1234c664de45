"""What Postmark tells about mails that it sent for us: https://postmarkapp.com/developer/webhooks/webhooks-overview."""

from datetime import UTC, datetime
from typing import Any

from shared.channels.base import AccountContext, Parsed, Request
from shared.channels.formats.json_body import mapping, string
from shared.contracts.inbound_receipts import Receipt, ReceiptReceived
from shared.errors import Invalid
from shared.text import one_line, token_word

METADATA = "message"
"""Under this name our id of the message travels along; the header is X-PM-Metadata-message."""
STATES: dict[str, tuple[Receipt, str]] = {
    "Delivery": ("delivered", "DeliveredAt"),
    "Open": ("read", "ReceivedAt"),
    "Bounce": ("failed", "BouncedAt"),
}
"""Kinds of record that say how far a mail came, with the field that says when."""
OTHERS = frozenset({"Click", "SpamComplaint", "SubscriptionChange"})
GOING_ON = frozenset(
    {"Transient", "AutoResponder", "ChallengeVerification", "AddressChange", "Subscribe", "Unsubscribe"}
)
"""Bounces after which the mail may still arrive, or has."""


def is_receipt(body: dict[str, Any]) -> bool:
    """Whether this is a word about a mail of ours, and no mail."""
    return string(body, "RecordType") in STATES.keys() | OTHERS


def parse(body: dict[str, Any], request: Request, account: AccountContext, channel: str) -> Parsed:
    """One record is one receipt, or nothing that changes how far a mail came."""
    kind = string(body, "RecordType")
    if kind not in STATES or (kind == "Bounce" and string(body, "Type") in GOING_ON):
        return Parsed(ignored="not-a-receipt")
    state, when = STATES[kind]
    id_ = one_line(string(mapping(body, "Metadata"), METADATA) or string(body, "MessageID"), 200)
    if not id_:
        raise Invalid("the record names no message", reason="no_message_id")
    receipt = ReceiptReceived(
        channel=channel,
        account=account.id,
        provider_id=id_,
        state=state,
        at=_moment(string(body, when)) or request.received_at,
        reason=(token_word(string(body, "Type")) or "bounce") if state == "failed" else None,
        accepted_at=request.received_at,
    )
    return Parsed(receipts=(receipt,))


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found if 1990 <= found.year <= 2200 else None

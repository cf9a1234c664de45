"""What Mailgun tells about mails that it sent for us: event webhooks, and the forms they were before."""

from datetime import UTC, datetime
from typing import Any

from shared.channels.base import AccountContext, Parsed, Request
from shared.channels.formats.json_body import mapping, string
from shared.channels.formats.mail import message_ids
from shared.channels.formats.mail_message import sent_id
from shared.channels.formats.multipart import Form
from shared.contracts.inbound_receipts import Receipt, ReceiptReceived
from shared.errors import Invalid
from shared.text import one_line, token_word

STATES: dict[str, Receipt] = {"delivered": "delivered", "opened": "read", "failed": "failed", "rejected": "failed"}
FORM_STATES: dict[str, Receipt] = {"delivered": "delivered", "opened": "read", "bounced": "failed", "dropped": "failed"}


def from_json(body: dict[str, Any], request: Request, account: AccountContext, channel: str) -> Parsed:
    """One event is one receipt, or nothing that changes how far a mail came; a temporary failure is none."""
    said = mapping(body, "event-data")
    event = string(said, "event")
    if not event:
        raise Invalid("the body holds no event", reason="no_event")
    state = STATES.get(event)
    if state is None or (event == "failed" and said.get("severity") == "temporary"):
        return Parsed(ignored="not-a-receipt")
    headers = mapping(mapping(said, "message"), "headers")
    at = said.get("timestamp")
    return _parsed(
        _id(string(mapping(said, "user-variables"), "message"), string(headers, "message-id")),
        state=state,
        at=_moment(at) or request.received_at,
        reason=string(said, "reason"),
        where=(channel, account, request),
    )


def from_form(form: Form, request: Request, account: AccountContext, channel: str) -> Parsed:
    """The same in the older form."""
    state = FORM_STATES.get(form.text("event").strip().lower())
    if state is None:
        return Parsed(ignored="not-a-receipt")
    return _parsed(
        _id(form.text("message"), form.text("Message-Id") or form.text("message-id")),
        state=state,
        at=_moment(form.text("timestamp")) or request.received_at,
        reason=form.text("reason") or form.text("code"),
        where=(channel, account, request),
    )


def _parsed(
    id_: str, *, state: Receipt, at: datetime, reason: str, where: tuple[str, AccountContext, Request]
) -> Parsed:
    if not id_:
        raise Invalid("the event names no message", reason="no_message_id")
    channel, account, request = where
    receipt = ReceiptReceived(
        channel=channel,
        account=account.id,
        provider_id=id_,
        state=state,
        at=at,
        reason=(token_word(reason) or "bounced") if state == "failed" else None,
        accepted_at=request.received_at,
    )
    return Parsed(receipts=(receipt,))


def _id(variable: str, message_id: str) -> str:
    """Our id of the message, from the variable that travelled along or from our Message-ID; else that id as it is."""
    named = next(iter(message_ids(message_id)), "")
    return one_line(variable, 200) or sent_id(named) or named


def _moment(given: Any) -> datetime | None:
    """Seconds since 1970, in a number or in a string."""
    try:
        found = datetime.fromtimestamp(float(given), UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None
    return found if 1990 <= found.year <= 2200 else None

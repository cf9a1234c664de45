"""Messages, echoes and statuses of WhatsApp's webhook as the messages and receipts of the desk.

https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks/components. A message is written, changed, taken back
or reacted to; the last three have an id of their own and name the message they are about.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from shared.channels.base import AccountContext, Parsed, Received, Request, fitted
from shared.channels.formats import meta_errors, whatsapp_content
from shared.channels.formats.json_body import mapping, objects, string
from shared.channels.formats.meta_hook import ID_MAX, moment, named, words
from shared.contracts.inbound_messages import Attachment, MessageReceived, Sender
from shared.contracts.inbound_receipts import Receipt, ReceiptReceived
from shared.errors import Invalid
from shared.text import clean, one_line, phone_number

STATES: dict[str, Receipt] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "played": "read",
    "failed": "failed",
}
NOT_STATES = frozenset({"deleted", "warning", "pending", "accepted", "held_for_quality_assessment"})
NOBODYS = {"system": "service-message", "request_welcome": "service-message", "group_invite": "service-message"}
"""Types that nobody wrote."""
UNSEEN = frozenset({"unsupported", "unknown", "errors", "ephemeral"})
"""Types that WhatsApp keeps from businesses."""
GROUP = "group:"
"""Before the group's id in the name of a conversation, which else is the customer's."""
BUSINESS_SCOPED = re.compile(r"[A-Z]{2}(\.ENT)?\.[A-Za-z0-9]{1,128}")
"""Id of a customer whose number we are not told: unique among the customers of one business portfolio."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the events of one change share."""

    channel: str
    request: Request
    account: AccountContext
    people: Mapping[str, dict[str, Any]]
    """Contacts by phone number and by business-scoped id."""


# --- messages --------------------------------------------------------------------------------------------------------


def message(said: dict[str, Any], reading: Reading) -> Parsed:
    """What a customer wrote or did."""
    return _written(said, reading, _customer(said, "from", "from_user_id", reading), echo=False)


def echo(said: dict[str, Any], reading: Reading) -> Parsed:
    """What somebody of the shop wrote or did in the WhatsApp Business app; `to` is the customer."""
    return _written(said, reading, _customer(said, "to", "to_user_id", reading), echo=True)


def _written(said: dict[str, Any], reading: Reading, customer: Sender | None, *, echo: bool) -> Parsed:
    kind = whatsapp_content.kind(said)
    if kind in NOBODYS:
        return Parsed(ignored=NOBODYS[kind])
    if kind in UNSEEN:
        raise Invalid("WhatsApp does not show this kind of message to businesses", reason="unsupported_message")
    if string(mapping(said, "interactive"), "type") == "call_permission_reply":
        return Parsed(ignored="call")
    natural_id = named(said, "id")
    if not natural_id:
        raise Invalid("the message has no id", reason="no_message_id")
    if customer is None:
        raise Invalid("the message names nobody it is from", reason="no_sender")
    text, files, about = _substance(kind, said)
    target = next(iter(about.values()), None)
    if target == natural_id:
        natural_id = f"{natural_id}:{kind}:{words(said, 'timestamp')[:20]}"
    text, whole = fitted(clean(text))
    answered = named(mapping(said, "context"), "id")
    group = named(said, "group_id")
    received = MessageReceived(
        channel=reading.channel,
        account=reading.account.id,
        natural_id=natural_id,
        **about,
        echo=True if echo else None,
        sender=customer,
        thread=f"{GROUP}{group}" if group else customer.value,
        references=(answered,) if answered and not about else (),
        subject=whatsapp_content.subject(said),
        text=text,
        attachments=files,
        provider_time=moment(said.get("timestamp")),
        accepted_at=reading.request.received_at,
    )
    return Parsed((Received(received, long_text=whole),))


def _substance(kind: str, said: dict[str, Any]) -> tuple[str, tuple[Attachment, ...], dict[str, Any]]:
    """Text, files, and for what was done to an earlier message: the field that names it."""
    if kind == "reaction":
        reaction = mapping(said, "reaction")
        return string(reaction, "emoji"), (), {"reacts_to": _target(reaction, "message_id")}
    if kind == "revoke":
        return "", (), {"withdraws": _target(mapping(said, "revoke"), "original_message_id")}
    if kind == "edit":
        edit = mapping(said, "edit")
        text, files = whatsapp_content.content(mapping(edit, "message"))
        return text, files, {"edit_of": _target(edit, "original_message_id")}
    return *whatsapp_content.content(said), {}


def _target(within: dict[str, Any], name: str) -> str:
    target = named(within, name)
    if not target:
        raise Invalid("it does not say which message it is about", reason="no_target")
    return target


# --- people ----------------------------------------------------------------------------------------------------------


def _customer(said: dict[str, Any], number: str, business_scoped: str, reading: Reading) -> Sender | None:
    """By the phone number where it is told, else by the business-scoped id; raises Invalid for neither."""
    value, other = named(said, number), named(said, business_scoped)
    known = reading.people.get(value) or reading.people.get(other) or reading.people.get("", {})
    value = value or other or named(known, "wa_id") or named(known, "user_id")
    if not value or len(value) > 320:
        return None
    phone = phone_number(value if value.startswith("+") else f"+{value}")
    name = one_line(words(mapping(known, "profile"), "name"), 200) or None
    if phone is not None:
        return Sender(kind="phone", value=phone, name=name, verified=True)
    return Sender(kind=reading.channel, scope=reading.account.id, value=value, name=name, verified=True)


def people(value: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What a change tells about customers; the only one of them also stands for whoever is not named."""
    contacts = value.get("contacts")
    known = [contact for contact in contacts if isinstance(contact, dict)] if isinstance(contacts, list) else []
    found = {words(contact, name): contact for contact in known for name in ("wa_id", "user_id")}
    return found | {"": known[0] if len(known) == 1 else {}}


# --- statuses --------------------------------------------------------------------------------------------------------


def status(said: dict[str, Any], reading: Reading) -> Parsed:
    """A word on a message of ours, which is named by WhatsApp's id, or by ours where it was sent along."""
    state = string(said, "status")
    if string(said, "type") == "call":
        return Parsed(ignored="call")
    if state in NOT_STATES:
        return Parsed(ignored="not-a-receipt")
    if state not in STATES:
        raise Invalid("this status is not known here", reason="unknown_status")
    provider_id = _ours(said.get("biz_opaque_callback_data")) or named(said, "id")
    if not provider_id:
        raise Invalid("the status names no message", reason="no_message_id")
    accepted_at = reading.request.received_at
    receipt = ReceiptReceived(
        channel=reading.channel,
        account=reading.account.id,
        provider_id=provider_id,
        state=STATES[state],
        at=moment(said.get("timestamp")) or accepted_at,
        reason=_reason(said) if state == "failed" else None,
        accepted_at=accepted_at,
    )
    return Parsed(receipts=(receipt,))


def _ours(given: Any) -> str | None:
    """The id of the command that we sent along; anything else was somebody else's to send."""
    if not isinstance(given, str) or len(given) > ID_MAX:
        return None
    try:
        return str(UUID(given))
    except ValueError:
        return None


def _reason(said: dict[str, Any]) -> str | None:
    codes = (words(error, "code") for error in objects(said, "errors"))
    return next((meta_errors.word(int(code)) for code in codes if re.fullmatch("[0-9]{1,9}", code)), None)

"""Events of Messenger's and Instagram's webhook as the messages and receipts of the desk.

https://developers.facebook.com/docs/messenger-platform/webhooks. Both name a conversation by the customer's id, which
only this page or account knows; what the desk's side wrote comes back as an echo. An echo of our own send is no more
than a word that it was sent.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.channels.base import AccountContext, Parsed, Received, Request, fitted
from shared.channels.formats import messenger_content
from shared.channels.formats.json_body import mapping, string
from shared.channels.formats.many_events import merged
from shared.channels.formats.messenger_asides import FIELDS, NOT_MESSAGES
from shared.channels.formats.meta_hook import Walk, load, moment, named, words
from shared.contracts.inbound_messages import Attachment, MessageReceived, Sender
from shared.contracts.inbound_receipts import Receipt, ReceiptReceived
from shared.errors import Invalid
from shared.text import clean, one_line

OUR_METADATA = "switchboard:"
"""Before the id of our command in a message's `metadata`, which comes back in its echo."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the events of one entry share."""

    channel: str
    request: Request
    account: AccountContext
    walk: Walk
    page: str
    """The page or account of ours, as the entry names it."""


@dataclass(frozen=True, slots=True)
class Talk:
    """One event's people: the customer, and whether the desk's side is who wrote or did it."""

    customer: str
    echo: bool
    at: datetime | None


def parse(request: Request, account: AccountContext, *, channel: str, about: str) -> Parsed:
    """Every event of every entry; `about` is what the webhook says it is of (`page`, `instagram`).

    An account may name the one that it is for by the option `page_id` or `instagram_id`.
    """
    body = load(request.body)
    if string(body, "object") not in ("", about):
        raise Invalid("this is the webhook of another product of Meta's", reason="other_object")
    ours, walk = account.options.get(f"{about}_id"), Walk()

    def one(entry: dict[str, Any]) -> Parsed:
        page = named(entry, "id")
        if ours and page and page != ours:
            raise Invalid("this came to another page than the account's", reason="other_account")
        return _entry(entry, Reading(channel, request, account, walk, page))

    return walk.settled(walk.each(body, "entry", one))


def _entry(entry: dict[str, Any], here: Reading) -> Parsed:
    found = []
    if entry.get("messaging") is not None:
        found.append(here.walk.each(entry, "messaging", lambda one: event(one, here)))
    if entry.get("changes") is not None:
        found.append(here.walk.each(entry, "changes", lambda one: _change(one, here)))
    if "standby" in entry:  # another app answers in this conversation for now
        found.append(Parsed(ignored="standby"))
    if not found:
        raise Invalid("the entry holds no events that are known here", reason="unknown_entry")
    return merged(found)


def _change(change: dict[str, Any], reading: Reading) -> Parsed:
    """A field that the app subscribed to; Instagram also sends messages in this form."""
    field = string(change, "field")
    if field in FIELDS:
        return Parsed(ignored=FIELDS[field])
    value = mapping(change, "value")
    if "sender" in value and "recipient" in value:
        return event(value, reading)
    raise Invalid("this field of the webhook is not known here", reason="unknown_field")


def event(given: dict[str, Any], reading: Reading) -> Parsed:
    """One event of a conversation."""
    kind = next((name for name in READERS if given.get(name) is not None), None)
    if kind is not None:
        return READERS[kind](given, mapping(given, kind), reading)
    for name, reason in NOT_MESSAGES.items():
        if name in given:
            return Parsed(ignored=reason)
    raise Invalid("this kind of event is not known here", reason="unknown_event")


def _talk(given: dict[str, Any], reading: Reading, *, echo: bool = False) -> Talk:
    """Which of the two is the customer: the one who is not the page, else as an echo says."""
    sender, recipient = named(mapping(given, "sender"), "id"), named(mapping(given, "recipient"), "id")
    ours = sender == reading.page if reading.page in (sender, recipient) and sender != recipient else echo
    customer = recipient if ours else sender
    if not customer or len(customer) > 320:
        raise Invalid("the event does not name the customer", reason="no_sender")
    return Talk(customer, ours or echo, moment(given.get("timestamp")))


# --- messages --------------------------------------------------------------------------------------------------------


def _message(given: dict[str, Any], said: dict[str, Any], reading: Reading) -> Parsed:
    if said.get("is_self") is True:
        return Parsed(ignored="own-message")
    talk = _talk(given, reading, echo=said.get("is_echo") is True)
    mid = _mid(said)
    if talk.echo and (ours := _our_send(said, mid, reading)):
        return _receipt(reading, "sent", talk, provider_id=ours)
    if said.get("is_deleted") is True:
        return _received(reading, talk, f"{mid}:withdrawn", withdraws=mid)
    if said.get("is_unsupported") is True:
        raise Invalid("the API does not show this kind of message", reason="unsupported_message")
    text, subject, files = messenger_content.content(said)
    reading.walk.spend(len(files))
    answered = named(mapping(said, "reply_to"), "mid")
    references = (answered,) if answered else ()
    return _received(reading, talk, mid, text=text, subject=subject, attachments=files, references=references)


def _our_send(said: dict[str, Any], mid: str, reading: Reading) -> str | None:
    """What receipts name our own send by: our id where it was sent along, else the provider's."""
    metadata = said.get("metadata")
    if isinstance(metadata, str) and metadata.startswith(OUR_METADATA):
        try:
            return str(UUID(metadata.removeprefix(OUR_METADATA)))
        except ValueError:
            return mid
    app = reading.account.options.get("app_id")
    return mid if app and named(said, "app_id") == app else None


def _edited(given: dict[str, Any], edit: dict[str, Any], reading: Reading) -> Parsed:
    mid, talk = _mid(edit), _talk(given, reading)
    which = words(edit, "num_edit")[:20] or _stamp(talk)
    return _received(reading, talk, f"{mid}:edit:{which}", edit_of=mid, text=string(edit, "text"))


def _reacted(given: dict[str, Any], reaction: dict[str, Any], reading: Reading) -> Parsed:
    mid, talk = _mid(reaction), _talk(given, reading)
    taken_back = string(reaction, "action") == "unreact"
    emoji = "" if taken_back else words(reaction, "emoji") or words(reaction, "reaction")
    side = reading.page if talk.echo else talk.customer
    return _received(reading, talk, f"{mid}:reaction:{side}:{_stamp(talk)}", reacts_to=mid, text=emoji)


def _pressed(given: dict[str, Any], button: dict[str, Any], reading: Reading) -> Parsed:
    """A button of ours: its label, or its payload where it has none."""
    talk = _talk(given, reading)
    text = words(button, "title") or words(button, "payload")
    if not text:
        raise Invalid("the button says nothing", reason="unknown_content")
    natural_id = named(button, "mid") or f"postback:{talk.customer}:{_stamp(talk)}"
    subject = one_line(messenger_content.referral(mapping(button, "referral")), 500) or None
    return _received(reading, talk, natural_id, text=text, subject=subject)


def _mid(within: dict[str, Any]) -> str:
    mid = named(within, "mid")
    if not mid:
        raise Invalid("the event does not name its message", reason="no_message_id")
    return mid


def _stamp(talk: Talk) -> str:
    """The event's moment, as part of an id."""
    return str(int(talk.at.timestamp() * 1000)) if talk.at else "0"


def _received(
    reading: Reading,
    talk: Talk,
    natural_id: str,
    *,
    text: str = "",
    subject: str | None = None,
    attachments: tuple[Attachment, ...] = (),
    references: tuple[str, ...] = (),
    **about: str,
) -> Parsed:
    kept, whole = fitted(clean(text))
    received = MessageReceived(
        channel=reading.channel,
        account=reading.account.id,
        natural_id=natural_id,
        edit_of=about.get("edit_of"),
        withdraws=about.get("withdraws"),
        reacts_to=about.get("reacts_to"),
        echo=True if talk.echo else None,
        sender=Sender(kind=reading.channel, scope=reading.account.id, value=talk.customer, verified=True),
        thread=talk.customer,
        references=references,
        subject=subject,
        text=kept,
        attachments=attachments,
        provider_time=talk.at,
        accepted_at=reading.request.received_at,
    )
    return Parsed((Received(received, long_text=whole),))


# --- receipts --------------------------------------------------------------------------------------------------------


def _delivered(given: dict[str, Any], delivery: dict[str, Any], reading: Reading) -> Parsed:
    """By the messages' ids where it names them, else as a watermark."""
    talk, through = _talk(given, reading), moment(delivery.get("watermark"))
    mids = delivery.get("mids")
    if not mids:
        return _read_up_to(reading, "delivered", talk, through)
    if not isinstance(mids, list):
        raise Invalid("mids is not a list", reason="wrong_type")
    reading.walk.spend(len(mids))
    at = talk.at or through
    return merged(_receipt(reading, "delivered", talk, provider_id=_mid({"mid": mid}), at=at) for mid in mids)


def _seen(given: dict[str, Any], read: dict[str, Any], reading: Reading) -> Parsed:
    """Instagram names the message, Messenger a moment."""
    talk, mid = _talk(given, reading), named(read, "mid")
    if mid:
        return _receipt(reading, "read", talk, provider_id=mid)
    return _read_up_to(reading, "read", talk, moment(read.get("watermark")))


def _read_up_to(reading: Reading, state: Receipt, talk: Talk, through: datetime | None) -> Parsed:
    if through is None:
        raise Invalid("the event names neither messages nor a moment", reason="no_message_id")
    return _receipt(reading, state, talk, provider_id="", recipient=talk.customer, through=through)


def _receipt(
    reading: Reading,
    state: Receipt,
    talk: Talk,
    *,
    provider_id: str,
    at: datetime | None = None,
    recipient: str | None = None,
    through: datetime | None = None,
) -> Parsed:
    accepted_at = reading.request.received_at
    receipt = ReceiptReceived(
        channel=reading.channel,
        account=reading.account.id,
        provider_id=provider_id,
        recipient=recipient,
        through=through,
        state=state,
        at=at or talk.at or accepted_at,
        accepted_at=accepted_at,
    )
    return Parsed(receipts=(receipt,))


READERS: dict[str, Callable[[dict[str, Any], dict[str, Any], Reading], Parsed]] = {
    "message": _message,
    "message_edit": _edited,
    "reaction": _reacted,
    "postback": _pressed,
    "delivery": _delivered,
    "read": _seen,
}
"""What each kind of event becomes."""

"""Facts of chats' payloads: lists of messages and states, events between two people, and updates of a bot."""

from collections.abc import Callable, Mapping, Sequence

from shared.channels.base import Parsed, Received
from shared.contracts.inbound_receipts import ReceiptReceived
from switchboard.corpus.agreement import NOT_OURS, Agreement, Comparison, Facts, Found, Said, moment, spaced

_SPOKEN_FILES = ("fallback", "template", "location")
"""Kinds of attachments that are words and no file."""
_STATES = {"sent": "sent", "delivered": "delivered", "read": "read", "played": "read", "failed": "failed"}
_DEEDS = {"edit": "edit_of", "revoke": "withdraws", "reaction": "reacts_to"}
"""What is done to a message later, and where an event names that message."""


def text_of(received: Received) -> str:
    """The whole text, also where the record holds only its beginning."""
    return received.message.text if received.long_text is None else received.long_text


def names(received: Received) -> set[str]:
    """Every message that the event is or is about."""
    said = received.message
    return {said.natural_id, *filter(None, (said.edit_of, said.withdraws, said.reacts_to))}


def _whole(key: str) -> Comparison[Received]:
    return lambda said, fact: (spaced(fact[key]), spaced(text_of(said)))


def _within(key: str) -> Comparison[Received]:
    return lambda said, fact: (True, spaced(fact[key]) in spaced(text_of(said)))


def _reference(key: str) -> Comparison[Received]:
    return lambda said, fact: (True, str(fact[key]) in said.message.references)


def _time(key: str) -> Comparison[Received]:
    def compare(said: Received, fact: Facts) -> Found | object:
        wanted = moment(fact[key])
        return (wanted, said.message.provider_time) if wanted else NOT_OURS

    return compare


def _person(said: Received) -> str:
    return said.message.sender.value.removeprefix("+")


# --- lists of messages and states -----------------------------------------------------------------------------------


def _listed_id(said: Received, fact: Facts) -> Found:
    id_ = str(fact["id"])
    known = id_ in names(said) or said.message.natural_id.startswith(f"{id_}:")
    return (id_, id_ if known else said.message.natural_id)


def _deed(said: Received, fact: Facts) -> Found:
    done = [kind for kind, field in _DEEDS.items() if getattr(said.message, field) is not None]
    return ([fact["type"]] if fact["type"] in _DEEDS else [], done)


LISTED: Mapping[str, Comparison[Received]] = {
    "id": _listed_id,
    "from": lambda said, fact: NOT_OURS if "to" in fact else (str(fact["from"]).removeprefix("+"), _person(said)),
    "to": lambda said, fact: ((str(fact["to"]).removeprefix("+"), True), (_person(said), said.message.echo)),
    "type": _deed,
    "timestamp": _time("timestamp"),
    "text": _whole("text"),
    "caption": _whole("caption"),
    "title": _within("title"),
    "description": _within("description"),
    "latitude": _within("latitude"),
    "longitude": _within("longitude"),
    "reply_to": _reference("reply_to"),
    "reacts_to": lambda said, fact: (fact["reacts_to"], said.message.reacts_to),
    "emoji": lambda said, fact: (fact["emoji"] or "", said.message.text),
    "media_id": lambda said, fact: ([fact["media_id"]], [file.reference for file in said.message.attachments]),
    "mime_type": lambda said, fact: ([fact["mime_type"]], [file.media_type for file in said.message.attachments]),
    "filename": lambda said, fact: ([fact["filename"]], [file.name for file in said.message.attachments]),
}


def _state_time(said: ReceiptReceived, fact: Facts) -> Found | object:
    wanted = moment(fact["timestamp"])
    return (wanted, said.at) if wanted else NOT_OURS


STATES: Mapping[str, Comparison[ReceiptReceived]] = {
    "id": lambda said, fact: (fact["id"], said.provider_id),
    "status": lambda said, fact: (_STATES[fact["status"]], said.state),
    "timestamp": _state_time,
    "error_codes": lambda said, _: (True, said.reason is not None),
}


def lists(parsed: Parsed, facts: Facts) -> Agreement:
    """Messages, echoes and states, each known by its id."""
    result = Agreement()
    said = [*facts.get("messages", ()), *facts.get("echoes", ())]
    told = [one for one in facts.get("statuses", ()) if one.get("status") in _STATES]
    if not parsed.unreadable:
        result.same("number of messages", len(said), len(parsed.received))
        result.same("number of statuses", len(told), len(parsed.receipts))
    for number, fact in enumerate(said):
        event = _by_id(parsed.received, number, fact, names)
        if event is None:
            continue
        result.hold(LISTED, event, fact, at=f"messages.{number}.")
        known, name = facts.get("contact_names", ()), event.message.sender.name
        if known and "to" not in fact and (name or len(known) >= len(said)):
            result.same(f"messages.{number}.name", True, name in known)
    for number, fact in enumerate(told):
        receipt = _by_id(parsed.receipts, number, fact, lambda one: {one.provider_id})
        if receipt is not None:
            result.hold(STATES, receipt, fact, at=f"statuses.{number}.")
    result.leave(*(name for name in facts if name not in ("messages", "echoes", "statuses", "contact_names")))
    return result


def _by_id(events: Sequence[Said], number: int, fact: Facts, ids: Callable[[Said], set[str]]) -> Said | None:
    """The event of that place, unless only another one has the id."""
    here = events[number : number + 1]
    same_id = [one for one in (*here, *events) if str(fact.get("id")) in ids(one)]
    return next(iter(same_id or here), None)


# --- events between two people --------------------------------------------------------------------------------------


def _sender(said: Received, fact: Facts) -> Found:
    """Who the customer is: the sender; of an echo one of the two, as the payload says whose page it is."""
    if fact.get("is_echo"):
        return (True, said.message.sender.value in (str(fact["sender"]), str(fact["recipient"])))
    return (str(fact["sender"]), said.message.sender.value)


def _files(said: Received, fact: Facts) -> Found:
    wanted = [kind for kind in fact["attachment_types"] if kind not in _SPOKEN_FILES]
    if not wanted:
        return (True, bool(said.message.text))
    return (wanted, [file.name for file in said.message.attachments if file.reference])


def _postback(said: Received, fact: Facts) -> Found:
    return (spaced(fact.get("postback_title") or fact["postback"]), spaced(said.message.text))


EVENT: Mapping[str, Comparison[Received]] = {
    "sender": _sender,
    "timestamp": _time("timestamp"),
    "mid": lambda said, fact: (True, str(fact["mid"]) in names(said)),
    "edited_mid": lambda said, fact: (fact["edited_mid"], said.message.edit_of),
    "is_deleted": lambda said, fact: (fact.get("mid") if fact["is_deleted"] else None, said.message.withdraws),
    "is_echo": lambda said, fact: (bool(fact["is_echo"]), bool(said.message.echo)),
    "reacts_to": lambda said, fact: (fact["reacts_to"], said.message.reacts_to),
    "reaction": lambda said, fact: (fact["reaction"], said.message.text),
    "reaction_action": lambda said, fact: (fact["reaction_action"] == "react", bool(said.message.text)),
    "text": _whole("text"),
    "postback": _postback,
    "reply_to": _reference("reply_to"),
    "attachment_types": _files,
}
_MESSAGE = {"mid", "edited_mid", "reacts_to", "postback", "text"}
_RECEIPT = {"read", "delivered_mids"}


def conversation(parsed: Parsed, facts: Facts) -> Agreement:
    """Events in their order; each is a message, or a word on messages of ours, or none of the two."""
    result = Agreement()
    said, told = list(parsed.received), list(parsed.receipts)
    events = [fact for fact in facts.get("messaging", ()) if not fact.get("standby")]
    for number, fact in enumerate(events):
        if _RECEIPT & fact.keys():
            _word(result, fact, told, at=f"messaging.{number}.")
        elif _MESSAGE & fact.keys() and said:
            result.hold(EVENT, _taken(said, fact), fact, at=f"messaging.{number}.")
        elif _MESSAGE & fact.keys() and not parsed.unreadable:
            result.same(f"messaging.{number}", "a message", "none")
        else:
            result.leave(*(f"messaging.{number}.{name}" for name in fact))
    known = [fact for fact in events if (_MESSAGE | _RECEIPT) & fact.keys()]
    if len(known) == len(facts.get("messaging", ())):  # of the others nobody knows whether they are to become events
        result.same("events beyond the facts", 0, len(said) + len(told))
    result.leave(*(name for name in facts if name != "messaging"))
    return result


def _taken(said: list[Received], fact: Facts) -> Received:
    """The event with that id, else the next one; it is gone from the list."""
    ids = {str(fact[key]) for key in ("mid", "edited_mid") if key in fact}
    return said.pop(next((place for place, event in enumerate(said) if ids & names(event)), 0))


def _word(result: Agreement, fact: Facts, told: list[ReceiptReceived], *, at: str) -> None:
    """A delivery or a reading, by the ids it names or up to a moment."""
    seen = fact.get("read")
    ids = [str(one) for one in fact.get("delivered_mids") or ([seen] if isinstance(seen, str) else [""])]
    mine, told[:] = told[: len(ids)], told[len(ids) :]
    result.same(f"{at}ids", ids, [receipt.provider_id for receipt in mine])
    result.same(f"{at}state", {"read" if seen is not None else "delivered"}, {receipt.state for receipt in mine})
    if isinstance(seen, int) and mine:
        result.same(f"{at}read", (moment(seen), str(fact.get("sender"))), (mine[0].through, mine[0].recipient))


# --- updates of a bot -----------------------------------------------------------------------------------------------


def _update_id(said: Received, fact: Facts) -> Found | object:
    if "chat_id" not in fact:
        return NOT_OURS
    place = f"{fact['chat_id']}:{fact['message_id']}"
    known = set(said.message.references) if "callback_id" in fact else names(said)
    return (True, place in known or any(name.endswith(f":{place}") for name in known))


def _topic(said: Received, fact: Facts) -> Found:
    """Some ids of a thread only name what a message answers, in a group without topics."""
    wanted = f"{fact['chat_id']}:{fact['thread_id']}"
    return (wanted, wanted if said.message.thread == str(fact["chat_id"]) else said.message.thread)


def _answered(said: Received, fact: Facts) -> Found | object:
    """The first message of a topic is answered by all of them, which says nothing."""
    if fact["reply_to_message_id"] == fact.get("thread_id"):
        return NOT_OURS
    return (True, f"{fact['chat_id']}:{fact['reply_to_message_id']}" in said.message.references)


def _pressed(fact: Facts) -> bool:
    return "callback_id" in fact


UPDATE: Mapping[str, Comparison[Received]] = {
    "from_id": lambda said, fact: (str(fact["from_id"]), said.message.sender.value),
    "from_first_name": lambda said, fact: (True, (said.message.sender.name or "").startswith(fact["from_first_name"])),
    "message_id": _update_id,
    "thread_id": _topic,
    "reply_to_message_id": _answered,
    "callback_id": lambda said, fact: (True, str(fact["callback_id"]) in said.message.natural_id),
    "type": lambda said, fact: (fact["type"].startswith("edited_"), said.message.edit_of is not None),
    "text": lambda said, fact: NOT_OURS if _pressed(fact) else _whole("text")(said, fact),
    "caption": lambda said, fact: NOT_OURS if _pressed(fact) else _whole("caption")(said, fact),
    "file_id": lambda said, fact: ([fact["file_id"]], [file.reference for file in said.message.attachments]),
    "chat_id": lambda said, fact: (True, (said.message.thread or "").startswith(str(fact["chat_id"]))),
    "date": lambda said, fact: (
        NOT_OURS if _pressed(fact) or said.message.edit_of or not fact["date"] else _time("date")(said, fact)
    ),
}


def update(parsed: Parsed, facts: Facts) -> Agreement:
    """One update is one event at most."""
    result = Agreement()
    if parsed.received:
        result.hold(UPDATE, parsed.received[0], facts)
    else:
        result.leave(*facts)
    return result


def knows(facts: Facts) -> Callable[[Parsed, Facts], Agreement] | None:
    """The comparison for facts of that shape; None where they are no chat's."""
    if "update_id" in facts:
        return update
    if "messaging" in facts:
        return conversation
    return lists if {"messages", "statuses", "echoes"} & facts.keys() else None

"""What is done to a message of Telegram's after it was written: reactions, and messages that were deleted."""

from typing import Any

from shared.channels.base import AccountContext, Parsed, Received, Request
from shared.channels.formats import telegram_names as names
from shared.channels.formats.json_body import integer, mapping, objects, string
from shared.contracts.inbound_messages import MessageReceived
from shared.errors import Invalid

DELETED_MAX = 1_000
CUSTOM = "\N{WHITE MEDIUM STAR}"
"""Stands for a reaction that is no emoji of Unicode's: a picture of Telegram's own, or a paid star."""


def reaction(given: dict[str, Any], update: int, request: Request, account: AccountContext) -> Parsed:
    """The newest emoji that somebody has left on a message, or none any more."""
    target = names.natural_id(given)
    who = names.person(mapping(given, "user") or mapping(given, "actor_chat"))
    left = objects(given, "new_reaction")
    message = MessageReceived(
        channel=names.KIND,
        account=account.id,
        natural_id=f"{target}:reaction:{who.value}:{integer(given, 'date') or 0}:{update}",
        reacts_to=target,
        sender=who,
        thread=str(names.chat(given)),
        text=(string(left[-1], "emoji") or CUSTOM)[:64] if left else "",
        provider_time=names.moment(integer(given, "date")),
        accepted_at=request.received_at,
    )
    return Parsed((Received(message),))


def deleted(given: dict[str, Any], request: Request, account: AccountContext) -> Parsed:
    """Messages of a business chat that are gone; who deleted them is not said, so only what is his own goes."""
    named = given.get("message_ids")
    numbers = [number for number in named if type(number) is int] if isinstance(named, list) else []
    if not 0 < len(numbers) <= DELETED_MAX:
        raise Invalid("it names no messages", reason="no_message_id")
    who = names.person(mapping(given, "chat"))
    found = []
    for number in dict.fromkeys(numbers):
        target = names.natural_id(given | {"message_id": number})
        message = MessageReceived(
            channel=names.KIND,
            account=account.id,
            natural_id=f"{target}:withdrawn",
            withdraws=target,
            sender=who,
            thread=str(names.chat(given)),
            accepted_at=request.received_at,
        )
        found.append(Received(message))
    return Parsed(tuple(found))


def membership(given: dict[str, Any]) -> str:
    """Why a change of our bot's own standing is left aside: somebody blocked it, or let it in again."""
    before, after = (string(mapping(given, name), "status") for name in ("old_chat_member", "new_chat_member"))
    if after == "kicked":
        return "bot-blocked"
    return "bot-unblocked" if before == "kicked" else "not-a-message"

"""Requests that hold many events: what one of them breaks costs its neighbours nothing.

The provider will not send those again: they go out, and the whole stands in quarantine for the one.
"""

from collections.abc import Callable, Iterable
from typing import Any

from pydantic import ValidationError

from shared.channels.base import Parsed
from shared.errors import Invalid

Reader = Callable[[dict[str, Any]], Parsed]


def each(items: Iterable[Any], read: Reader) -> Parsed:
    """Every object read one by one; one that cannot be read only says why."""
    return merged(_one(item, read) for item in items)


def _one(item: Any, read: Reader) -> Parsed:
    try:
        if not isinstance(item, dict):
            return Parsed(unreadable=("wrong_type",))
        return read(item)
    except Invalid as refusal:
        return Parsed(unreadable=(refusal.reason,))
    except ValidationError:
        return Parsed(unreadable=("wrong_value",))


def merged(parts: Iterable[Parsed]) -> Parsed:
    """All of them as one; `ignored` is the first reason that any of them gives."""
    every = list(parts)
    return Parsed(
        received=tuple(received for part in every for received in part.received),
        receipts=tuple(receipt for part in every for receipt in part.receipts),
        ignored=next((part.ignored for part in every if part.ignored), None),
        unreadable=tuple(reason for part in every for reason in part.unreadable),
    )


def settled(parsed: Parsed) -> Parsed:
    """What a whole request comes to; raises Invalid where nothing of it could be read, or nothing is in it."""
    if parsed.received or parsed.receipts:
        return Parsed(parsed.received, parsed.receipts, unreadable=parsed.unreadable)
    if parsed.unreadable:
        reasons = ", ".join(dict.fromkeys(parsed.unreadable))
        raise Invalid(f"nothing in the request could be read here: {reasons}", reason=parsed.unreadable[0])
    if parsed.ignored is None:
        raise Invalid("the request holds no events", reason="no_events")
    return parsed

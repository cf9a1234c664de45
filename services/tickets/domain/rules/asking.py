"""Whether a rule's conditions hold for a ticket, and if not, which one did not."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from services.tickets.domain.rules.words import folded, has
from services.tickets.domain.ticket import Ticket
from shared.contracts.conditions import (
    AccountIs,
    All,
    AnyOf,
    Assigned,
    ChannelIs,
    CycleIs,
    HoursSince,
    IntentIs,
    LanguageIs,
    NoneOf,
    OpeningHours,
    PriorityIs,
    SaysWords,
    ShopIs,
    StateIs,
    TagsHave,
    members,
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What there is to know about a ticket at a moment; the last four only where a rule asks (`needs`)."""

    ticket: Ticket
    now: datetime
    open: bool = True
    """Whether its shop is open."""
    text: str = field(default="", repr=False)
    """The customer's newest message."""
    automatic: bool = False
    """Whether that message was a machine's."""
    customer_replied_at: datetime | None = None
    desk_replied_at: datetime | None = None
    """When a person of the desk last wrote to the customer."""


Condition = Any
"""One of shared.contracts.conditions; mypy cannot follow the recursive union through its discriminators."""


def why_not(condition: Condition, facts: Facts) -> str | None:
    """None where the condition holds, else what was not so; never the customer's words."""
    if isinstance(condition, All):
        return next((why for one in condition.all if (why := why_not(one, facts)) is not None), None)
    if isinstance(condition, AnyOf):
        whys = [why_not(one, facts) for one in condition.any]
        return None if None in whys else f"none of: {'; '.join(filter(None, whys))}"
    if isinstance(condition, NoneOf):
        held = [one for one in condition.none if why_not(one, facts) is None]
        return f"not wanted: {_named(held[0])}" if held else None
    return _TESTS[type(condition)](condition, facts)


def _named(condition: Condition) -> str:
    return (
        " and ".join(map(_named, members(condition)))
        if isinstance(condition, All | AnyOf | NoneOf)
        else str(condition.field)
    )


def _one_of(name: str) -> Callable[[Any, Facts], str | None]:
    def test(condition: Any, facts: Facts) -> str | None:
        value = getattr(facts.ticket, name)
        return None if value in condition.any_of else f"{name} is {value or 'not known'}"

    return test


def _language(condition: LanguageIs, facts: Facts) -> str | None:
    spoken = facts.ticket.language
    if spoken is not None and any(spoken == tag or spoken.startswith(f"{tag}-") for tag in condition.any_of):
        return None
    return f"language is {spoken or 'not known'}"


def _tags(condition: TagsHave, facts: Facts) -> str | None:
    there = set(facts.ticket.tags)
    if missing := [tag for tag in condition.all_of if tag not in there]:
        return f"tag {missing[0]} is missing"
    return "none of the tags is there" if condition.any_of and there.isdisjoint(condition.any_of) else None


def _assigned(condition: Assigned, facts: Facts) -> str | None:
    holder = facts.ticket.assignee
    if (holder is not None) != condition.held:
        return f"held by {holder or 'nobody'}"
    return None if not condition.any_of or holder in condition.any_of else f"held by {holder}"


def _says(condition: SaysWords, facts: Facts) -> str | None:
    words = folded((facts.ticket.subject or "") if condition.field == "subject" else facts.text)
    found = any(has(words, phrase) for phrase in _phrases(condition.any_of))
    return None if found else f"{condition.field} has none of the words"


@lru_cache(maxsize=1024)
def _phrases(given: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(folded, given))


def _open(condition: OpeningHours, facts: Facts) -> str | None:
    return None if facts.open == condition.open else f"the shop is {'open' if facts.open else 'closed'}"


def _since(condition: HoursSince, facts: Facts) -> str | None:
    moment = {
        "opened": facts.ticket.opened_at,
        "cycle-began": facts.ticket.cycle_started_at,
        "customer-replied": facts.customer_replied_at,
        "desk-replied": facts.desk_replied_at,
    }[condition.of]
    if moment is None:
        return f"never {condition.of}"
    hours = (facts.now - moment) / timedelta(hours=1)
    late_enough = condition.at_least is None or hours >= condition.at_least
    soon_enough = condition.less_than is None or hours < condition.less_than
    return None if late_enough and soon_enough else f"{hours:.1f} hours since {condition.of}"


def _cycle(condition: CycleIs, facts: Facts) -> str | None:
    return None if facts.ticket.cycle >= condition.at_least else f"opened {facts.ticket.cycle} times"


_TESTS: dict[type, Callable[[Any, Facts], str | None]] = {
    ChannelIs: _one_of("channel"),
    AccountIs: _one_of("account"),
    ShopIs: _one_of("shop"),
    PriorityIs: _one_of("priority"),
    StateIs: _one_of("state"),
    IntentIs: _one_of("intent"),
    LanguageIs: _language,
    TagsHave: _tags,
    Assigned: _assigned,
    SaysWords: _says,
    OpeningHours: _open,
    HoursSince: _since,
    CycleIs: _cycle,
}
_LASTING = {ChannelIs: "channel", AccountIs: "account", ShopIs: "shop"}
"""What never changes on a ticket, and stands on each of its events."""


def possible(condition: Condition | None, channel: str, account: str, shop: str | None) -> bool | None:
    """Whether a condition can hold, by what every event carries: False where it cannot, None where it may."""
    if condition is None:
        return True
    if isinstance(condition, All | AnyOf | NoneOf):
        found = [possible(one, channel, account, shop) for one in members(condition)]
        if isinstance(condition, All):
            return False if False in found else None if None in found else True
        some = True if True in found else None if None in found else False
        return some if isinstance(condition, AnyOf) or some is None else not some
    name = _LASTING.get(type(condition))
    return None if name is None else {"channel": channel, "account": account, "shop": shop}[name] in condition.any_of


def needs_messages(condition: Condition | None) -> bool:
    """Whether a condition asks what was said, or when."""
    if isinstance(condition, All | AnyOf | NoneOf):
        return any(map(needs_messages, members(condition)))
    if isinstance(condition, SaysWords):
        return condition.field == "text"
    return isinstance(condition, HoursSince) and condition.of in ("customer-replied", "desk-replied")

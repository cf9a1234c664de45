"""What happens on a ticket that rules can wait for: told by its events, or by time that passes without one."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from shared.calendar import Calendar, NeverOpens
from shared.contracts.envelope import Message
from shared.contracts.rules import InState, NoReply, On, OnClock, OnState, OnTag, Trigger
from shared.contracts.ticket_events import (
    MessageAdded,
    State,
    StateChanged,
    TicketAssigned,
    TicketChanged,
    TicketEvent,
    TicketOpened,
    TicketReopened,
)

OVER = frozenset({"solved", "closed"})
"""States in which nobody waits for a reply."""

_OF_FIELD = {
    "priority": "priority-changed",
    "intent": "intent-changed",
    "language": "language-changed",
    "subject": "subject-changed",
    "order_name": "order-changed",
}


@dataclass(frozen=True, slots=True)
class Happened:
    """What an event, or a timer, says to rules."""

    kinds: frozenset[str]
    was: State | None = None
    to: State | None = None
    added: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()
    clock: str | None = None
    """The kind of the clock that warned or was breached."""
    timed: str | None = None
    """The name of the trigger that became due."""


NOTHING = Happened(frozenset())


def happened(data: Message) -> Happened:
    """What a ticket's event says to rules; what a rule, a bot or a machine wrote is no reply of anybody."""
    told = _TOLD.get(data.TYPE)
    return told(data) if told is not None else NOTHING


def _said(data: MessageAdded) -> frozenset[str]:
    if data.author == "customer":
        return frozenset() if data.automatic else frozenset({"customer-replied"})
    if data.author == "agent":
        return frozenset({"note-added" if data.note else "agent-replied"})
    return frozenset()


def _changed(data: TicketChanged) -> Happened:
    kinds = {_OF_FIELD[field] for field in data.fields if field in _OF_FIELD}
    kinds |= {kind for kind, tags in (("tagged", data.added), ("untagged", data.removed)) if tags}
    if "snoozed_until" in data.fields:
        kinds.add("snoozed" if data.snoozed_until else "snooze-over")
    return Happened(frozenset(kinds), added=frozenset(data.added or ()), removed=frozenset(data.removed or ()))


SLA_WARNED = "switchboard.sla.warned.v1"
SLA_BREACHED = "switchboard.sla.breached.v1"
_TOLD: dict[str, Callable[[Any], Happened]] = {
    TicketOpened.TYPE: lambda _: Happened(frozenset({"opened"})),
    TicketReopened.TYPE: lambda data: Happened(
        frozenset({"reopened", "customer-replied", "state-changed"}), "solved", data.state
    ),
    MessageAdded.TYPE: lambda data: Happened(_said(data)),
    StateChanged.TYPE: lambda data: Happened(frozenset({"state-changed"}), data.was, data.state),
    TicketChanged.TYPE: _changed,
    TicketAssigned.TYPE: lambda data: Happened(frozenset({"assigned" if data.agent else "released"})),
    SLA_WARNED: lambda data: Happened(frozenset({"sla-warned"}), clock=data.kind),
    SLA_BREACHED: lambda data: Happened(frozenset({"sla-breached"}), clock=data.kind),
}
KINDS: dict[str, frozenset[str]] = {
    TicketOpened.TYPE: frozenset({"opened"}),
    TicketReopened.TYPE: frozenset({"reopened", "customer-replied", "state-changed"}),
    MessageAdded.TYPE: frozenset({"customer-replied", "agent-replied", "note-added"}),
    StateChanged.TYPE: frozenset({"state-changed"}),
    TicketChanged.TYPE: frozenset({*_OF_FIELD.values(), "tagged", "untagged", "snoozed", "snooze-over"}),
    TicketAssigned.TYPE: frozenset({"assigned", "released"}),
    SLA_WARNED: frozenset({"sla-warned"}),
    SLA_BREACHED: frozenset({"sla-breached"}),
}
"""The events that rules are about, by type, with what they may say."""


def fits(trigger: Trigger, what: Happened) -> bool:
    """Whether a trigger waits for this."""
    if isinstance(trigger, NoReply | InState):
        return what.timed == name_of(trigger)
    if trigger.event not in what.kinds:
        return False
    if isinstance(trigger, OnState):
        return trigger.was in (None, what.was) and trigger.to in (None, what.to)
    if isinstance(trigger, OnClock):
        return trigger.clock in (None, what.clock)
    if isinstance(trigger, OnTag) and trigger.any_of:
        return not (what.added if trigger.event == "tagged" else what.removed).isdisjoint(trigger.any_of)
    return isinstance(trigger, On | OnTag)


Timed = NoReply | InState


def name_of(trigger: Timed) -> str:
    """The trigger by what it waits for: one that is changed is another one, and its timers are no one's any more."""
    about = trigger.by if isinstance(trigger, NoReply) else trigger.state
    return f"{trigger.event}.{about}.{trigger.minutes}.{trigger.hours}"


def due_at(trigger: Timed, since: datetime, calendar: Calendar | None) -> datetime | None:
    """When so much time has passed; None where the shop never opens for so long."""
    if trigger.hours == "calendar" or calendar is None:
        return since + timedelta(minutes=trigger.minutes)
    try:
        return calendar.add_business(since, trigger.minutes * 60)
    except NeverOpens:
        return None


Setting = Literal["start", "restart", "end"]
"""A time begins unless it runs already, begins anew, or is over."""


def sets(trigger: Timed, data: TicketEvent) -> Setting | None:
    """What an event does to the time that a trigger counts; None: nothing."""
    if isinstance(data, TicketChanged):
        return "end" if data.spam and "spam" in data.fields else None
    return _in_state(trigger, data) if isinstance(trigger, InState) else _without_reply(trigger, data)


def _in_state(trigger: InState, data: TicketEvent) -> Setting | None:
    if isinstance(data, TicketOpened | TicketReopened | StateChanged):
        was = data.was if isinstance(data, StateChanged) else "solved"
        return "restart" if data.state == trigger.state else "end" if was == trigger.state else None
    if isinstance(data, TicketAssigned) and data.agent is not None:  # the first holder ends `new`
        ends_new: dict[State, Setting] = {"new": "end", "open": "start"}
        return ends_new.get(trigger.state) if data.state == "open" else None
    return None


def _without_reply(trigger: NoReply, data: TicketEvent) -> Setting | None:
    if isinstance(data, StateChanged | TicketOpened) and data.state in OVER:
        return "end" if isinstance(data, StateChanged) else None
    kinds = happened(data).kinds
    desk_began = isinstance(data, TicketOpened) and data.author == "agent"
    if "agent-replied" in kinds or desk_began:
        return "end" if trigger.by == "agent" and not desk_began else "restart" if trigger.by == "customer" else None
    if "customer-replied" in kinds or "opened" in kinds:
        return "start" if trigger.by == "agent" else "end" if "opened" not in kinds else None
    return None


def began_at(data: TicketEvent, told_at: datetime) -> datetime:
    """When what an event tells happened: when its message was accepted, so that an outage moves no time."""
    if isinstance(data, MessageAdded) and data.accepted_at is not None:
        return data.accepted_at
    return data.cycle_started_at if isinstance(data, TicketOpened | TicketReopened) else told_at

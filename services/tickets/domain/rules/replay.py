"""What a rule would have done about what happened to a ticket: nothing is changed, each event is looked at alone."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.tickets.domain.rules.asking import Facts
from services.tickets.domain.rules.engine import Known, Outcome, RuleSet, run
from services.tickets.domain.rules.triggers import Timed, began_at, due_at, happened, name_of, sets
from services.tickets.domain.ticket import Ticket
from shared.calendar import Calendar
from shared.contracts.envelope import Event
from shared.contracts.ticket_events import TicketAssigned, TicketEvent


@dataclass(frozen=True, slots=True)
class Words:
    """A message of the ticket."""

    at: datetime
    author: str
    automatic: bool
    note: bool
    text: str


@dataclass(frozen=True, slots=True)
class Would:
    """What a rule would have done, when, and upon what."""

    at: datetime
    trigger: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class _Time:
    trigger: Timed
    due: datetime


def replay(
    known: Known,
    ticket: Ticket,
    history: Sequence[Event[TicketEvent]],
    said: Sequence[Words],
    *,
    calendar: Calendar | None,
    since: datetime,
    now: datetime,
) -> list[Would]:
    """What the rule would have done from `since` to `now`, by the ticket's events and messages, each in their order."""
    rules, found = RuleSet.of([known]), list[Would]()
    waiting: dict[str, _Time] = {}
    then = replace(ticket, assignee=None)
    for event in history:
        found += _passed(known, then, said, waiting, calendar, until=event.time)
        then = _as_of(then, event)
        for _, trigger in rules.timed:
            _set(waiting, trigger, event, calendar)
        what = happened(event.data)
        if rules.waiting_for(what, (then.channel, then.account, then.shop)):
            found.append(_would(known, then, said, calendar, event.time, " ".join(sorted(what.kinds))))
    found += _passed(known, then, said, waiting, calendar, until=now)
    return [one for one in found if one.at >= since]


def _as_of(ticket: Ticket, event: Event[TicketEvent]) -> Ticket:
    """The ticket as the event told it."""
    data = event.data
    return replace(
        ticket,
        version=event.version or ticket.version,
        state=data.state,
        priority=data.priority,
        language=data.language,
        cycle=data.cycle,
        cycle_started_at=data.cycle_started_at,
        intent=data.intent,
        tags=data.tags or (),
        snoozed_until=data.snoozed_until,
        spam=bool(data.spam),
        assignee=data.agent if isinstance(data, TicketAssigned) else ticket.assignee,
        merged_into=None,
    )


def _set(waiting: dict[str, _Time], trigger: Timed, event: Event[TicketEvent], calendar: Calendar | None) -> None:
    does, name = sets(trigger, event.data), name_of(trigger)
    if does == "end":
        waiting.pop(name, None)
    elif does == "restart" or (does == "start" and name not in waiting):
        due = due_at(trigger, began_at(event.data, event.time), calendar)
        if due is not None:
            waiting[name] = _Time(trigger, due)


def _passed(
    known: Known,
    ticket: Ticket,
    said: Sequence[Words],
    waiting: dict[str, _Time],
    calendar: Calendar | None,
    *,
    until: datetime,
) -> list[Would]:
    """What became due before `until`; it is due once."""
    due = sorted((name for name, time in waiting.items() if time.due <= until), key=lambda name: waiting[name].due)
    passed = [waiting.pop(name) for name in due]
    return [_would(known, ticket, said, calendar, time.due, time.trigger.event) for time in passed]


def _would(
    known: Known, ticket: Ticket, said: Sequence[Words], calendar: Calendar | None, at: datetime, trigger: str
) -> Would:
    asked = [one for one in said if one.at <= at and one.author == "customer"]
    by_people = [one.at for one in asked if not one.automatic]
    replies = [one.at for one in said if one.at <= at and one.author == "agent" and not one.note]
    facts = Facts(
        ticket,
        at,
        open=calendar is None or calendar.is_open(at),
        text=asked[-1].text if asked else "",
        automatic=bool(asked) and asked[-1].automatic,
        customer_replied_at=max(by_people, default=None),
        desk_replied_at=max(replies, default=None),
    )
    return Would(at, trigger, run([known], facts)[0])

"""A rule tried on the past: each event as the ticket was then, times as they would have run out."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

from services.tickets import facts
from services.tickets.domain.rules.engine import Known
from services.tickets.domain.rules.replay import Words, Would, replay
from services.tickets.domain.ticket import Ticket
from shared.contracts.envelope import Event
from shared.contracts.ticket_events import MessageAdded, TicketEvent, TicketOpened
from tests.unit.test_tickets_rules import NOW, rule, ticket

HOUR = timedelta(hours=1)


def told(data: TicketEvent, hours_ago: float, version: int = 1) -> Event[TicketEvent]:
    """An event so long ago."""
    return Event(uuid4(), "tickets", NOW - hours_ago * HOUR, "main", data, shop="acme", version=version)


def tried(known: Known, now: Ticket, *history: Event[TicketEvent], said: tuple[Words, ...] = ()) -> list[Would]:
    """What the rule would have done in the last ten hours."""
    return replay(known, now, history, said, calendar=None, since=NOW - 10 * HOUR, now=NOW)


def message(author: str, hours_ago: float, text: str = "") -> Words:
    """A message so long ago."""
    return Words(NOW - hours_ago * HOUR, author, False, False, text)


def test_conditions_are_asked_of_the_ticket_as_it_was() -> None:
    before, now = ticket(state="new"), ticket(state="solved", priority="high")
    opened = told(TicketOpened(**facts.carried(before), message=uuid4()), 5)
    (would,) = tried(rule(conditions={"field": "state", "any_of": ["new"]}), now, opened)
    assert (would.at, would.trigger, would.outcome.acts) == (opened.time, "opened", True)


def test_only_words_that_were_there_are_read() -> None:
    now = ticket(state="open")
    opened = told(TicketOpened(**facts.carried(now), message=uuid4()), 5)
    again = told(MessageAdded(**facts.carried(now), message=uuid4(), author="customer"), 1)
    asked = rule(
        when=[{"event": "opened"}, {"event": "customer-replied"}], conditions={"field": "text", "any_of": ["refund"]}
    )
    said = (message("customer", 5.1, "Hello"), message("customer", 1.1, "A refund!"))
    assert [would.outcome.matched for would in tried(asked, now, opened, again, said=said)] == [False, True]


def test_what_is_older_is_left_out_but_counts() -> None:
    now = ticket()
    opened = told(TicketOpened(**facts.carried(replace(now, cycle_started_at=NOW - 20 * HOUR)), message=uuid4()), 20)
    assert tried(rule(), now, opened) == []
    waiting = rule(when=[{"event": "no-reply", "by": "agent", "minutes": 15 * 60}])
    assert [(would.at, would.trigger) for would in tried(waiting, now, opened)] == [(NOW - 5 * HOUR, "no-reply")]


def test_a_time_that_a_reply_overtook_does_not_run_out() -> None:
    now = replace(ticket(state="open"), cycle_started_at=NOW - 5 * HOUR)
    opened = told(TicketOpened(**facts.carried(now), message=uuid4()), 5)
    said: dict[str, Any] = {"message": uuid4(), "author": "agent", "by": "anna"}
    answered = told(MessageAdded(**facts.carried(now), **said), 4)
    waiting = rule(when=[{"event": "no-reply", "by": "agent", "minutes": 120}])
    assert tried(waiting, now, opened, answered) == []
    assert len(tried(waiting, now, opened)) == 1
    reminding = rule(when=[{"event": "no-reply", "by": "customer", "minutes": 120}])
    assert [would.at for would in tried(reminding, now, opened, answered)] == [NOW - 2 * HOUR]

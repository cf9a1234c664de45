"""The life cycle under any mix of messages, answers, edits, time and routing: no illegal state can be reached (T1)."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.tickets.domain.answering import TicketClosed, answer, echo, note
from services.tickets.domain.assignment import copy_routing
from services.tickets.domain.counting import MarkedSpam, NotTheCustomers, Standing, TakenBack, count
from services.tickets.domain.editing import Edit, edit
from services.tickets.domain.joining import Joined, join
from services.tickets.domain.receive import receive
from services.tickets.domain.ticket import ALLOWED, Ticket, close, over, solve
from shared.contracts.routing_events import TicketEnqueued
from shared.contracts.ticket_events import STATES
from shared.errors import Refused
from tests.factories import START, message, taken
from tests.unit.test_tickets_domain import NEW, PERSON, ticket

WEEK = timedelta(days=7)
SPAN = st.timedeltas(timedelta(), timedelta(days=9))
QUIET = st.sampled_from([None, None, "auto-reply", "thanks", "bulk"])
EDITS = st.builds(
    Edit,
    state=st.sampled_from(STATES),
    priority=st.sampled_from(["urgent", "normal"]),
    spam=st.sampled_from([False, False, False, True]),
    clock=st.sampled_from(["runs", "runs", "void"]),
)


class Life(RuleBasedStateMachine):
    """One person's tickets on a chat: the newest is the one that everything is done to."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.number = 0
        self.tickets: list[Ticket] = []
        self.said: dict[UUID, list[Standing]] = {}
        self.history: list[tuple[Ticket, Ticket]] = []

    @property
    def ticket(self) -> Ticket:
        return self.tickets[-1]

    def become(self, after: Ticket) -> None:
        before = self.ticket
        if after is not before:
            self.history.append((before, after))
            self.tickets[-1] = after

    @initialize(automatic=QUIET)
    def opens(self, automatic: str | None) -> None:
        self.writes(automatic)

    @rule(automatic=QUIET)
    def writes(self, automatic: str | None) -> None:
        self.number += 1
        event = message(number=self.number, automatic=automatic, accepted_at=self.now)
        named = self.tickets[-1] if self.tickets else None
        joined = (
            join(event.data, named=named, of_person=self.tickets, conversational=(), reopen_for=WEEK)
            if named
            else Joined(None, "new")
        )
        new_id = uuid5(NEW, str(self.number))
        received = receive(event, joined, new_id=new_id, person=PERSON, language=None)
        if joined.ticket is None:
            assert received.did == "opened"
            assert named is None or over(named, self.now, WEEK)
            self.tickets.append(received.ticket)
        else:
            assert named is not None
            if automatic is not None or named.spam:
                assert (received.did, received.ticket.state) == ("added", joined.ticket.state)
            else:
                assert received.ticket.state in ("new", "open")
                assert received.ticket.snoozed_until is None
            self.become(received.ticket)
        told = Standing(event.id, "customer", automatic, received.did, self.now)
        self.said.setdefault(received.ticket.id, []).append(told)

    @rule(span=SPAN)
    def time_passes(self, span: timedelta) -> None:
        self.now += span

    @precondition(lambda self: self.ticket.state == "solved" and over(self.ticket, self.now, WEEK))
    @rule()
    def the_sweep_closes(self) -> None:
        self.become(close(self.ticket, self.now))

    @precondition(lambda self: self.ticket.state == "pending" and self.ticket.snoozed_until is None)
    @rule()
    def the_sweep_solves(self) -> None:
        self.become(solve(self.ticket, self.now))

    @precondition(lambda self: self.ticket.snoozed_until is not None)
    @rule()
    def a_snooze_ends(self) -> None:
        assert self.ticket.snoozed_until is not None
        self.now = max(self.now, self.ticket.snoozed_until)
        self.become(edit(self.ticket, Edit(snoozed_until=None), self.now).ticket)

    @rule(wanted=st.sampled_from([None, *STATES]))
    def an_agent_answers(self, wanted: Any) -> None:
        try:
            said = answer(self.ticket, wanted, self.now)
        except Refused:
            assert self.ticket.state == "closed" or wanted not in ALLOWED[self.ticket.state]
            return
        self.become(said.ticket)

    @rule(ago=st.timedeltas(timedelta(), timedelta(hours=3)))
    def the_desk_writes_elsewhere(self, ago: timedelta) -> None:
        self.become(echo(self.ticket, self.now - ago, None).ticket)

    @rule()
    def an_agent_notes(self) -> None:
        before = self.ticket
        self.become(note(before).ticket)
        assert replace(self.ticket, version=before.version) == before

    @rule(wanted=EDITS)
    def somebody_edits(self, wanted: Edit) -> None:
        self._edit(wanted)

    @rule(span=st.timedeltas(timedelta(minutes=-1), timedelta(days=3)))
    def somebody_snoozes(self, span: timedelta) -> None:
        self._edit(Edit(snoozed_until=self.now + span))

    def _edit(self, wanted: Edit) -> None:
        try:
            done = edit(self.ticket, wanted, self.now)
        except Refused:
            return
        self.become(done.ticket)

    @rule(number=st.integers(0, 5))
    def an_agent_lets_a_message_count(self, number: int) -> None:
        said = self.said.get(self.ticket.id, [])
        if not said:
            return
        place = number % len(said)
        try:
            counted = count(self.ticket, said[place])
        except Refused:
            assert self.ticket.state == "closed" or self.ticket.spam
            return
        if counted is None:
            assert said[place].automatic is None
            return
        assert counted.ticket.state in ("new", "open")
        said[place] = replace(said[place], automatic=None, did="reopened" if counted.did == "reopened" else "added")
        self.become(counted.ticket)

    @rule(holder=st.sampled_from([None, "anna", "bram"]))
    def routing_decides(self, holder: str | None) -> None:
        version = self.ticket.routing_version + 1
        event = (
            taken(self.ticket.id, holder, version).data
            if holder
            else TicketEnqueued(
                ticket=self.ticket.id, place="waiting", enqueued_at=START, enqueue=version, reason="released"
            )
        )
        if holder is not None and self.ticket.state in ("solved", "closed"):
            return
        copied = copy_routing(self.ticket, event, version, self.now)
        assert copied is not None
        self.become(copied.ticket)

    @invariant()
    def the_state_is_one_that_may_be(self) -> None:
        for one in self.tickets:
            assert one.state in STATES
            assert (one.state == "pending") == (one.pending_since is not None)
            assert one.solved_at is not None or one.state not in ("solved",)
            assert one.solved_at is None or one.state in ("solved", "closed")
            assert one.snoozed_until is None or one.state not in ("solved", "closed")
            assert one.cycle >= 1

    @invariant()
    def no_step_leads_where_none_may(self) -> None:
        for before, after in self.history:
            assert after.id == before.id
            assert after.version > before.version or after == replace(
                before, routing_version=after.routing_version, place=after.place
            )
            assert before.state != "closed" or after.state == "closed"
            assert before.state == "new" or after.state != "new"
            assert after.cycle - before.cycle in (0, 1)
            assert after.cycle == before.cycle or (before.state, after.state) == ("solved", "open")
        self.history.clear()


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)

AT = START + timedelta(days=1)


def said(automatic: str | None = "thanks", author: str = "customer", did: str = "added") -> Standing:
    return Standing(UUID(int=5), author, automatic, did, AT)


@pytest.mark.parametrize(
    ("before", "one", "after"),
    [
        ({"state": "new"}, said(), ("new", 1, "added", START)),
        ({"state": "open"}, said(), ("open", 1, "added", START)),
        ({"state": "open", "clock": "void"}, said(), ("open", 1, "added", AT)),
        ({"state": "pending", "pending_since": START}, said(), ("open", 1, "woke", START)),
        ({"state": "on-hold"}, said("auto-reply"), ("open", 1, "woke", START)),
        ({"state": "on-hold", "clock": "void"}, said("auto-reply"), ("open", 1, "woke", AT)),
        ({"state": "solved", "solved_at": START}, said(), ("open", 2, "reopened", AT)),
        ({"state": "solved", "solved_at": START}, said("bulk", did="opened"), ("open", 1, "woke", START)),
        ({"state": "solved", "solved_at": START, "cycle": 2}, said("bulk", did="opened"), ("open", 3, "reopened", AT)),
    ],
)
def test_a_message_that_counts_after_all_does_what_it_would_have_done(
    before: dict[str, Any], one: Standing, after: tuple[str, int, str, datetime]
) -> None:
    counted = count(ticket(1, **before), one)
    assert counted is not None
    now = counted.ticket
    assert (now.state, now.cycle, counted.did, now.cycle_started_at) == after
    assert (counted.at.version, now.version) == (4, 4 + counted.moved)
    assert counted.at.state == counted.was == before["state"]


def test_a_message_that_counts_already_changes_nothing() -> None:
    assert count(ticket(1), said(None)) is None


@pytest.mark.parametrize(
    ("before", "one", "refusal", "reason"),
    [
        ({"state": "closed"}, said(), TicketClosed, "ticket_closed"),
        ({"state": "solved", "spam": True}, said(), MarkedSpam, "marked_spam"),
        ({}, said(author="agent"), NotTheCustomers, "not_the_customers"),
        ({}, said("withdrawn"), TakenBack, "withdrawn"),
    ],
)
def test_what_cannot_count_is_refused(
    before: dict[str, Any], one: Standing, refusal: type[Refused], reason: str
) -> None:
    with pytest.raises(refusal) as refused:
        count(ticket(1, **before), one)
    assert refused.value.reason == reason


def test_what_comes_to_spam_wakes_nobody_until_the_mark_is_taken_away() -> None:
    spam = edit(ticket(1), Edit(spam=True), START).ticket
    kept = receive(message(accepted_at=AT), Joined(spam, "named"), new_id=NEW, person=PERSON, language=None)
    assert (kept.did, kept.spoke, kept.ticket.state, kept.ticket.clock) == ("added", False, "solved", "void")
    back = edit(kept.ticket, Edit(spam=False), AT).ticket
    assert (back.state, back.clock, back.cycle) == ("open", "runs", 1)


def test_a_mark_of_spam_can_be_taken_from_a_closed_ticket_which_stays_closed() -> None:
    closed = replace(edit(ticket(1), Edit(spam=True), START).ticket, state="closed")
    back = edit(closed, Edit(spam=False), AT)
    assert (back.ticket.state, back.ticket.spam, set(back.changes)) == ("closed", False, {"spam", "clock"})


def test_where_no_reply_is_needed_no_clock_runs_until_the_customer_writes() -> None:
    done = edit(ticket(1), Edit(clock="void", state="solved"), START)
    assert (done.changes, done.ticket.state) == ({"clock": ("runs", "void")}, "solved")
    again = receive(message(accepted_at=AT), Joined(done.ticket, "named"), new_id=NEW, person=PERSON, language=None)
    assert (again.ticket.clock, again.ticket.cycle) == ("runs", 2)


def test_a_cycle_that_the_desk_began_has_no_clock_to_void() -> None:
    began = ticket(1, state="pending", clock="agent-began", pending_since=START)
    for wanted in (Edit(clock="void"), Edit(spam=True)):
        assert edit(began, wanted, AT).ticket.clock == "agent-began"


def test_the_customer_is_waited_for_since_the_newest_answer_and_anew_after_a_snooze() -> None:
    first = answer(ticket(1), None, START).ticket
    assert first.pending_since == START
    second = answer(first, None, AT).ticket
    assert (second.state, second.pending_since) == ("pending", AT)
    snoozed = edit(second, Edit(snoozed_until=AT + WEEK), AT).ticket
    assert snoozed.pending_since == AT
    assert edit(snoozed, Edit(snoozed_until=None), AT + WEEK).ticket.pending_since == AT + WEEK


def test_solving_by_itself_is_no_activity() -> None:
    pending = ticket(1, state="pending", pending_since=START)
    solved = solve(pending, AT)
    assert (solved.state, solved.active_at, solved.solved_at, solved.pending_since) == (
        "solved", pending.active_at, AT, None,
    )  # fmt: skip

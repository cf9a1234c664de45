"""Merged tickets: which clock runs, where it is refused, and that undoing in any order gives back what was."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tickets.domain.merging import UNDO_FOR, Merge, Part, merge, undo
from services.tickets.domain.ticket import Ticket
from shared.errors import Refused
from tests.factories import START
from tests.unit.test_tickets_domain import ticket

NOW = START + timedelta(hours=5)
OLDER = START - timedelta(hours=3)
SAME = (
    "id",
    "person",
    "state",
    "clock",
    "cycle",
    "cycle_started_at",
    "solved_at",
    "pending_since",
    "snoozed_until",
    "merged_into",
)


def made(number: int, **more: Any) -> Ticket:
    return replace(ticket(), id=UUID(int=number), **{"cycle_started_at": START, "state": "open", **more})


def test_who_is_merged_is_closed_and_void_and_the_other_keeps_the_oldest_message() -> None:
    one = Part(made(1, cycle_started_at=OLDER, state="new", snoozed_until=NOW), OLDER)
    done = merge(one, Part(made(2), START), NOW)
    assert (done.one.ticket.state, done.one.ticket.clock, done.one.ticket.merged_into) == (
        "closed",
        "void",
        UUID(int=2),
    )
    assert done.one.ticket.snoozed_until is None
    assert (done.into.ticket.cycle_started_at, done.into.moved) == (OLDER, False)


@pytest.mark.parametrize(
    ("into", "since", "state", "start", "clock"),
    [
        ({"state": "pending"}, None, "open", START, "runs"),
        ({"state": "solved", "solved_at": NOW}, None, "open", START, "runs"),
        ({"state": "on-hold", "clock": "void"}, None, "open", OLDER, "runs"),
        ({"state": "pending", "clock": "agent-began"}, None, "open", OLDER, "runs"),
        ({"state": "open"}, START + timedelta(hours=1), "open", START, "runs"),
        ({"state": "new"}, START, "new", OLDER, "runs"),
    ],
)
def test_what_an_unanswered_message_makes_of_the_ticket_it_comes_to(
    into: dict[str, Any], since: datetime | None, state: str, start: datetime, clock: str
) -> None:
    after = merge(Part(made(1), OLDER), Part(made(2, **into), since), NOW).into.ticket
    assert (after.state, after.cycle_started_at, after.clock, after.solved_at) == (state, start, clock, None)


def test_what_is_answered_or_void_changes_nothing_there() -> None:
    pending = made(2, state="pending")
    for one in (Part(made(1)), Part(made(1, clock="void"), OLDER)):
        after = merge(one, Part(pending), NOW).into.ticket
        assert after == replace(pending, version=pending.version + 1)


@pytest.mark.parametrize(
    ("one", "into", "reason"),
    [
        (made(1), made(1), "same_ticket"),
        (made(1, merged_into=UUID(int=3), state="closed"), made(2), "merged_away"),
        (made(1), made(2, merged_into=UUID(int=3), state="closed"), "merged_away"),
        (made(1, state="closed"), made(2), "ticket_closed"),
        (made(1), made(2, state="closed"), "ticket_closed"),
        (made(1, person=UUID(int=8)), made(2, person=UUID(int=9)), "other_person"),
    ],
)
def test_what_cannot_be_merged_is_refused_with_its_reason(one: Ticket, into: Ticket, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        merge(Part(one), Part(into), NOW)
    assert refused.value.reason == reason


def test_two_persons_are_merged_only_where_it_is_said() -> None:
    one, into = made(1, person=UUID(int=8)), made(2, person=UUID(int=9))
    assert merge(Part(one), Part(into), NOW, across_persons=True).one.ticket.person == one.person


def test_what_cannot_be_undone_is_refused_with_its_reason() -> None:
    done = merge(Part(made(1)), Part(made(2)), NOW)
    one, into = done.one.ticket, Part(done.into.ticket, merges=[done.merge])
    outer = replace(into, ticket=replace(into.ticket, merged_into=UUID(int=3)))
    late = NOW + UNDO_FOR + timedelta(seconds=1)
    for ticket_, part, now, reason in (
        (made(1), into, NOW, "not_merged"),
        (one, outer, NOW, "merged_further"),
        (one, into, late, "undo_too_late"),
    ):
        with pytest.raises(Refused) as refused:
            undo(ticket_, part, now)
        assert refused.value.reason == reason


def test_what_came_since_is_not_undone() -> None:
    done = merge(Part(made(1), OLDER), Part(made(2, state="pending")), NOW)
    answered = replace(done.into.ticket, state="on-hold", version=9)
    _, into = undo(done.one.ticket, Part(answered, merges=[done.merge], untouched=False), NOW)
    assert (into.ticket.state, into.moved) == ("on-hold", False)
    reopened = replace(done.into.ticket, cycle=2, cycle_started_at=NOW)
    _, into = undo(done.one.ticket, Part(reopened, merges=[done.merge], untouched=False), NOW)
    assert (into.ticket.cycle, into.ticket.cycle_started_at) == (2, NOW)


MOMENTS = st.integers(-500, 500).map(lambda minutes: START + timedelta(minutes=minutes))
CLOCKS = st.sampled_from(["runs", "void", "agent-began"])


@st.composite
def tickets(draw: st.DrawFn) -> list[Part]:
    """Some tickets of one person, each with its oldest unanswered message, where there is one."""
    parts = []
    for number in range(draw(st.integers(2, 6))):
        state = draw(st.sampled_from(["new", "open", "pending", "on-hold", "solved"]))
        start = draw(MOMENTS)
        since = draw(st.sampled_from([None, start, start + timedelta(minutes=7)]))
        more = {"clock": draw(CLOCKS), "solved_at": START if state == "solved" else None}
        more["pending_since"] = START if state == "pending" else None
        parts.append(Part(made(number, state=state, cycle_started_at=start, **more), since))
    return parts


@given(tickets(), st.data())
def test_any_merges_undone_in_any_order_leave_what_was(parts: list[Part], data: st.DataObject) -> None:
    first = {part.ticket.id: part.ticket for part in parts}
    waits = {part.ticket.id: part.waits_since for part in parts}
    now = dict(first)
    standing: list[Merge] = []

    def part_of(id_: UUID) -> Part:
        inside = [one for one in standing if one.into == id_]
        below = [w for one in inside if (w := part_of(one.ticket).waits_since)]
        mine = min([w for w in (waits[id_], *below) if w is not None], default=None)
        return Part(now[id_], mine, inside)

    for _ in range(data.draw(st.integers(1, 12))):
        free = [id_ for id_ in now if now[id_].merged_into is None]
        undoable = [one for one in standing if now[one.into].merged_into is None]
        if len(free) > 1 and (not undoable or data.draw(st.booleans())):
            one, into = data.draw(st.permutations(free).map(lambda order: order[:2]))
            done = merge(part_of(one), part_of(into), NOW)
            now |= {one: done.one.ticket, into: done.into.ticket}
            standing.append(done.merge)
        elif undoable:
            _undo(now, standing, data.draw(st.sampled_from(undoable)), part_of)
        assert all(t.version >= first[id_].version for id_, t in now.items())
    while standing:
        undoable = [one for one in standing if now[one.into].merged_into is None]
        _undo(now, standing, data.draw(st.sampled_from(undoable)), part_of)
    for id_, before in first.items():
        assert {name: getattr(now[id_], name) for name in SAME} == {name: getattr(before, name) for name in SAME}


def _undo(now: dict[UUID, Ticket], standing: list[Merge], kept: Merge, part_of: Any) -> None:
    one, into = undo(now[kept.ticket], part_of(kept.into), NOW)
    now |= {kept.ticket: one.ticket, kept.into: into.ticket}
    standing.remove(kept)

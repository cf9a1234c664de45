"""Changing a ticket's fields, without anything running."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tickets.domain.editing import TAGS_MAX, ClosedToChanges, Edit, edit
from services.tickets.domain.ticket import ALLOWED, TransitionRefused
from shared.contracts.ticket_events import STATES
from shared.errors import Invalid, Refused
from tests.factories import START
from tests.unit.test_tickets_domain import ticket

NOW = START + timedelta(hours=1)
EDITS = st.builds(
    Edit,
    state=st.sampled_from(STATES),
    priority=st.sampled_from(["urgent", "high", "normal", "low"]),
    intent=st.sampled_from([None, "refund"]),
    snoozed_until=st.sampled_from([None, NOW + timedelta(days=1)]),
    spam=st.booleans(),
    add_tags=st.lists(st.sampled_from(["vip", "b2b", "late"])).map(tuple),
    remove_tags=st.lists(st.sampled_from(["vip", "b2b"])).map(tuple),
)


def test_fields_and_state_are_a_version_each() -> None:
    before = ticket(state="open")
    done = edit(before, Edit(priority="high", state="pending"), NOW)
    assert (done.fields.version, done.ticket.version) == (4, 5)
    assert (done.fields.state, done.ticket.state) == ("open", "pending")
    assert done.changes == {"priority": ("normal", "high")}


def test_what_is_as_wanted_is_no_change() -> None:
    before = ticket(state="open", tags=("vip",))
    assert edit(before, Edit(state="open", priority="normal", add_tags=("vip",)), NOW).ticket is before


def test_solving_ends_a_snooze() -> None:
    snoozed = edit(ticket(state="open"), Edit(snoozed_until=NOW + timedelta(days=1)), NOW).ticket
    assert edit(snoozed, Edit(state="solved"), NOW).ticket.snoozed_until is None


def test_spam_counts_in_no_clock_until_the_mark_is_taken_away() -> None:
    spam = edit(ticket(state="open"), Edit(spam=True), NOW).ticket
    assert (spam.state, spam.clock) == ("solved", "void")
    back = edit(spam, Edit(spam=False), NOW).ticket
    assert (back.state, back.clock) == ("open", "runs")


@pytest.mark.parametrize(
    ("before", "wanted", "refusal"),
    [
        ({"state": "closed"}, Edit(priority="low"), ClosedToChanges),
        ({"state": "closed"}, Edit(state="open"), TransitionRefused),
        ({"state": "open"}, Edit(snoozed_until=NOW), Invalid),
        ({"state": "solved"}, Edit(snoozed_until=NOW + timedelta(days=1)), Invalid),
        ({"state": "open"}, Edit(add_tags=tuple(f"t{n}" for n in range(TAGS_MAX + 1))), Invalid),
        ({"state": "open"}, Edit(state="new"), TransitionRefused),
    ],
)
def test_what_cannot_be_is_refused(before: dict[str, Any], wanted: Edit, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        edit(ticket(**before), wanted, NOW)


@given(st.sampled_from(STATES), st.lists(EDITS, max_size=6))
def test_no_row_of_edits_leads_where_the_life_cycle_does_not(state: Any, wanted: list[Edit]) -> None:
    now = ticket(state=state, solved_at=START if state in ("solved", "closed") else None)
    for one in wanted:
        try:
            done = edit(now, one, NOW)
        except Refused:
            continue
        assert done.ticket.version - now.version == bool(done.changes) + done.moved
        assert not done.moved or done.ticket.state in ALLOWED[now.state]
        assert done.ticket.solved_at is not None or done.ticket.state != "solved"
        assert done.ticket.solved_at is None or done.ticket.state in ("solved", "closed")
        assert done.ticket.state not in ("solved", "closed") or done.ticket.snoozed_until is None
        assert replace(done.fields, **{name: was for name, (was, _) in done.changes.items()}).tags == now.tags
        now = done.ticket

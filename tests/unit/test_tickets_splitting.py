"""Messages split off: what may go, whose ticket it is, and which clocks run."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.tickets.domain.splitting import Said, chosen, split
from services.tickets.domain.ticket import Ticket
from shared.errors import Refused
from tests.factories import START
from tests.unit.test_tickets_domain import ticket

LATER = START + timedelta(minutes=5)


def said(number: int, **more: Any) -> Said:
    fields = {"person": UUID(int=70), "channel": "telegram", "account": "bikes-bot", "subject": None}
    at = START + timedelta(minutes=number)
    return Said(UUID(int=number), **{**fields, "accepted_at": at, "automatic": False, **more})


THREE = [said(1), said(2), said(3)]


@pytest.mark.parametrize(
    ("before", "known", "wanted", "reason"),
    [
        ({}, THREE, {UUID(int=9)}, "not_on_ticket"),
        ({}, THREE, {UUID(int=1), UUID(int=2), UUID(int=3)}, "nothing_stays"),
        ({}, [said(1), said(2, automatic=True)], {UUID(int=2)}, "nothing_said"),
        ({"merged_into": UUID(int=5)}, THREE, {UUID(int=1)}, "merged_away"),
    ],
)
def test_what_cannot_be_split_off_is_refused_with_its_reason(
    before: dict[str, Any], known: list[Said], wanted: set[UUID], reason: str
) -> None:
    with pytest.raises(Refused) as refused:
        chosen(ticket(**before), known, wanted)
    assert refused.value.reason == reason


def test_what_is_chosen_goes_in_the_order_it_came() -> None:
    assert [one.id.int for one in chosen(ticket(), THREE, {UUID(int=3), UUID(int=1)})] == [1, 3]


def test_the_new_ticket_is_its_writers_and_its_clock_starts_at_the_first_word() -> None:
    quiet, guest = said(1, automatic=True), said(2, person=UUID(int=80), subject="A bell")
    done = split(ticket(state="pending"), [quiet, guest], UUID(int=81), waited_since=None, waits_since=None)
    new = done.opened
    assert (new.person, new.side, new.own) == (UUID(int=81), UUID(int=80), UUID(int=80))
    assert (new.state, new.cycle, new.cycle_started_at) == ("new", 1, guest.accepted_at)
    assert (new.opened_at, new.active_at, new.version) == (quiet.accepted_at, guest.accepted_at, 2)
    assert (new.subject, new.thread) == ("A bell", None)
    assert done.new.ticket.version == 3


@pytest.mark.parametrize(
    ("before", "waited", "waits", "clock", "start"),
    [
        ({}, START, None, "void", START),
        ({}, START, LATER, "runs", LATER),
        ({}, START, START, "runs", START),
        ({}, None, None, "runs", START),
        ({}, LATER, None, "runs", START),
        ({"clock": "void"}, START, LATER, "void", START),
    ],
)
def test_the_old_ticket_waits_for_what_is_left_unless_its_cycle_was_answered(
    before: dict[str, Any], waited: datetime | None, waits: datetime | None, clock: str, start: datetime
) -> None:
    old: Ticket = replace(ticket(state="open"), cycle_started_at=START, **before)
    left = split(old, THREE[:1], old.person, waited_since=waited, waits_since=waits).old.ticket
    assert (left.clock, left.cycle_started_at, left.version) == (clock, start, old.version + 1)

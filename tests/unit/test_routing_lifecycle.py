"""A ticket's place in routing: waiting, offered, held or done, one step and one version at a time."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.routing.domain.lifecycle import (
    OfferLapsed,
    Step,
    WrongPlace,
    accept,
    end,
    end_offer,
    enqueue,
    offer,
    release,
    take,
)
from services.routing.domain.ticket import Ticket
from shared.contracts.routing_events import OfferEnded, TicketEnqueued, TicketLeft, TicketOffered, TicketTaken

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NOW = START + timedelta(seconds=90)
LEASE = NOW + timedelta(seconds=30)
OFFER = UUID(int=9)
NEW = Ticket("main", UUID(int=1), channel="http", shop="bikes")


def waiting() -> Ticket:
    return enqueue(NEW, START, "opened").ticket


def offered() -> Ticket:
    step = offer(waiting(), agent="anna", offer=OFFER, weight=20, at=NOW, lease_until=LEASE, reason="longest-idle")
    return step.ticket


def held() -> Ticket:
    return accept(offered(), NOW).ticket


def done() -> Ticket:
    return end(waiting(), "closed", "solved")[-1].ticket


PLACES: dict[str, Callable[[], Ticket]] = {"waiting": waiting, "offered": offered, "held": held, "done": done}


def test_an_offer_weighs_on_the_agent_who_is_asked() -> None:
    ticket = offered()
    assert (ticket.place, ticket.agent, ticket.lease_until) == ("offered", "anna", LEASE)
    assert ticket.load is not None and ticket.load.weight == 20
    assert waiting().load is None


def test_the_agent_who_accepts_in_time_holds_the_ticket() -> None:
    step = accept(offered(), LEASE - timedelta(microseconds=1))
    assert (step.ticket.place, step.ticket.agent, step.ticket.lease_until) == ("held", "anna", None)
    assert isinstance(step.event, TicketTaken)
    assert step.event.mode == "offer"
    assert step.event.offer == OFFER


def test_the_wait_is_counted_from_the_original_enqueue_time() -> None:
    event = accept(offered(), NOW).event
    assert isinstance(event, TicketTaken)
    assert event.waited_ms == 90_000


def test_at_the_very_end_of_its_lease_an_offer_is_over() -> None:
    with pytest.raises(OfferLapsed):
        accept(offered(), LEASE)


@pytest.mark.parametrize("outcome", ["declined", "expired", "withdrawn"])
def test_an_offer_that_ends_goes_back_with_its_original_time(outcome: Any) -> None:
    step = end_offer(offered(), outcome, reason=outcome, excluded_until=LEASE)
    assert (step.ticket.place, step.ticket.agent, step.ticket.offer) == ("waiting", None, None)
    assert (step.ticket.enqueued_at, step.ticket.enqueue) == (START, 1)
    assert isinstance(step.event, OfferEnded)
    assert (step.event.asked, step.event.offer, step.event.excluded_until) == ("anna", OFFER, LEASE)


def test_a_released_ticket_waits_again_with_its_original_time_and_is_counted_as_another_enqueue() -> None:
    step = release(held(), "agent-offline")
    assert (step.ticket.place, step.ticket.agent, step.ticket.enqueued_at) == ("waiting", None, START)
    assert isinstance(step.event, TicketEnqueued)
    assert step.event.enqueue == 2
    assert step.ticket.load is None


def test_a_ticket_that_ends_while_offered_takes_the_offer_back_first() -> None:
    first, last = end(offered(), "closed", "solved")
    assert isinstance(first.event, OfferEnded)
    assert first.event.outcome == "withdrawn"
    assert isinstance(last.event, TicketLeft)
    assert last.ticket.place == "done"
    assert last.ticket.version == first.ticket.version + 1


def test_what_is_done_ends_only_once() -> None:
    assert end(done(), "closed", "closed") == ()


def test_pushed_work_is_held_at_once() -> None:
    step = take(waiting(), agent="bram", mode="push", weight=5, at=NOW, reason="best-fit")
    assert (step.ticket.place, step.ticket.agent, step.ticket.weight) == ("held", "bram", 5)


def test_offers_say_until_when() -> None:
    step = offer(waiting(), agent="anna", offer=OFFER, weight=20, at=NOW, lease_until=LEASE, reason="longest-idle")
    assert isinstance(step.event, TicketOffered)
    assert step.event.lease_until == LEASE


STEPS: dict[str, Callable[[Ticket], Step | tuple[Step, ...]]] = {
    "enqueue": lambda t: enqueue(t, START, "reopened"),
    "offer": lambda t: offer(t, agent="anna", offer=OFFER, weight=20, at=NOW, lease_until=LEASE, reason="best-fit"),
    "take": lambda t: take(t, agent="bram", mode="push", weight=20, at=NOW, reason="best-fit"),
    "accept": lambda t: accept(t, NOW),
    "decline": lambda t: end_offer(t, "declined", reason="busy"),
    "expire": lambda t: end_offer(t, "expired", reason="expired"),
    "withdraw": lambda t: end_offer(t, "withdrawn", reason="agent-offline"),
    "release": lambda t: release(t, "agent-offline"),
    "end": lambda t: end(t, "closed", "solved"),
}
ALLOWED = {
    "waiting": {"offer", "take", "end"},
    "offered": {"accept", "decline", "expire", "withdraw", "end"},
    "held": {"enqueue", "release", "end"},
    "done": {"enqueue", "end"},
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", STEPS)
def test_only_the_steps_of_its_place_are_taken(place: str, name: str) -> None:
    if name in ALLOWED[place]:
        STEPS[name](PLACES[place]())
    else:
        with pytest.raises(WrongPlace):
            STEPS[name](PLACES[place]())


@given(st.lists(st.sampled_from(sorted(STEPS)), max_size=30))
def test_however_it_goes_a_ticket_is_in_one_place_and_every_step_is_one_version(names: list[str]) -> None:
    ticket, told = waiting(), [1]
    for name in names:
        if name not in ALLOWED[ticket.place]:
            continue
        taken = STEPS[name](ticket)
        for step in (taken,) if isinstance(taken, Step) else taken:
            ticket = step.ticket
            told.append(ticket.version)
            assert step.event.place == ticket.place
            assert (ticket.agent is not None) == (ticket.place in ("offered", "held"))
            assert (ticket.lease_until is not None) == (ticket.place == "offered")
            assert (ticket.load is not None) == (ticket.agent is not None)
            assert ticket.weight == (20 if ticket.agent else 0)
            assert ticket.enqueued_at == START
            assert (step.event.agent, step.event.offer) in {
                (ticket.agent, ticket.offer),
                (ticket.agent, OFFER),
            }
    assert told == list(range(1, len(told) + 1))


def test_a_returned_mark_ends_when_the_ticket_is_given_anew() -> None:
    back = release(held()._replace(returned=True), "agent-offline").ticket
    assert not back.returned

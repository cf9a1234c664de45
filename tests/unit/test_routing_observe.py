"""What a ticket's own events mean for its place, and what routing's own log teaches a restored database."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.routing.domain.lifecycle import accept, end_offer, enqueue, offer, take
from services.routing.domain.observe import observe, teach
from services.routing.domain.ticket import Ticket
from shared.contracts.envelope import Event
from shared.contracts.routing_events import RoutingEvent, TicketLeft
from shared.contracts.ticket_events import (
    MessageAdded,
    StateChanged,
    TicketChanged,
    TicketEvent,
    TicketOpened,
    TicketReopened,
)
from shared.errors import Invalid

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LATER = START + timedelta(hours=2)
TICKET = UUID(int=1)


def told(type_: type[TicketEvent] = TicketOpened, version: int | None = 1, **more: Any) -> Event[TicketEvent]:
    """A ticket event; opened at START unless said."""
    facts: dict[str, Any] = {
        "ticket": TICKET,
        "person": UUID(int=2),
        "channel": "http",
        "account": "bikes-form",
        "state": "new",
        "cycle": 1,
        "cycle_started_at": START,
    }
    if type_ in (TicketOpened, TicketReopened):
        facts["message"] = UUID(int=3)
    if type_ is MessageAdded:
        facts |= {"message": UUID(int=3), "author": "customer"}
    if type_ is StateChanged:
        facts |= {"was": "open", "reason": "agent"}
    if type_ is TicketChanged:
        facts |= {"fields": ("priority",), "reason": "agent"}
    data = type_(**{**facts, **more})
    return Event(
        id=UUID(int=(version or 0) + 100), source="tickets", time=LATER, workspace="main", shop="bikes",
        version=version, data=data, trace="00-" + "a" * 32 + "-" + "b" * 16 + "-01",
    )  # fmt: skip


def queued() -> Ticket:
    return observe(None, told()).ticket


def asked() -> Ticket:
    lease = LATER + timedelta(minutes=1)
    return offer(
        queued(), agent="anna", offer=UUID(int=9), weight=20, at=LATER, lease_until=lease, reason="best-fit"
    ).ticket


def held() -> Ticket:
    return take(queued(), agent="anna", mode="push", weight=20, at=LATER, reason="best-fit").ticket


def test_an_opened_ticket_waits_since_its_cycle_began() -> None:
    seen = observe(None, told(language="nl", priority="high"))
    assert [step.event.TYPE for step in seen.steps] == ["switchboard.routing.enqueued.v1"]
    ticket = seen.ticket
    assert (ticket.place, ticket.enqueued_at, ticket.enqueue, ticket.version) == ("waiting", START, 1, 1)
    assert (ticket.language, ticket.rank, ticket.channel, ticket.shop) == ("nl", 1, "http", "bikes")


def test_an_event_that_is_not_newer_changes_nothing() -> None:
    ticket = queued()
    assert observe(ticket, told()).changed is False
    assert observe(ticket._replace(ticket_version=5), told(StateChanged, 4, state="solved")).changed is False


@pytest.mark.parametrize("state", ["solved", "closed"])
def test_a_ticket_that_is_over_leaves_whoever_held_it(state: str) -> None:
    for before in (queued(), held()):
        seen = observe(before, told(StateChanged, 2, state=state))
        assert seen.ticket.place == "done"
        assert seen.ticket.load is None
        event = seen.steps[-1].event
        assert isinstance(event, TicketLeft)
        assert event.reason == state


def test_a_merged_ticket_leaves_the_queue_and_comes_back_at_its_time_when_that_is_undone() -> None:
    merged = observe(held(), told(StateChanged, 3, state="closed", was="open", reason="merged"))
    assert isinstance(merged.steps[-1].event, TicketLeft)
    parted = observe(merged.ticket, told(StateChanged, 5, state="open", was="closed", reason="unmerged"))
    (step,) = parted.steps
    assert (parted.ticket.place, step.event.enqueued_at) == ("waiting", START)


@pytest.mark.parametrize("state", ["pending", "on-hold"])
def test_in_the_customers_turn_the_holder_keeps_it_and_it_weighs_nothing(state: str) -> None:
    seen = observe(held(), told(StateChanged, 2, state=state))
    assert (seen.ticket.place, seen.ticket.agent, seen.steps) == ("held", "anna", ())
    assert seen.ticket.load is None


def test_a_customer_who_answers_comes_back_to_the_same_holder() -> None:
    away = observe(held(), told(StateChanged, 2, state="pending")).ticket
    back = observe(away, told(MessageAdded, 3, state="open"))
    assert (back.ticket.place, back.ticket.agent, back.ticket.returned) == ("held", "anna", True)
    assert back.ticket.load is not None


def test_in_the_customers_turn_nobody_is_asked() -> None:
    for before in (queued(), asked()):
        seen = observe(before, told(StateChanged, 2, state="pending"))
        assert seen.ticket.place == "done"
        assert seen.ticket.agent is None


def test_a_reopened_ticket_waits_since_the_message_that_reopened_it() -> None:
    over = observe(queued(), told(StateChanged, 2, state="solved")).ticket
    seen = observe(over, told(TicketReopened, 3, state="open", cycle=2, cycle_started_at=LATER))
    assert (seen.ticket.place, seen.ticket.enqueued_at, seen.ticket.enqueue) == ("waiting", LATER, 2)
    assert [step.event.reason for step in seen.steps] == ["reopened"]


def test_a_further_message_on_a_waiting_ticket_keeps_its_place_in_the_queue() -> None:
    seen = observe(queued(), told(MessageAdded, 2))
    assert (seen.ticket.place, seen.ticket.enqueued_at, seen.steps) == ("waiting", START, ())


def test_a_raised_priority_counts_at_once() -> None:
    for type_ in (MessageAdded, TicketChanged):
        seen = observe(queued(), told(type_, 2, priority="urgent"))
        assert seen.changed
        assert (seen.ticket.rank, seen.ticket.enqueued_at, seen.ticket.waiting_reason) == (0, START, None)


def test_a_snoozed_ticket_leaves_the_queue_and_comes_back_with_its_time() -> None:
    for before in (queued(), asked()):
        asleep = observe(before, told(TicketChanged, 2, state="open", snoozed_until=LATER))
        assert (asleep.ticket.place, asleep.ticket.agent, asleep.ticket.load) == ("done", None, None)
        assert asleep.steps[-1].event.reason == "snoozed"
        awake = observe(asleep.ticket, told(TicketChanged, 3, state="open"))
        assert (awake.ticket.place, awake.ticket.enqueued_at, awake.ticket.live) == ("waiting", START, True)


def test_a_snoozed_ticket_weighs_nothing_on_its_holder_until_it_wakes() -> None:
    asleep = observe(held(), told(TicketChanged, 2, state="open", snoozed_until=LATER))
    assert (asleep.ticket.place, asleep.ticket.agent, asleep.ticket.load) == ("held", "anna", None)
    assert asleep.steps == ()
    still = observe(asleep.ticket, told(MessageAdded, 3, state="open", snoozed_until=LATER, automatic=True))
    assert still.ticket.load is None
    awake = observe(still.ticket, told(TicketChanged, 4, state="open"))
    assert (awake.ticket.place, awake.ticket.agent, awake.ticket.returned) == ("held", "anna", True)
    assert awake.ticket.load is not None


def test_a_snoozed_ticket_of_the_customers_turn_does_not_come_back_by_waking() -> None:
    asleep = observe(queued(), told(StateChanged, 2, state="pending", snoozed_until=LATER)).ticket
    assert observe(asleep, told(TicketChanged, 3, state="pending")).steps == ()


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["new", "open", "pending", "on-hold", "solved"]),
            st.booleans(),
            st.sampled_from([False, False, True]),
            st.sampled_from(["", "offer", "take"]),
        ),
        max_size=25,
    )
)
def test_a_ticket_waits_weighs_or_is_offered_only_while_it_is_our_turn_and_awake(history: list[Any]) -> None:
    ticket, version = queued(), 1
    for state, asleep, spam, given_out in history:
        if ticket.place == "waiting" and given_out:
            gives = {"agent": "anna", "weight": 20, "at": LATER, "reason": "best-fit"}
            lease = {"offer": UUID(int=9), "lease_until": LATER}
            ticket = (
                take(ticket, mode="push", **gives) if given_out == "take" else offer(ticket, **gives, **lease)
            ).ticket
        version += 1
        more = {"snoozed_until": LATER if asleep else None, "spam": spam or None}
        before, seen = ticket, observe(ticket, told(TicketChanged, version, state=state, **more))
        ticket = seen.ticket
        ours = state in ("new", "open") and not asleep and not spam
        assert ticket.live == ours if ticket.place != "done" else not ticket.live
        assert ticket.place != "done" or not ours
        assert ticket.place not in ("waiting", "offered") or ours
        assert ticket.place != "held" or (before.place == "held" and not spam and state != "solved")
        assert [step.ticket.version for step in seen.steps] == [before.version + n + 1 for n in range(len(seen.steps))]


def test_spam_leaves_the_queue_and_its_holder() -> None:
    for before in (queued(), asked(), held()):
        seen = observe(before, told(TicketChanged, 2, state="open", spam=True))
        assert (seen.ticket.place, seen.ticket.agent, seen.ticket.load) == ("done", None, None)
        assert seen.steps[-1].event.reason == "spam"
        more = observe(seen.ticket, told(MessageAdded, 3, state="solved", spam=True, automatic=True))
        assert (more.ticket.place, more.steps) == ("done", ())
        back = observe(more.ticket, told(StateChanged, 4, state="open"))
        assert back.ticket.place == "waiting"


def test_an_event_without_a_version_is_refused() -> None:
    with pytest.raises(Invalid):
        observe(None, told(version=None))


def said(step_event: RoutingEvent, version: int) -> Event[RoutingEvent]:
    """The record routing published."""
    return Event(
        id=UUID(int=version), source="routing", time=LATER, workspace="main", shop="bikes", version=version,
        data=step_event,
    )  # fmt: skip


def test_a_restored_database_learns_what_routing_said_and_ends_where_it_was() -> None:
    first = enqueue(Ticket("main", TICKET, decided_on=1), START, "opened")
    asked = offer(
        first.ticket, agent="anna", offer=UUID(int=9), weight=20, at=LATER, lease_until=LATER, reason="best-fit"
    )
    declined = end_offer(asked.ticket, "declined", reason="busy")
    again = offer(
        declined.ticket, agent="bram", offer=UUID(int=8), weight=20, at=LATER, lease_until=LATER + timedelta(minutes=1),
        reason="best-fit",
    )  # fmt: skip
    last = accept(again.ticket, LATER)
    known: Ticket | None = None
    for step in (first, asked, declined, again, last):
        known = teach(known, said(step.event, step.ticket.version), default_weight=20) or known
    assert known is not None
    for name in ("place", "version", "agent", "offer", "enqueue", "enqueued_at", "weight", "mode", "lease_until"):
        assert getattr(known, name) == getattr(last.ticket, name), name


def test_what_routing_knows_already_teaches_nothing() -> None:
    first = enqueue(Ticket("main", TICKET), START, "opened")
    assert teach(first.ticket, said(first.event, 1), default_weight=20) is None


def test_a_ticket_event_that_was_decided_on_before_the_restore_is_not_decided_again() -> None:
    step = take(queued(), agent="anna", mode="push", weight=20, at=LATER, reason="best-fit")
    taught = teach(None, said(step.event, step.ticket.version), default_weight=20)
    assert taught is not None
    seen = observe(taught, told())
    assert seen.steps == ()
    assert (seen.ticket.place, seen.ticket.agent, seen.ticket.channel) == ("held", "anna", "http")


def test_a_history_that_is_read_again_after_a_restore_moves_nothing() -> None:
    """Solved and reopened before the restore: the taught ticket is held again, and its old events must not end it."""
    history = [
        told(),
        told(StateChanged, 2, state="solved"),
        told(TicketReopened, 3, state="open", cycle=2, cycle_started_at=LATER),
    ]
    ticket: Ticket | None = None
    for event in history:
        ticket = observe(ticket, event).ticket
    assert ticket is not None
    step = take(ticket, agent="bram", mode="push", weight=20, at=LATER, reason="best-fit")
    assert step.event.ticket_version == 3
    taught = teach(None, said(step.event, step.ticket.version), default_weight=20)
    for event in history:
        seen = observe(taught, event)
        assert seen.steps == ()
        taught = seen.ticket
    assert taught is not None
    assert (taught.place, taught.agent, taught.enqueue, taught.version) == ("held", "bram", 2, step.ticket.version)
    assert (taught.channel, taught.live) == ("http", True)


def test_a_waiting_ticket_that_asks_for_something_else_is_looked_at_again() -> None:
    waiting = queued()._replace(waiting_reason="no-language")
    seen = observe(waiting, told(MessageAdded, 2, state="open", language="fr"))
    assert (seen.ticket.language, seen.ticket.waiting_reason) == ("fr", None)

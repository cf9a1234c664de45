"""The rules of tickets, without anything running: joining, receiving, the life cycle, copying routing's state."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tickets.domain.assignment import copy_routing
from services.tickets.domain.joining import Joined
from services.tickets.domain.language import detect
from services.tickets.domain.receive import receive
from services.tickets.domain.ticket import ALLOWED, Ticket, TransitionRefused, change_state, close
from shared.contracts.routing_events import TicketEnqueued, TicketLeft, TicketTaken
from shared.contracts.ticket_events import STATES
from tests.factories import START, WORKSPACE, message, taken

PERSON, NEW = UUID(int=7), UUID(int=99)


def ticket(number: int = 1, **more: Any) -> Ticket:
    """A ticket of the person on the bot."""
    fields: dict[str, Any] = {
        "workspace": WORKSPACE,
        "id": uuid5(PERSON, str(number)),
        "shop": "bikes",
        "person": PERSON,
        "channel": "telegram",
        "account": "bikes-bot",
        "state": "open",
        "priority": "normal",
        "language": None,
        "subject": None,
        "thread": None,
        "order_name": None,
        "version": 3,
        "cycle": 1,
        "cycle_started_at": START,
        "opened_at": START,
        "active_at": START + timedelta(minutes=number),
    }
    return Ticket(**{**fields, **more})


@pytest.mark.parametrize(
    ("was", "did", "state", "cycle"),
    [
        ("new", "added", "new", 1),
        ("open", "added", "open", 1),
        ("pending", "woke", "open", 1),
        ("on-hold", "woke", "open", 1),
        ("solved", "reopened", "open", 2),
    ],
)
def test_a_customers_message_makes_it_our_turn(was: str, did: str, state: str, cycle: int) -> None:
    event = message(accepted_at=START + timedelta(days=1))
    before = ticket(1, state=was, solved_at=START if was == "solved" else None)
    after = receive(event, Joined(before, "named"), new_id=NEW, person=PERSON, language=None)
    assert (after.did, after.ticket.state, after.ticket.cycle, after.was) == (did, state, cycle, was)
    assert after.ticket.version == before.version + (2 if did == "woke" else 1)
    assert after.ticket.cycle_started_at == (event.data.accepted_at if did == "reopened" else START)
    assert (after.ticket.solved_at is None) or after.ticket.state == "solved"


def test_after_a_withdrawal_the_clock_starts_at_the_next_message() -> None:
    event = message(accepted_at=START + timedelta(hours=5))
    after = receive(event, Joined(ticket(1, clock="void"), "named"), new_id=NEW, person=PERSON, language=None).ticket
    assert (after.clock, after.cycle, after.cycle_started_at) == ("runs", 1, event.data.accepted_at)


@pytest.mark.parametrize("was", [state for state in STATES if state != "closed"])
def test_an_automatic_message_changes_no_state(was: str) -> None:
    after = receive(
        message(automatic="auto-reply"), Joined(ticket(1, state=was), "named"), new_id=NEW, person=PERSON, language=None
    )
    assert (after.did, after.ticket.state, after.ticket.cycle) == ("added", was, 1)


def test_the_language_does_not_turn_after_assignment() -> None:
    held = ticket(1, assignee="anna")
    assert receive(message(), Joined(held, "named"), new_id=NEW, person=PERSON, language="nl").ticket.language is None
    free = ticket(1)
    assert receive(message(), Joined(free, "named"), new_id=NEW, person=PERSON, language="nl").ticket.language == "nl"


@given(st.sampled_from(STATES), st.sampled_from(STATES))
def test_only_the_life_cycles_steps_are_taken(was: Any, wanted: Any) -> None:
    before = ticket(1, state=was)
    if wanted in ALLOWED[was]:
        after = change_state(before, wanted, START)
        assert (after.state, after.version) == (wanted, before.version + 1)
        assert (after.solved_at is not None) == (wanted == "solved")
    else:
        with pytest.raises(TransitionRefused, match=f"cannot become {wanted}"):
            change_state(before, wanted, START)


@given(st.lists(st.sampled_from(["pending", "on-hold", "solved", "closed", "open", "message"]), max_size=30))
def test_no_history_reaches_new_again_or_leaves_closed(steps: list[Any]) -> None:
    now = ticket(1, state="new")
    for step in steps:
        if now.state == "closed":
            break
        before = now
        if step == "message":
            now = receive(message(), Joined(now, "named"), new_id=NEW, person=PERSON, language=None).ticket
        elif step in ALLOWED[now.state]:
            now = change_state(now, step, START)
        assert now.state != "new" or before.state == "new"
        assert now.version >= before.version
        assert (now.solved_at is not None) >= (now.state == "solved")


def test_the_first_accept_opens_a_new_ticket() -> None:
    copied = copy_routing(ticket(1, state="new"), taken(ticket(1).id, "anna", 2).data, 2, START)
    assert copied is not None and copied.told
    assert (copied.ticket.state, copied.ticket.assignee, copied.ticket.assigned_at) == ("open", "anna", START)


def test_waiting_again_takes_the_holder_away() -> None:
    held = ticket(1, assignee="anna", routing_version=2)
    event = TicketEnqueued(ticket=held.id, place="waiting", enqueued_at=START, enqueue=2, reason="agent-offline")
    copied = copy_routing(held, event, 3, START)
    assert copied is not None and copied.told and copied.ticket.assignee is None


@given(st.permutations(range(1, 7)))
def test_routings_events_in_any_order_end_in_the_newest(order: list[int]) -> None:
    events: dict[int, TicketTaken | TicketEnqueued] = {
        n: taken(ticket(1).id, f"agent-{n}", n).data
        if n % 2
        else TicketEnqueued(ticket=ticket(1).id, place="waiting", enqueued_at=START, enqueue=n, reason="released")
        for n in order
    }
    now = replace(ticket(1), state="new")
    for number in order:
        copied = copy_routing(now, events[number], number, START)
        now = copied.ticket if copied else now
    assert (now.routing_version, now.place, now.assignee) == (6, "waiting", None)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Waar blijft mijn pakket? Ik wacht nu al een hele week op de bezorger.", "nl"),
        ("Where is my parcel? I have been waiting for the delivery for a whole week.", "en"),
        ("Wo bleibt mein Paket? Ich warte schon eine ganze Woche auf die Lieferung.", "de"),
        ("ok", None),
        ("12345 67890 12345 67890", None),
    ],
)
def test_a_language_is_told_only_when_the_text_says_it(text: str, language: str | None) -> None:
    assert detect(text, ("en", "nl", "de")) == language


def test_with_one_language_there_is_nothing_to_detect() -> None:
    assert detect("Waar blijft mijn pakket? Ik wacht nu al een hele week.", ("nl",)) is None


def test_a_ticket_whose_history_was_lost_counts_on_from_what_routing_has_met() -> None:
    copied = copy_routing(ticket(1, version=3), taken(ticket(1).id, "anna", 2, ticket_version=9).data, 2, START)
    assert copied is not None and copied.ticket.version == 10


def test_a_ticket_whose_solve_was_lost_is_told_open_so_that_it_is_queued_again() -> None:
    waiting = ticket(1, version=3, routing_version=1)
    told = TicketLeft(
        ticket=waiting.id, place="done", enqueued_at=START, enqueue=1, reason="solved", ended="closed", ticket_version=4
    )
    copied = copy_routing(waiting, told, 2, START)
    assert copied is not None and copied.told and copied.lost
    assert (copied.ticket.state, copied.ticket.version) == ("open", 5)


def test_a_ticket_that_lost_nothing_counts_on_from_its_own_version() -> None:
    copied = copy_routing(ticket(1, version=3), taken(ticket(1).id, "anna", 2, ticket_version=2).data, 2, START)
    assert copied is not None and copied.ticket.version == 4


def test_a_decision_that_changes_no_holder_is_not_told() -> None:
    held = ticket(1, assignee="anna", routing_version=2)
    copied = copy_routing(held, taken(held.id, "anna", 3).data, 3, START)
    assert copied is not None and not copied.told
    assert (copied.ticket.version, copied.ticket.routing_version) == (held.version, 3)


def test_closing_by_itself_is_no_activity() -> None:
    solved = ticket(1, state="solved", solved_at=START)
    closed = close(solved, START + timedelta(days=7))
    assert (closed.state, closed.active_at, closed.solved_at) == ("closed", solved.active_at, START)


@given(st.sampled_from(STATES))
def test_what_does_not_speak_changes_no_ticket_but_its_last_activity(was: Any) -> None:
    before = ticket(1, state=was, solved_at=START if was in ("solved", "closed") else None)
    after = receive(message(automatic="bulk"), Joined(before, "named"), new_id=NEW, person=PERSON, language=None).ticket
    kept = ("state", "cycle", "cycle_started_at", "solved_at", "assignee", "priority")
    assert [getattr(after, name) for name in kept] == [getattr(before, name) for name in kept]

"""What an answer makes of its ticket, and that deliveries only move up (definitions.md)."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tickets.domain.answering import TicketClosed, answer, moves_up, note
from services.tickets.domain.ticket import TransitionRefused
from shared.contracts.delivery_events import Delivery
from tests.factories import START
from tests.unit.test_tickets_domain import ticket

LATER = START + timedelta(hours=1)


@pytest.mark.parametrize(
    ("before", "wanted", "after"),
    [
        ("new", None, "pending"),
        ("open", None, "pending"),
        ("pending", None, "pending"),
        ("on-hold", None, "pending"),
        ("solved", None, "solved"),
        ("open", "solved", "solved"),
        ("new", "open", "open"),
        ("solved", "open", "open"),
    ],
)
def test_an_answer_makes_it_the_customers_turn_unless_the_agent_chooses(before: Any, wanted: Any, after: str) -> None:
    said = answer(ticket(state=before), wanted, LATER)
    changed = before != after
    assert (said.ticket.state, said.was, said.at) == (after, before, 4)
    assert said.ticket.version == (5 if changed else 4)


def test_what_the_life_cycle_does_not_allow_is_refused() -> None:
    with pytest.raises(TicketClosed):
        answer(ticket(state="closed"), None, LATER)
    with pytest.raises(TransitionRefused):
        answer(ticket(state="solved"), "pending", LATER)


def test_a_note_changes_nothing_but_the_count() -> None:
    before = ticket()
    assert note(before).ticket == replace(before, version=before.version + 1)


states = st.sampled_from(["queued", "unknown", "sent", "delivered", "read", "failed"])
ORDER = ["queued", "sent", "delivered", "read"]


@given(st.lists(states, max_size=12))
def test_without_failures_a_message_never_moves_down(words: list[Delivery]) -> None:
    now: Delivery = "queued"
    seen = [now]
    for word in words:
        if moves_up(now, word):
            now = word
            seen.append(now)
    for before, after in pairwise(seen):
        if before in ORDER and after in ORDER:
            assert ORDER.index(after) > ORDER.index(before)
        if after == "failed":
            assert before not in ("delivered", "read")


@given(states, states)
def test_the_same_word_again_is_no_news(before: Delivery, word: Delivery) -> None:
    if moves_up(before, word) and word != "queued":
        assert not moves_up(word, word)

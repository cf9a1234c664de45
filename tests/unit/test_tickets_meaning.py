"""What a ticket becomes through what its message means."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tickets import reading
from services.tickets.domain.intents import Classified
from services.tickets.domain.intents.classifier import INTENTS, SIGNALS
from services.tickets.domain.joining import join
from services.tickets.domain.meaning import RANK, changes, with_meaning
from services.tickets.domain.receive import receive
from services.tickets.domain.ticket import Ticket
from shared.bus import Context
from shared.contracts.settings import Workspace
from shared.telemetry import metrics
from tests import factories

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)


class Documents:
    """Settings of one workspace."""

    def __init__(self, workspace: Workspace | None = None) -> None:
        self.workspace = workspace

    def get(self, kind: str, workspace: str, id: str) -> Any:
        return self.workspace if kind == "workspace" else None


def context(**document: Any) -> Context:
    settings = Documents(Workspace(name="Main", **document))
    return Context("tickets", NOW, cast("Any", settings))


def opened(text: str = "Hello", ctx: Context | None = None, **more: Any) -> Ticket:
    """The ticket that a first message opens."""
    event = factories.message(text=text, **more)
    (event,), readings = reading.read([event], {}, ctx or context())
    joined = join(event.data, named=None, of_person=(), conversational=(), reopen_for=timedelta(days=7))
    received = receive(event, joined, new_id=event.id, person=event.id, language=None)
    return reading.understood(received, event, readings, ctx or context())[0].ticket


def test_a_new_ticket_has_what_its_message_wants() -> None:
    assert opened("Where is my order #10482?").intent == "order-status"
    assert opened("Hello").intent is None


@pytest.mark.parametrize(
    ("text", "priority"),
    [
        ("your website is down, nobody can order", "urgent"),
        ("my card keeps getting declined when I try to pay", "high"),
        ("I will dispute this with my bank", "high"),
        ("where is my order", "normal"),
        ("this is the worst shop ever", "normal"),
    ],
)
def test_who_cannot_buy_goes_first_and_who_is_angry_does_not(text: str, priority: str) -> None:
    assert opened(text).priority == priority


def test_a_workspace_says_what_raises_a_priority() -> None:
    chosen = context(intent_priority={"shop-down": "normal", "order-damaged": "urgent"})
    assert opened("your website is down", chosen).priority == "normal"
    assert opened("The mug arrived in pieces", chosen).priority == "urgent"


@given(
    st.sampled_from(sorted(RANK)),
    st.sampled_from([None, *INTENTS]),
    st.frozensets(st.sampled_from(SIGNALS)),
    st.dictionaries(st.sampled_from([*INTENTS, *SIGNALS]), st.sampled_from(sorted(RANK))),
)
def test_a_priority_is_only_ever_raised(
    priority: Any, intent: str | None, signals: frozenset[str], chosen: Mapping[str, Any]
) -> None:
    before = replace(opened(), priority=priority)
    after = with_meaning(before, Classified(intent, 1.0, None, signals), chosen=chosen)
    assert RANK[after.priority] <= RANK[priority]
    assert after.intent == intent
    assert changes(before, after).keys() <= {"intent", "priority"}


def test_pure_thanks_open_a_ticket_that_is_solved_already() -> None:
    thanked = opened("Merci beaucoup !")
    assert (thanked.state, thanked.intent) == ("solved", None)
    assert opened("thanks, but where is my order?").state == "new"


def test_thanks_with_a_file_say_more_than_thanks() -> None:
    assert opened("thanks", attachments=({"name": "photo.jpg"},)).state == "new"


def test_a_classifier_that_raises_is_counted_and_costs_the_message_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def classify(self, text: str, *, subject: str | None, language: str | None) -> Classified:
            raise RuntimeError("a model that cannot be loaded")

    monkeypatch.setattr(reading, "CLASSIFIER", Broken())
    before = metrics.CLASSIFIER_FAILURES._value.get()
    assert (opened("Where is my order?").state, opened("Where is my order?").intent) == ("new", None)
    assert metrics.CLASSIFIER_FAILURES._value.get() == before + 2

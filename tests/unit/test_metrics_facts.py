"""Every event that metrics reads is a fact, and the same fact whenever it is read."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.metrics.domain.events import TOPICS, fact_of
from services.metrics.domain.facts import TicketFact
from services.metrics.handlers import HANDLERS
from services.metrics.repo.facts import TABLES
from shared.bus import codec
from shared.contracts.registry import MESSAGES
from shared.contracts.topics import TOPICS as ALL_TOPICS

GOLDEN = Path(__file__).parents[1] / "contract" / "golden"
READ = sorted(type_ for type_, model in MESSAGES.items() if model.TOPIC in TOPICS)


@pytest.mark.parametrize("type_", READ)
def test_every_type_of_the_topics_has_a_fact(type_: str) -> None:
    event = codec.decode(MESSAGES[type_].TOPIC, (GOLDEN / f"{type_}.json").read_bytes(), [])
    assert event is not None
    fact = fact_of(event)
    assert (fact.workspace, fact.event, fact.version) == (event.workspace, event.id, event.version)
    assert type(fact) in TABLES


def test_facts_can_always_be_made_again() -> None:
    assert [topic for topic in TOPICS if not ALL_TOPICS[topic].permanent] == []


def test_metrics_handles_every_topic_it_is_said_to_read() -> None:
    read = {topic.name for topic in ALL_TOPICS.values() if "metrics" in topic.consumers}
    assert set(HANDLERS) == read - {"settings"}


def test_a_ticket_that_was_merged_is_void() -> None:
    event = codec.decode("ticket-events", (GOLDEN / "switchboard.ticket.merged.v1.json").read_bytes(), [])
    assert event is not None
    fact = fact_of(event)
    assert isinstance(fact, TicketFact) and (fact.what, fact.reason) == ("changed", "void")


def test_what_a_customer_wrote_counts_when_it_was_accepted() -> None:
    record = (GOLDEN / "switchboard.ticket.message-added.v1.json").read_bytes()
    event = codec.decode("ticket-events", record, [])
    assert event is not None
    accepted_at = datetime(2025, 12, 31, tzinfo=UTC)
    late = event.data.model_copy(update={"accepted_at": accepted_at})
    fact = fact_of(type(event)(event.id, event.source, event.time, event.workspace, late))
    assert isinstance(fact, TicketFact) and fact.at == accepted_at

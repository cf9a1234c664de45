"""Records as other services would publish them, for tests of one service alone."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from shared.bus import codec
from shared.bus.producer import BusProducer
from shared.config import ServiceConfig
from shared.contracts.envelope import Event, Message
from shared.contracts.inbound_messages import MessageReceived, Sender
from shared.contracts.routing_events import TicketTaken
from shared.ids import derived_id, inbound_id
from shared.telemetry.trace import child
from tests.desk import Desk

WORKSPACE = "main"
START = datetime(2026, 1, 2, 9, 0, tzinfo=UTC)


def message(person: str = "77", number: int = 1, text: str = "Hello", **more: Any) -> Event[MessageReceived]:
    """A customer's message; the same person and number are the same message."""
    fields: dict[str, Any] = {
        "channel": "telegram",
        "account": "bikes-bot",
        "natural_id": f"{person}:{number}",
        "sender": Sender(kind="telegram", scope="bikes-bot", value=person, verified=True),
        "thread": person,
        "text": text,
        "accepted_at": START,
    }
    data = MessageReceived(**{**fields, **more})
    return Event(
        id=inbound_id(WORKSPACE, data.channel, data.account, data.natural_id),
        source="ingest",
        time=data.accepted_at,
        workspace=WORKSPACE,
        shop="bikes",
        data=data,
        trace=child(None),
    )


def taken(ticket: UUID, agent: str, version: int, **more: Any) -> Event[TicketTaken]:
    """Routing gave a ticket to an agent."""
    fields: dict[str, Any] = {
        "ticket": ticket,
        "place": "held",
        "enqueued_at": START,
        "enqueue": 1,
        "agent": agent,
        "reason": "longest-idle",
        "mode": "push",
        "waited_ms": 5,
    }
    data = TicketTaken(**{**fields, **more})
    id_ = derived_id(ticket, data.TYPE, f"{version}:{agent}")
    return Event(
        id=id_,
        source="routing",
        time=START + timedelta(seconds=version),
        workspace=WORKSPACE,
        shop="bikes",
        version=version,
        data=data,
        trace=child(None),
    )


async def publish(desk: Desk, events: Sequence[Event[Message]]) -> None:
    """Put events on their topics, in order."""
    config = ServiceConfig(kafka=desk.stack.kafka.bootstrap, topic_prefix=desk.prefix)
    producer = BusProducer(config, "test")
    try:
        records = [(e.topic, e.key, codec.encode(e), codec.trace_header(e.trace)) for e in events]
        await producer.send_all(records, timeout_s=20)
    finally:
        await producer.stop()

"""Records flow through two real services, over a real bus, once each and in order."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID

from shared.bus import codec
from shared.bus.producer import BusProducer
from shared.config import ServiceConfig
from shared.contracts.envelope import Event
from shared.contracts.inbound_messages import MessageReceived, Sender
from shared.ids import inbound_id
from shared.telemetry.trace import child
from tests.eventually import eventually

FIRST, SECOND = "tests.integration.pair.first", "tests.integration.pair.second"


def message(sender: str, number: int, text: str | None = None) -> Event[MessageReceived]:
    """A message of a sender, numbered in the order it was written."""
    natural = f"{sender}:{number}"
    return Event(
        id=inbound_id("shop", "http", "form", natural),
        source="ingest",
        time=datetime.now(UTC),
        workspace="shop",
        trace=child(None),
        data=MessageReceived(
            channel="http",
            account="form",
            natural_id=natural,
            sender=Sender(kind="external", value=sender),
            text=str(number) if text is None else text,
            accepted_at=datetime.now(UTC),
        ),
    )


async def publish(producer: BusProducer, events: list[Event[MessageReceived]]) -> None:
    """Put events on their topic, in order."""
    records = [(e.topic, e.key, codec.encode(e), codec.trace_header(e.trace)) for e in events]
    await producer.send_all(records, timeout_s=20)


async def test_each_message_takes_effect_once_and_in_order_over_two_services(make_desk) -> None:
    desk = await make_desk()
    for module in (FIRST, SECOND):
        assert (await desk.run(module, "migrate"))[0] == 0
    await desk.start(FIRST, SECOND)
    producer = BusProducer(ServiceConfig(kafka=desk.stack.kafka.bootstrap, topic_prefix=desk.prefix), "test")
    sent = [message(f"c{n % 20}", n // 20) for n in range(2000)]
    await publish(producer, sent)
    await publish(producer, sent[::-1][:300])
    connection = await desk.connect("second")

    async def all_there() -> bool:
        return await connection.fetchval("select count(distinct message) from facts") == len(sent)

    await eventually(all_there, timeout_s=30, what="every fact")
    rows = await connection.fetch("select message, trace from facts order by n")
    traces = {e.id: e.trace[3:35] for e in sent}
    assert len(rows) == len(sent)
    assert all(row["trace"][3:35] == traces[UUID(str(row["message"]))] for row in rows)
    first = await desk.connect("first")
    for sender in {e.data.sender.value for e in sent}:
        numbers = [
            r["number"] for r in await first.fetch("select number from seen where sender = $1 order by n", sender)
        ]
        assert numbers == sorted(numbers) and len(numbers) == 100
    await asyncio.gather(connection.close(), first.close(), producer.stop())

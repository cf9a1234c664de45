"""The two small services, running, and what a test does to them and asks of them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar, cast
from uuid import UUID

import asyncpg
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy as Builder
from aiokafka.record.util import calc_crc32c

from shared.bus import codec
from shared.contracts.envelope import Event
from shared.contracts.inbound_messages import MessageReceived, Sender
from shared.contracts.ticket_events import TicketOpened
from shared.ids import derived_id, inbound_id
from shared.telemetry.trace import child
from tests.desk import Desk
from tests.eventually import eventually
from tests.integration.pair.first import ticket_of

FIRST, SECOND = "tests.integration.pair.first", "tests.integration.pair.second"
T = TypeVar("T")
Headers = Sequence[tuple[str, bytes]]


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


def opened(sender: str, number: int) -> Event[TicketOpened]:
    """The fact that the first service makes of a message."""
    cause = message(sender, number)
    return Event(
        id=derived_id(cause.id, TicketOpened.TYPE, ticket_of(sender)),
        source="first",
        time=datetime.now(UTC),
        workspace="shop",
        version=1,
        trace=child(None),
        data=TicketOpened(
            ticket=UUID(ticket_of(sender)),
            person=cause.id,
            channel="http",
            account="form",
            state="new",
            cycle=number + 1,
            cycle_started_at=datetime.now(UTC),
            message=cause.id,
        ),
    )


class Pair:
    """A desk of `first` and `second`."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._producer = AIOKafkaProducer(
            bootstrap_servers=desk.stack.kafka.bootstrap, max_request_size=1_048_576, enable_idempotence=True
        )

    async def start(self) -> "Pair":
        """Migrate and start both."""
        for module in (FIRST, SECOND):
            code, output = await self.desk.run(module, "migrate")
            assert code == 0, output
        await self.desk.start(FIRST, SECOND)
        await self._producer.start()
        return self

    async def close(self) -> None:
        """Let go of the producer; the desk is the fixture's."""
        await self._producer.stop()

    # --- onto the log ------------------------------------------------------------------------------------------------

    async def publish(self, *events: Event[Any]) -> None:
        """Put events on their topics, in order."""
        sent = [
            await self._send(event.topic, event.key, codec.encode(event), codec.trace_header(event.trace))
            for event in events
        ]
        await asyncio.gather(*sent)

    async def put(self, topic: str, key: bytes, value: bytes | None, headers: Headers = ()) -> None:
        """Put any bytes on a topic."""
        await (await self._send(topic, key, value, headers))

    async def _send(self, topic: str, key: bytes, value: bytes | None, headers: Headers) -> "asyncio.Future[Any]":
        sending = await self._producer.send(self.desk.prefix + topic, value, key=key, headers=list(headers))
        return cast("asyncio.Future[Any]", sending)

    async def put_with_broken_header(self, events: Sequence[Event[Any]], broken: int) -> None:
        """Put events of one key in one record batch, in which one's header has a name that is no UTF-8.

        No Python client can produce this, so that the request is made by hand.
        """
        builder = Builder(2, 0, False, -1, -1, -1, 1_000_000)
        for number, event in enumerate(events):
            headers = [("~broken~" if number == broken else "x", b"1")]
            assert builder.append(number, None, event.key, codec.encode(event), headers) is not None
        batch = bytearray(bytes(builder.build()).replace(b"~broken~", b"\xff\xferoken~"))
        crc = calc_crc32c(bytes(batch[Builder.ATTRIBUTES_OFFSET :]))
        batch[Builder.CRC_OFFSET : Builder.CRC_OFFSET + 4] = crc.to_bytes(4, "big")
        topic = self.desk.prefix + events[0].topic
        partition = await self._partition(topic, events[0].key)
        client = AIOKafkaClient(bootstrap_servers=self.desk.stack.kafka.bootstrap)
        await client.bootstrap()
        try:
            client.add_topic(topic)
            await client.force_metadata_update()
            node = client.cluster.leader_for_partition(TopicPartition(topic, partition))
            answer = await client.send(node, ProduceRequest(None, -1, 10_000, [(topic, [(partition, bytes(batch))])]))
            assert answer.topics[0][1][0][1] == 0, answer
        finally:
            await client.close()

    async def _partition(self, topic: str, key: bytes) -> int:
        """Where the producer puts this key."""
        await self._producer.partitions_for(topic)
        return int(self._producer._partition(topic, None, None, None, key, b""))

    # --- what became of it -------------------------------------------------------------------------------------------

    async def seen(self, sender: str) -> list[int]:
        """The numbers of a sender that the first service has kept, in the order of their effects."""
        rows = await self.rows("first", "select number from seen where sender = $1 order by n", sender)
        return [row["number"] for row in rows]

    async def facts(self, sender: str) -> list[int]:
        """The numbers of a sender that the second service has kept, in the order of their effects."""
        rows = await self.rows(
            "second", "select number from facts where ticket = $1::uuid order by n", ticket_of(sender)
        )
        return [row["number"] for row in rows]

    async def letters(self, schema: str, key: bytes) -> list[tuple[str, str]]:
        """State and error of a key's dead letters, in the order they came in."""
        query = "select state, error from dead_letters where key = $1 order by id"
        return [(row["state"], row["error"]) for row in await self.rows(schema, query, key)]

    async def rows(self, schema: str, query: str, *arguments: Any) -> list[asyncpg.Record]:
        """Ask a service's schema."""
        connection = await self.desk.connect(schema)
        try:
            return list(await connection.fetch(query, *arguments))
        finally:
            await connection.close()

    async def becomes(self, ask: Callable[[], Awaitable[T]], wanted: T, *, timeout_s: float = 20) -> None:
        """Wait until the answer is the wanted one."""
        last: list[T] = []

        async def so() -> bool:
            last[:] = [await ask()]
            return last[0] == wanted

        try:
            await eventually(so, timeout_s=timeout_s)
        except AssertionError:
            raise AssertionError(f"{last[0]!r} did not become {wanted!r} within {timeout_s} s") from None

    async def cure(self, schema: str, word: str) -> None:
        """Mend what is wrong with a word, as a new release would."""
        await self.rows(schema, "insert into cured(word) values ($1)", word)

    async def dlq(self, module: str, *arguments: str) -> str:
        """Use the operator's command for dead letters."""
        code, output = await self.desk.run(module, "dlq", *arguments)
        assert code == 0, output
        return output

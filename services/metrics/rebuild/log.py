"""The permanent topics from their beginning, as facts: up to exactly the positions asked for."""

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from services.metrics.domain.events import TOPICS, fact_of
from services.metrics.repo import facts
from shared.bus import codec, inbox, kafka
from shared.config import ServiceConfig
from shared.contracts.envelope import Event
from shared.errors import BusUnavailable, Conflict, Refused

AT_ONCE = 2000
SILENT_S = 60
TELL_S = 2.0
GROUP = "rebuild"

Place = tuple[str, int]
"""Topic and partition."""
Positions = Mapping[Place, int]


class Log:
    """The topics that facts are made of; `reached` is the next offset of each partition."""

    def __init__(self, consumer: AIOKafkaConsumer, prefix: str, tell: Callable[["Log"], None]) -> None:
        self._consumer = consumer
        self._prefix = prefix
        self._tell = tell
        self._told = time.monotonic()
        self.reached: dict[Place, int] = {}
        self.ends: dict[Place, int] = {}
        self.read = 0

    @property
    def total(self) -> int:
        """How many records there were when the log was opened."""
        return sum(self.ends.values())

    def _partition(self, place: Place) -> TopicPartition:
        return TopicPartition(self._prefix + place[0], place[1])

    def _place(self, partition: TopicPartition) -> Place:
        return partition.topic.removeprefix(self._prefix), partition.partition

    async def begin(self) -> None:
        """Take all partitions from their start; raises Conflict where a log no longer has its start."""
        known = await self._consumer._client.fetch_all_metadata()
        places = [(topic, n) for topic in TOPICS for n in known.partitions_for_topic(self._prefix + topic) or ()]
        partitions = [self._partition(place) for place in sorted(places)]
        if {topic for topic, _ in places} != set(TOPICS):
            raise BusUnavailable("topics are missing; run `switchboard migrate`")
        self._consumer.assign(partitions)
        begins = await self._consumer.beginning_offsets(partitions)
        cut = [f"{p.topic}/{p.partition} begins at {begin}" for p, begin in begins.items() if begin > 0]
        if cut:
            raise Conflict(f"the log is not whole ({', '.join(cut)}), so facts cannot be made from it; nothing changed")
        await self._consumer.seek_to_beginning(*partitions)
        self.reached = {self._place(partition): 0 for partition in partitions}
        self.ends = await self.end()

    async def end(self) -> dict[Place, int]:
        """Where each partition ends now."""
        ends = await self._consumer.end_offsets([self._partition(place) for place in self.reached])
        return {self._place(partition): end for partition, end in ends.items()}

    async def read_to(self, wanted: Positions, tx: asyncpg.Connection) -> None:
        """Put the facts of all records before `wanted` into the schema that `tx` is on, each batch a transaction.

        Raises Conflict where the log ends before: it is not the one these positions are of.
        """
        ends = await self.end()
        beyond = [f"{topic}/{n}" for (topic, n), offset in wanted.items() if offset > ends.get((topic, n), 0)]
        if beyond:
            raise Conflict(f"more was handled than is on the log ({', '.join(sorted(beyond))}); nothing changed")
        left = {place for place, offset in wanted.items() if self.reached[place] < offset}
        self._choose(left)
        heard = time.monotonic()
        while left:
            got = await self._consumer.getmany(timeout_ms=500, max_records=AT_ONCE)
            if got:
                heard = time.monotonic()
            elif time.monotonic() - heard > SILENT_S:
                raise BusUnavailable(f"Kafka gave nothing for {SILENT_S} s; nothing changed, try again")
            for partition, records in got.items():
                place = self._place(partition)
                await self._keep(tx, place, [record for record in records if record.offset < wanted[place]])
                if self.reached[place] >= wanted[place]:
                    self._consumer.pause(partition)
                    left.discard(place)

    def _choose(self, left: set[Place]) -> None:
        """Fetch these only, each from where it was left."""
        self._consumer.pause(*map(self._partition, self.reached))
        for place in left:
            self._consumer.seek(self._partition(place), self.reached[place])
            self._consumer.resume(self._partition(place))

    async def _keep(self, tx: asyncpg.Connection, place: Place, records: Sequence[Any]) -> None:
        if not records:
            return
        events: dict[UUID, Event[Any]] = {}
        for record in records:
            event = _event(place[0], record)
            if event is not None:
                events.setdefault(event.id, event)
        async with tx.transaction():
            _, fresh = await inbox.enter(tx, f"{GROUP}.{place[0]}", place[0], (), sorted(events))
            await facts.insert(tx, [fact_of(event) for id_, event in events.items() if id_ in fresh])
        self.reached[place] = records[-1].offset + 1
        self.read += len(records)
        if time.monotonic() - self._told > TELL_S:
            self._told = time.monotonic()
            self._tell(self)


def _event(topic: str, record: Any) -> Event[Any] | None:
    """The event, or None: what cannot be read is a dead letter where facts are kept, and no fact here either."""
    try:
        return codec.decode(topic, record.value, record.headers)
    except Refused:
        return None


@asynccontextmanager
async def opened(config: ServiceConfig, tell: Callable[[Log], None]) -> AsyncIterator[Log]:
    """The log from its start."""
    consumer = kafka.tail(config, "metrics-rebuild")
    await consumer.start()
    try:
        log = Log(consumer, config.topic_prefix, tell)
        await log.begin()
        yield log
    finally:
        await consumer.stop()

"""The log as the consumer loop sees it: records of partitions whose place was found, or nothing.

Whatever puts a position in doubt (assignment, rollback, restored database, another connection to the broker) adds the
partition to `unplaced`. While one is, nothing is given out, and whatever was fetched meanwhile is fetched again: the
client has moved on past records that nobody handled.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.client import ConnectionGroup
from aiokafka.errors import (
    ConsumerStoppedError,
    CorruptRecordException,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    UnsupportedCodecError,
)

from shared.bus import positions, rescue
from shared.bus.codec import Concerns
from shared.bus.inbound import Inbound, fingerprint, read
from shared.bus.interest import OwnEvents
from shared.contracts.topics import Topic
from shared.db.pool import transaction
from shared.telemetry import metrics

log = logging.getLogger(__name__)

WAIT_S = 0.5
ANSWER_S = 5.0
"""Neither a rebalance nor a broker that does not answer holds the loop for longer."""
LOST_S = 60.0
"""A client that gives nothing back for so long is made anew."""


class ClientLost(Exception):
    """The Kafka client cannot go on; a new one can."""


class Source(ConsumerRebalanceListener):  # type: ignore[misc]
    """The partitions of one topic that are ours, each read from where the database says it is."""

    def __init__(
        self,
        topic: Topic,
        wire_name: str,
        *,
        grp: str,
        pool: asyncpg.Pool,
        own: OwnEvents,
        concerns: Concerns | None = None,
    ) -> None:
        self._topic = topic.name
        self._own = own
        self._concerns = concerns
        self._wire_name = wire_name
        self._grp = grp
        self._pool = pool
        self._compare: dict[int, tuple[int, int]] = {}
        self._placed_over: dict[TopicPartition, object] = {}
        self._answered = 0.0
        self.kafka: AIOKafkaConsumer = None
        self.assigned: set[TopicPartition] = set()
        self.unplaced: set[TopicPartition] = set()
        self.expected: dict[int, int] = {}
        """Next offset by partition as far as this process knows: a database that has less was restored."""
        self.goal: dict[int, int] | None = None
        """The ends of the topic's partitions when we began or went back, as far as they are not reached yet."""

    def use(self, kafka: AIOKafkaConsumer) -> None:
        """Read with this client from now on."""
        self.kafka = kafka
        self._answered = time.monotonic()

    # --- the group's callbacks: only note, the loop acts -------------------------------------------------------------

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        """Another replica may have them; what is in hand meets the locked row of `consumed`."""
        self.assigned.difference_update(revoked)
        self.unplaced.difference_update(revoked)

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        """Find their places before anything is handled."""
        metrics.REBALANCES.labels(self._topic).inc()
        self.assigned = set(assigned)
        self.unplaced = set(assigned)
        self.goal = None

    # --- finding places ----------------------------------------------------------------------------------------------

    def doubt(self) -> None:
        """Every position must be found again before anything more is handled."""
        self.unplaced |= self.assigned

    def forget(self) -> None:
        """The database went back: go back with it, without holding what we knew against it."""
        self.doubt()
        self._own.forget()
        self.expected.clear()
        self.goal = None

    async def place(self) -> None:
        """Seek every doubtful partition to where the database says it is; may leave some for the next call."""
        wanted = self.unplaced & self.kafka.assignment()
        if not wanted:
            return
        over = self._links(wanted)
        begins, ends = await self._bounds(sorted(wanted))
        starts = await positions.find(self._pool, self._grp, self._topic, begins, ends, self.expected)
        if None in over.values() or over != self._links(wanted) or not wanted <= self.unplaced:
            return  # the log may have changed while we asked, or the group has moved on
        for partition, start in starts.items():
            self._seek(partition, start)
        self.kafka.resume(*wanted)
        self._placed_over |= over
        self.unplaced -= wanted
        if self.goal is None:
            self.goal = await self._ends_of_topic()

    async def _bounds(self, partitions: Sequence[TopicPartition]) -> tuple[dict[TopicPartition, int], ...]:
        """Where the partitions' logs begin and end."""
        try:
            async with asyncio.timeout(ANSWER_S):
                begins = await self.kafka.beginning_offsets(partitions)
                ends = await self.kafka.end_offsets(partitions)
        except (KafkaError, TimeoutError) as error:
            self._unanswered(error)
            raise
        self._answered = time.monotonic()
        return begins, ends

    def _unanswered(self, error: Exception) -> None:
        if time.monotonic() - self._answered > LOST_S:
            raise ClientLost(f"no answer for {LOST_S:g} s: {type(error).__name__}") from error

    def _seek(self, partition: TopicPartition, start: positions.Start) -> None:
        self.kafka.seek(partition, start.seek)
        if start.next_offset < self.expected.get(partition.partition, 0):
            self._own.forget()
            self.goal = None  # not caught up before what the database has forgotten is read again
        self.expected[partition.partition] = start.next_offset
        self._compare.pop(partition.partition, None)
        if start.fingerprint is not None:
            self._compare[partition.partition] = (start.seek, start.fingerprint)

    def _links(self, partitions: set[TopicPartition]) -> dict[TopicPartition, object]:
        """The connections over which the partitions are read: a log changes under us only behind a new one."""
        client = self.kafka._client
        nodes = {partition: client.cluster.leader_for_partition(partition) for partition in partitions}
        return {partition: client._conns.get((node, ConnectionGroup.DEFAULT)) for partition, node in nodes.items()}

    async def _ends_of_topic(self) -> dict[int, int]:
        numbers = self.kafka.partitions_for_topic(self._wire_name) or set()
        _, ends = await self._bounds([TopicPartition(self._wire_name, n) for n in sorted(numbers)])
        return {partition.partition: end for partition, end in ends.items() if end > 0}

    def reached(self, known: Mapping[int, int]) -> None:
        """Take from the goal what these next offsets have reached."""
        if self.goal:
            self.goal = {p: end for p, end in self.goal.items() if known.get(p, 0) < end}

    # --- reading -----------------------------------------------------------------------------------------------------

    async def fetch(self, most: int) -> list[Inbound]:
        """About `most` records of placed partitions, in the order of each; raises ClientLost where a new one helps."""
        got = await self._get(most)
        fresh = {p: await self._compared(p, records) for p, records in got.items() if p in self.assigned}
        links = self._links(self.assigned)
        if any(link is not self._placed_over.get(partition) for partition, link in links.items()):
            self.doubt()
        if self.unplaced:
            self.doubt()
            return []
        return [read(self._topic, record, self._concerns) for records in fresh.values() for record in records]

    async def _get(self, most: int) -> Mapping[TopicPartition, Sequence[Any]]:
        got: Mapping[TopicPartition, Sequence[Any]]
        try:
            async with asyncio.timeout(ANSWER_S):
                got = await self.kafka.getmany(timeout_ms=int(WAIT_S * 1000), max_records=most)
        except TimeoutError as error:
            return self._nothing(error)
        except (OffsetOutOfRangeError, NoOffsetForPartitionError) as error:
            return self._nothing(error)
        except (CorruptRecordException, UnsupportedCodecError) as error:
            got = await self._rescued(most, error)
        except (KafkaError, ConsumerStoppedError) as error:
            self.doubt()
            raise ClientLost(f"{type(error).__name__}: {error}") from error
        except Exception as error:  # noqa: BLE001 - whatever the client trips over lies in the records
            got = await self._rescued(most, error)
        self._answered = time.monotonic()
        return got

    def _nothing(self, error: Exception) -> Mapping[TopicPartition, Sequence[Any]]:
        self.doubt()
        self._unanswered(error)
        return {}

    async def _rescued(self, most: int, error: Exception) -> Mapping[TopicPartition, Sequence[Any]]:
        """Read what the client could not, past the culprit; it may have lost its place in any partition."""
        log.error("records cannot be taken apart", extra={"topic": self._topic, "error": type(error).__name__})
        got = {}
        for partition in sorted(self.assigned - self.unplaced):
            number = partition.partition
            start = self._compare[number][0] if number in self._compare else self.expected[number]
            async with asyncio.timeout(ANSWER_S):
                records = await rescue.fetch(self.kafka, partition, start, most)
            if records:
                got[partition] = records
            self.kafka.seek(partition, records[-1].offset + 1 if records else start)
        if not got:
            self.doubt()
            raise ClientLost(f"nothing to rescue: {type(error).__name__}: {error}") from error
        return got

    async def _compared(self, partition: TopicPartition, records: Sequence[Any]) -> Sequence[Any]:
        """Drop the record before the start once it proved that the log is the one we know; else read it all again."""
        known = self._compare.pop(partition.partition, None)
        if known is None:
            return records
        offset, print_ = known
        if records[0].offset != offset:
            return [record for record in records if record.offset > offset]
        if fingerprint(records[0]) == print_:
            return records[1:]
        begins, _ = await self._bounds([partition])
        async with transaction(self._pool) as connection:
            self._own.forget()
            await positions.rewind(
                connection, self._grp, self._topic, partition.partition, begins[partition], cause="log-replaced"
            )
        self.expected.pop(partition.partition, None)
        self.unplaced.add(partition)
        self.goal = None
        return []

    async def poll_paused(self) -> None:
        """Poll without reading, so that the group keeps us; whatever is wrong shows again when we read."""
        with contextlib.suppress(Exception):
            self.kafka.pause(*self.kafka.assignment())
            async with asyncio.timeout(ANSWER_S):
                await self.kafka.getmany(timeout_ms=0)

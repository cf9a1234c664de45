"""The log as the consumer loop sees it: records of partitions whose place was found, or nothing.

Whatever puts a position in doubt (assignment, rollback, restored database, broken connection) adds the partition to
`unplaced`, and nothing is handled before its place was found again.
"""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import CorruptRecordException, KafkaError, OffsetOutOfRangeError

from shared.bus import positions
from shared.bus.batch import describe
from shared.bus.inbound import Inbound, fingerprint, read, undecodable
from shared.contracts.topics import Topic
from shared.db.pool import transaction
from shared.telemetry import metrics

log = logging.getLogger(__name__)

WAIT_S = 0.5


class Source(ConsumerRebalanceListener):  # type: ignore[misc]
    """The partitions of one topic that are ours, each read from where the database says it is."""

    def __init__(self, topic: Topic, wire_name: str, *, grp: str, pool: asyncpg.Pool) -> None:
        self._topic = topic.name
        self._wire_name = wire_name
        self._grp = grp
        self._pool = pool
        self._compare: dict[int, tuple[int, int]] = {}
        self.kafka: AIOKafkaConsumer = None
        self.assigned: set[TopicPartition] = set()
        self.unplaced: set[TopicPartition] = set()
        self.expected: dict[int, int] = {}
        """Next offset by partition as far as this process knows: a database that has less was restored."""
        self.goal: dict[int, int] | None = None
        """The ends of the topic's partitions when we began or went back, as far as they are not reached yet."""

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
        self.expected.clear()
        self.goal = None

    async def place(self) -> None:
        """Seek every doubtful partition to where the database says it is."""
        wanted = self.unplaced & self.kafka.assignment()
        if not wanted:
            self.unplaced.clear()
            return
        starts = await positions.find(self.kafka, self._pool, self._grp, self._topic, sorted(wanted))
        if not wanted <= self.kafka.assignment():
            return
        for partition, start in starts.items():
            self.kafka.seek(partition, start.seek)
            self.expected[partition.partition] = start.next_offset
            self._compare.pop(partition.partition, None)
            if start.fingerprint is not None:
                self._compare[partition.partition] = (start.seek, start.fingerprint)
        self.kafka.resume(*wanted)
        self.unplaced -= wanted
        if self.goal is None:
            self.goal = await self._ends_of_topic()

    async def _ends_of_topic(self) -> dict[int, int]:
        numbers = self.kafka.partitions_for_topic(self._wire_name) or set()
        ends = await self.kafka.end_offsets([TopicPartition(self._wire_name, n) for n in sorted(numbers)])
        return {partition.partition: end for partition, end in ends.items() if end > 0}

    def reached(self, known: dict[int, int]) -> None:
        """Take from the goal what these next offsets have reached."""
        if self.goal:
            self.goal = {p: end for p, end in self.goal.items() if known.get(p, 0) < end}

    # --- reading -----------------------------------------------------------------------------------------------------

    async def fetch(self, most: int) -> list[Inbound]:
        """Up to `most` records of placed partitions, in the order of each partition."""
        try:
            got = await self.kafka.getmany(timeout_ms=int(WAIT_S * 1000), max_records=most)
        except OffsetOutOfRangeError:
            self.doubt()
            return []
        except CorruptRecordException as error:
            return await self._fetch_carefully(error, most)
        except KafkaError as error:
            log.warning("fetch failed", extra={"topic": self._topic, "error": describe(error)})
            await asyncio.sleep(0.1)
            return []
        except (ValueError, TypeError, IndexError, OverflowError) as error:
            return await self._fetch_carefully(error, most)
        return [
            read(self._topic, record)
            for partition, records in got.items()
            if partition in self.assigned
            for record in await self._compared(partition, records)
        ]

    async def _fetch_carefully(self, error: Exception, most: int) -> list[Inbound]:
        """The client cannot take a record apart and gives none of its batch: fetch one by one up to the culprit."""
        found: list[Inbound] = []
        for partition in sorted(self.assigned - self.unplaced):
            self.kafka.seek(partition, self.expected[partition.partition])
            self._compare.pop(partition.partition, None)
            while len(found) < most:
                try:
                    got = await self.kafka.getmany(partition, timeout_ms=300, max_records=1)
                except (ValueError, TypeError, IndexError, OverflowError, CorruptRecordException) as culprit:
                    offset = await self.kafka.position(partition)
                    log.error("a record cannot be taken apart", extra={"topic": self._topic, "offset": offset})
                    self.kafka.seek(partition, offset + 1)
                    found.append(undecodable(partition.partition, offset, culprit))
                    break
                if not got.get(partition):
                    break
                found.extend(read(self._topic, record) for record in got[partition])
        return found

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
        begin = (await self.kafka.beginning_offsets([partition]))[partition]
        async with transaction(self._pool) as connection:
            await positions.rewind(connection, self._grp, self._topic, partition.partition, begin, cause="log-replaced")
        self.expected.pop(partition.partition, None)
        self.unplaced.add(partition)
        self.goal = None
        return []

    async def poll_paused(self) -> None:
        """Poll without reading, so that the group keeps us."""
        with contextlib.suppress(KafkaError):
            self.kafka.pause(*self.kafka.assignment())
            await self.kafka.getmany(timeout_ms=0)

"""The consumer loop of one (group, topic): fetch, handle in one transaction, go on; no exception ends it.

FastStream declares the subscriber and owns its connection; the loop is ours (architecture.md §5). Whatever puts a
position in doubt (assignment, rollback, restored database, broken connection) adds the partition to `_unplaced`, and
nothing is handled before its place was found again.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import CorruptRecordException, KafkaError, OffsetOutOfRangeError

from shared.bus import dead_letters, positions
from shared.bus.batch import Batches, PositionLost, describe
from shared.bus.inbound import Inbound, fingerprint, read, undecodable
from shared.config import ServiceConfig
from shared.contracts.topics import Topic
from shared.db.pool import connection as connected
from shared.db.pool import may_pass, transaction
from shared.telemetry import metrics

log = logging.getLogger(__name__)

TICK_S = 1.0
"""How often an idle loop looks at the database, and the sampler at the log."""
PAUSE_MAX_S = 5.0
BATCH_MIN = 20


class Consumer(ConsumerRebalanceListener):  # type: ignore[misc]
    """Consumes one topic for one service; several replicas share the partitions."""

    def __init__(self, config: ServiceConfig, topic: Topic, batches: Batches) -> None:
        self._config = config
        self.topic = topic
        self._wire_name = config.topic_prefix + topic.name
        self._batches = batches
        self._kafka: AIOKafkaConsumer = None
        self._assigned: set[TopicPartition] = set()
        self._unplaced: set[TopicPartition] = set()
        self._compare: dict[int, tuple[int, int]] = {}
        self._expected: dict[int, int] = {}
        self._goal: dict[int, int] | None = None
        self._size = BATCH_MIN * 5
        self._pause = 0.0
        self._stopped = False
        self._doubt = False
        self._hinted = 0.0
        self._ticked = 0.0
        self._behind: float = 0.0
        self.stopping = asyncio.Event()
        self.heartbeat = time.monotonic()

    # --- what others ask ---------------------------------------------------------------------------------------------

    def caught_up(self) -> bool:
        """Whether the group has handled everything that was on the log when we began, or went back, the last time.

        Counts all partitions of the topic, also those of other replicas.
        """
        return self._goal is not None and not self._goal and not self._unplaced and not self._doubt

    def seen(self) -> dict[int, int]:
        """Next offsets as far as this process knows, by partition: a database that has less was restored."""
        return dict(self._expected)

    # --- the group's callbacks: only note, the loop acts -------------------------------------------------------------

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        """Another replica may have them; what is in hand meets the locked row of `consumed`."""
        self._assigned.difference_update(revoked)
        self._unplaced.difference_update(revoked)

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        """Find their places before anything is handled."""
        metrics.REBALANCES.labels(self.topic.name).inc()
        self._assigned = set(assigned)
        self._unplaced = set(assigned)
        self._goal = None

    # --- the loop ----------------------------------------------------------------------------------------------------

    async def run(self, kafka: AIOKafkaConsumer) -> None:
        """Consume until `stopping` is set and the batch in hand is committed."""
        self._kafka = kafka
        sampler = asyncio.create_task(self._sample())
        try:
            while not self.stopping.is_set():
                self.heartbeat = time.monotonic()
                try:
                    await self._step()
                    self._pause = 0.0
                except Exception as error:
                    if not self._passes(error):
                        raise
                    await self._back_off(error)
            await self._hint(now=True)
        finally:
            sampler.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sampler

    def _passes(self, error: Exception) -> bool:
        return may_pass(error) or isinstance(error, KafkaError | PositionLost)

    async def _back_off(self, error: Exception) -> None:
        """Roll back was done by the transaction; go back in the log and wait, polling so that the group keeps us."""
        self._unplaced |= self._assigned
        if isinstance(error, PositionLost):
            metrics.REWINDS.labels(self.topic.name, "database-restored").inc()
            self._expected.clear()
            self._goal = None
            return
        metrics.BATCH_RETRIES.labels(self.topic.name).inc()
        self._pause = min(max(0.1, self._pause * 2), PAUSE_MAX_S)
        log.warning(
            "batch is tried again", extra={"topic": self.topic.name, "pause_s": self._pause, "error": describe(error)}
        )
        await self._idle(self._pause)

    async def _idle(self, seconds: float) -> None:
        """Wait with polls on paused partitions."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self.stopping.is_set():
            self.heartbeat = time.monotonic()
            with contextlib.suppress(KafkaError):
                self._kafka.pause(*self._kafka.assignment())
                await self._kafka.getmany(timeout_ms=0)
            await asyncio.sleep(min(left, 0.5))

    async def _step(self) -> None:
        if self._doubt:
            self._doubt = False
            self._unplaced |= self._assigned
        if self._unplaced:
            await self._place()
        await self._tick()
        if self._stopped:
            await self._idle(TICK_S)
            self._unplaced |= self._assigned
            return
        records = await self._fetch()
        if self._unplaced or self._doubt or not records:
            return
        await self._handle(records)
        await self._hint()

    async def _place(self) -> None:
        """Seek every doubtful partition to where the database says it is."""
        wanted = self._unplaced & self._kafka.assignment()
        if not wanted:
            self._unplaced.clear()
            return
        starts = await positions.find(
            self._kafka, self._batches.pool, self._batches.grp, self.topic.name, sorted(wanted)
        )
        if not wanted <= self._kafka.assignment():
            return
        for partition, start in starts.items():
            self._kafka.seek(partition, start.seek)
            self._expected[partition.partition] = start.next_offset
            self._compare.pop(partition.partition, None)
            if start.fingerprint is not None:
                self._compare[partition.partition] = (start.seek, start.fingerprint)
        self._kafka.resume(*wanted)
        self._unplaced -= wanted
        if self._goal is None:
            self._goal = await self._ends_of_topic()

    async def _ends_of_topic(self) -> dict[int, int]:
        numbers = self._kafka.partitions_for_topic(self._wire_name) or set()
        ends = await self._kafka.end_offsets([TopicPartition(self._wire_name, n) for n in sorted(numbers)])
        return {partition.partition: end for partition, end in ends.items() if end > 0}

    async def _fetch(self) -> list[Inbound]:
        try:
            got = await self._kafka.getmany(timeout_ms=int(TICK_S * 500), max_records=self._size)
        except OffsetOutOfRangeError:
            self._unplaced |= self._assigned
            return []
        except CorruptRecordException as error:
            return await self._fetch_carefully(error)
        except KafkaError as error:
            log.warning("fetch failed", extra={"topic": self.topic.name, "error": describe(error)})
            await asyncio.sleep(0.1)
            return []
        except (ValueError, TypeError, IndexError, OverflowError) as error:
            return await self._fetch_carefully(error)
        return [
            read(self.topic.name, record)
            for partition, records in got.items()
            if partition in self._assigned
            for record in await self._compared(partition, records)
        ]

    async def _fetch_carefully(self, error: Exception) -> list[Inbound]:
        """The client cannot take a record apart and gives none of its batch: fetch one by one up to the culprit."""
        found: list[Inbound] = []
        for partition in sorted(self._assigned - self._unplaced):
            self._kafka.seek(partition, self._expected[partition.partition])
            self._compare.pop(partition.partition, None)
            while len(found) < self._size:
                try:
                    got = await self._kafka.getmany(partition, timeout_ms=300, max_records=1)
                except (ValueError, TypeError, IndexError, OverflowError, CorruptRecordException) as culprit:
                    offset = await self._kafka.position(partition)
                    log.error("a record cannot be taken apart", extra={"topic": self.topic.name, "offset": offset})
                    self._kafka.seek(partition, offset + 1)
                    found.append(undecodable(partition.partition, offset, culprit))
                    break
                if not got.get(partition):
                    break
                found.extend(read(self.topic.name, record) for record in got[partition])
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
        begin = (await self._kafka.beginning_offsets([partition]))[partition]
        async with transaction(self._batches.pool) as connection:
            await positions.rewind(
                connection, self._batches.grp, self.topic.name, partition.partition, begin, cause="log-replaced"
            )
        self._expected.pop(partition.partition, None)
        self._unplaced.add(partition)
        self._goal = None
        return []

    async def _handle(self, records: Sequence[Inbound]) -> None:
        """Handle the batch; blame is found by halving, in order, each half its own transaction."""
        started = time.monotonic()
        try:
            await self._batches.run(records, self._expected)
        except Exception as error:
            if self._passes(error):
                raise
            if len(records) == 1:
                log.error("dead letter", extra={"topic": self.topic.name, "offset": records[0].offset}, exc_info=error)
                await self._batches.bury(records[0], describe(error), self._expected)
            else:
                middle = len(records) // 2
                await self._handle(records[:middle])
                await self._handle(records[middle:])
            return
        self._resize(len(records), time.monotonic() - started)
        self._behind = records[-1].timestamp_ms / 1000
        self._advance_goal()

    def _resize(self, count: int, seconds: float) -> None:
        """Keep transactions near their target time: grow slowly, shrink at once."""
        if seconds > self._config.batch_target_s * 1.5:
            self._size = max(BATCH_MIN, int(count * self._config.batch_target_s / seconds))
        elif count >= self._size:
            self._size = min(self._config.batch_max, int(self._size * 1.5))

    def _advance_goal(self) -> None:
        if self._goal:
            self._goal = {p: end for p, end in self._goal.items() if self._expected.get(p, 0) < end}

    # --- once a second -----------------------------------------------------------------------------------------------

    async def _tick(self) -> None:
        """Look at what others may have changed: restored positions, letters to drain, a topic stopped or resumed."""
        if time.monotonic() - self._ticked < TICK_S:
            return
        self._ticked = time.monotonic()
        grp, topic = self._batches.grp, self.topic.name
        async with connected(self._batches.pool) as connection:
            known = await positions.read(connection, grp, topic)
            self._stopped = await self._look_at_stop(connection)
            asked = await dead_letters.asked(connection, grp, topic)
        mine = {partition.partition for partition in self._assigned - self._unplaced}
        if any(known.get(p, -1) < self._expected.get(p, 0) for p in mine):
            raise PositionLost
        if self._goal:
            self._goal = {p: end for p, end in self._goal.items() if known.get(p, 0) < end}
        for key in asked:
            await self._batches.drain(key)

    async def _look_at_stop(self, connection: asyncpg.Connection) -> bool:
        grp, topic = self._batches.grp, self.topic.name
        if await dead_letters.too_many(connection, grp, topic, self._config.dead_letters_max):
            reason = f"more than {self._config.dead_letters_max} dead letters in 5 minutes"
            await dead_letters.stop(connection, grp, topic, reason)
        stopped = await connection.fetchval("select reason from stopped where grp = $1 and topic = $2", grp, topic)
        metrics.CONSUMER_STOPPED.labels(topic).set(bool(stopped))
        if stopped and not self._stopped:
            log.error(
                "consumer stopped; see `switchboard dlq`, then `dlq resume`", extra={"topic": topic, "reason": stopped}
            )
        return stopped is not None

    async def _hint(self, *, now: bool = False) -> None:
        """Tell Kafka how far we are, for lag and autoscaling only."""
        if not now and time.monotonic() - self._hinted < TICK_S:
            return
        self._hinted = time.monotonic()
        offsets = {p: self._expected[p.partition] for p in self._assigned if p.partition in self._expected}
        if offsets:
            with contextlib.suppress(KafkaError, TimeoutError, OSError):
                await asyncio.wait_for(self._kafka.commit(offsets), 2)

    async def _sample(self) -> None:
        """Measure lag; an end that cannot be asked for puts every position in doubt: the log may come back changed."""
        while True:
            await asyncio.sleep(TICK_S)
            assigned = sorted(self._assigned & self._kafka.assignment())
            if not assigned:
                continue
            try:
                ends = await asyncio.wait_for(self._kafka.end_offsets(assigned), 3)
            except (KafkaError, TimeoutError, OSError):
                self._doubt = True
                continue
            lag = sum(max(0, end - self._expected.get(p.partition, end)) for p, end in ends.items())
            metrics.LAG.labels(self.topic.name).set(lag)
            age = time.time() - self._behind if lag and self._behind else 0.0
            metrics.OLDEST_UNHANDLED.labels(self.topic.name).set(max(0.0, age))
            if any(end < self._expected.get(p.partition, 0) for p, end in ends.items()):
                self._doubt = True

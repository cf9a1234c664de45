"""The consumer loop of one (group, topic): fetch, handle in one transaction, go on; no exception ends it.

FastStream declares the subscriber and owns its connection; the loop is ours (architecture.md §5).
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence

import asyncpg
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from shared.bus import dead_letters, positions
from shared.bus.batch import Batches, Forgotten, MovedOn, PositionLost
from shared.bus.blame import describe
from shared.bus.fetch import Source
from shared.bus.inbound import Inbound
from shared.bus.lag import Lag
from shared.config import ServiceConfig
from shared.contracts.topics import Topic
from shared.db.pool import connection as connected
from shared.db.pool import may_pass
from shared.telemetry import metrics

log = logging.getLogger(__name__)

TICK_S = 1.0
"""How often the loop looks at what others may have changed in the database."""
PAUSE_MAX_S = 5.0
BATCH_MIN = 200
"""Below this a batch's fixed cost (some ten statements, a commit) is most of its time, and waiting grows."""
REST_S = 0.25
"""A service's own log, which rarely tells it anything new, is not asked again sooner."""


class Stopped(Exception):
    """Too many dead letters have stopped the topic."""


class Consumer:
    """Consumes one topic for one service; several replicas share the partitions."""

    def __init__(self, config: ServiceConfig, topic: Topic, batches: Batches) -> None:
        self._config = config
        self.topic = topic
        self._batches = batches
        name = config.topic_prefix + topic.name
        self.source = Source(
            topic, name, grp=batches.grp, pool=batches.pool, own=batches.own, concerns=batches.concerns
        )
        self._lag = Lag(topic, self.source)
        self._passed: dict[int, Inbound] = {}
        self._own_log = batches.grp == f"{topic.owner}.{topic.name}"
        self._size = BATCH_MIN
        self._forgotten = 0
        self._pause = 0.0
        self._stopped = False
        self._hinted = 0.0
        self._ticked = 0.0
        self.stopping = asyncio.Event()
        self.heartbeat = time.monotonic()

    # --- what others ask ---------------------------------------------------------------------------------------------

    def caught_up(self) -> bool:
        """Whether the group has handled everything that was on the log when we began, or went back, the last time.

        Counts all partitions of the topic, also those of other replicas.
        """
        return self.source.goal is not None and not self.source.goal and not self.source.unplaced

    def beat(self) -> None:
        """The loop lives."""
        self.heartbeat = time.monotonic()

    # --- the loop ----------------------------------------------------------------------------------------------------

    async def run(self, kafka: AIOKafkaConsumer) -> None:
        """Consume until `stopping` is set and the batch in hand is committed; ClientLost asks for a new client."""
        self.source.use(kafka)
        measuring = asyncio.create_task(self._lag.measure())
        try:
            while not self.stopping.is_set():
                self.beat()
                try:
                    await self._step()
                    self._pause = 0.0
                except Stopped:
                    self.source.doubt()
                except Exception as error:
                    if not self._passes(error):
                        raise
                    await self._back_off(error)
            await self._hint(now=True)
        finally:
            measuring.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await measuring

    def _passes(self, error: Exception) -> bool:
        return may_pass(error) or isinstance(error, KafkaError | PositionLost | MovedOn | Forgotten)

    async def _back_off(self, error: Exception) -> None:
        """The transaction has rolled back; go back in the log and wait, polling so that the group keeps us."""
        if isinstance(error, PositionLost):
            positions.restored(self.topic.name)
            self.source.forget()
            return
        self.source.doubt()
        if isinstance(error, Forgotten | MovedOn):
            return
        self._batches.own.forget()  # what comes back may be an earlier state of the database
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
            self.beat()
            await self.source.poll_paused()
            await asyncio.sleep(min(left, 0.5))

    async def _step(self) -> None:
        if self.source.unplaced:
            self._passed.clear()  # they are read again
            await self.source.place()
            if self.source.unplaced:
                await asyncio.sleep(0.05)
                return
        await self._tick()
        if self._stopped:
            await self._idle(TICK_S)
            self.source.doubt()
            return
        if not self._passed:
            self._forgotten = self._batches.own.forgotten
        records = await self.source.fetch(self._size)
        if all(record.passes for record in records):
            await self._pass_by(records)
        else:
            await self._handle(self._with_passed(self._to_limit(records)))
            await self._hint()

    async def _pass_by(self, records: Sequence[Inbound]) -> None:
        """Nothing here concerns us: go on, and say so with the next batch, or within a second.

        What our own events told is asked for less often, since it is nothing new.
        """
        for record in records:
            self._passed[record.partition] = record
            self._lag.handled(record.timestamp_ms)
        if records and self._own_log:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), REST_S)

    def _with_passed(self, records: Sequence[Inbound]) -> Sequence[Inbound]:
        """The records behind those passed by in the partitions that are still ours."""
        mine = {partition.partition for partition in self.source.assigned - self.source.unplaced}
        passed = [record for record in self._passed.values() if record.partition in mine]
        self._passed.clear()
        return [*passed, *records]

    def _to_limit(self, records: Sequence[Inbound]) -> Sequence[Inbound]:
        """The records up to as many unreadable ones as the topic may have; then what becomes of the topic is looked at.

        A release that cannot read a topic must stop, not drain it into dead letters.
        """
        culprits = [number for number, record in enumerate(records) if record.refusal is not None]
        if culprits:
            self._ticked = 0.0
        if len(culprits) <= self._config.dead_letters_max:
            return records
        self.source.doubt()
        return records[: culprits[self._config.dead_letters_max] + 1]

    async def _handle(self, records: Sequence[Inbound]) -> None:
        """Handle the batch; blame is found by halving, in order, each half its own transaction."""
        started = time.monotonic()
        try:
            await self._batches.run(records, self.source.expected, self._forgotten)
        except Exception as error:
            if self._passes(error):
                raise
            if len(records) == 1:
                await self._bury(records[0], describe(error))
            else:
                middle = len(records) // 2
                await self._handle(records[:middle])
                await self._handle(records[middle:])
            return
        self._resize(len(records), time.monotonic() - started)
        self._lag.handled(records[-1].timestamp_ms)
        self.source.reached(self.source.expected)

    async def _bury(self, culprit: Inbound, error: str) -> None:
        log.error("dead letter", extra={"topic": self.topic.name, "offset": culprit.offset, "error": error})
        await self._batches.bury(culprit, error, self.source.expected, self._forgotten)
        async with connected(self._batches.pool) as connection:
            self._stopped = await self._look_at_stop(connection)
        if self._stopped:
            raise Stopped

    def _resize(self, count: int, seconds: float) -> None:
        """Keep transactions near their target time: grow slowly, shrink at once."""
        if seconds > self._config.batch_target_s * 1.5:
            self._size = max(BATCH_MIN, int(count * self._config.batch_target_s / seconds))
        elif count >= self._size:
            self._size = min(self._config.batch_max, int(self._size * 1.5))

    # --- once a second -----------------------------------------------------------------------------------------------

    async def _tick(self) -> None:
        """Look at what others may have changed: restored positions, letters to drain, a topic stopped or resumed."""
        if time.monotonic() - self._ticked < TICK_S:
            return
        self._ticked = time.monotonic()
        passed = self._with_passed(())
        if passed:
            await self._handle(passed)
        grp, topic = self._batches.grp, self.topic.name
        async with connected(self._batches.pool) as connection:
            known = await positions.read(connection, grp, topic)
            self._stopped = await self._look_at_stop(connection)
            asked = await dead_letters.asked(connection, grp, topic)
        mine = {partition.partition for partition in self.source.assigned - self.source.unplaced}
        if any(known.get(p, -1) < self.source.expected.get(p, 0) for p in mine):
            raise PositionLost
        self.source.reached(known)
        for key in asked:
            self.beat()
            await self._batches.drain(key)
        if asked:
            self._ticked = 0.0  # a long queue is drained piece by piece

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
        known = self.source.expected
        offsets = {p: known[p.partition] for p in self.source.assigned if p.partition in known}
        if offsets:
            with contextlib.suppress(KafkaError, TimeoutError, OSError):
                await asyncio.wait_for(self.source.kafka.commit(offsets), 2)

"""Reads every partition of the event topics to its end and on, without a group: each replica reads all of it."""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from services.gateway.stream.happened import TOPICS, Happened, read
from services.gateway.stream.hub import Hub
from services.gateway.stream.ring import KEPT_MS
from shared.bus import kafka
from shared.config import ServiceConfig
from shared.telemetry import metrics

log = logging.getLogger(__name__)

WAIT_MS = 1_000
AT_ONCE = 500
ANSWER_S = 10.0
PASSES_MS = 20_000
"""What passes is over by then (viewing.py)."""
SILENT_S = 30.0
"""A client that fails for so long without an exception is made anew."""


class Tail:
    """Where this process is in the log; survives the client that reads it."""

    def __init__(self, config: ServiceConfig, hub: Hub) -> None:
        self._config = config
        self._hub = hub
        self._next: dict[TopicPartition, int] = {}
        """Next offset of each partition that is read."""
        self._goal: dict[TopicPartition, int] = {}
        """The ends that there were when we began, as far as they are not reached."""
        self._began_ms = 0

    async def run(self) -> None:
        """Read until cancelled; connects again whenever Kafka was away."""
        pause = 0.1
        while True:
            consumer = self._client()
            began = time.monotonic()
            try:
                await consumer.start()
                await self._place(consumer)
                await self._follow(consumer)
            except OffsetOutOfRangeError as error:
                log.warning("the log is not the one we read; streams begin anew", extra={"error": str(error)})
                self._next.clear()
            except Exception as error:  # noqa: BLE001 - a stream that comes late is better than none
                log.warning("events are not readable now", extra={"error": f"{type(error).__name__}: {error}"})
            finally:
                await consumer.stop()
            pause = 0.1 if time.monotonic() - began > 10 else min(pause * 2, 2)
            await asyncio.sleep(pause)

    def _client(self) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            **kafka.connection(self._config, "gateway-stream"),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",
            max_partition_fetch_bytes=kafka.FETCH_BYTES,
            retry_backoff_ms=100,
            metadata_max_age_ms=15_000,
        )

    # --- finding the place -------------------------------------------------------------------------------------------

    async def _place(self, consumer: AIOKafkaConsumer) -> None:
        """Go on where we were; ten minutes before now where we begin; at the start of partitions made meanwhile."""
        partitions = await self._partitions(consumer)
        consumer.assign(partitions)
        if not self._next:
            await self._begin(consumer, partitions)
        elif new := [partition for partition in partitions if partition not in self._next]:
            self._next |= await consumer.beginning_offsets(new)
        for partition in partitions:
            consumer.seek(partition, self._next[partition])

    async def _begin(self, consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition]) -> None:
        self._began_ms = int(time.time() * 1000)
        from_ms = self._began_ms - KEPT_MS
        ends = await consumer.end_offsets(partitions)
        found = await consumer.offsets_for_times(dict.fromkeys(partitions, from_ms))
        self._next = {p: ends[p] if found[p] is None else found[p].offset for p in partitions}
        self._goal = {p: end for p, end in ends.items() if self._next[p] < end}
        self._hub.begin(from_ms)
        self._reach()

    async def _partitions(self, consumer: AIOKafkaConsumer) -> list[TopicPartition]:
        async with asyncio.timeout(ANSWER_S):
            known = await consumer._client.fetch_all_metadata()
        found = []
        for name in TOPICS:
            topic = self._config.topic_prefix + name
            numbers = known.partitions_for_topic(topic)
            if not numbers:
                raise LookupError(f"topic {topic} does not exist; run `switchboard migrate`")
            found += [TopicPartition(topic, number) for number in sorted(numbers)]
        return found

    def _reach(self) -> None:
        self._goal = {p: end for p, end in self._goal.items() if self._next[p] < end}
        if not self._goal:
            self._hub.read_to_end(self._began_ms)

    # --- reading -----------------------------------------------------------------------------------------------------

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        while not self._grown(consumer):
            async with asyncio.timeout(SILENT_S):
                got = await consumer.getmany(timeout_ms=WAIT_MS, max_records=AT_ONCE)
            self._take(got)
            await asyncio.sleep(0)  # what was read ahead is given out without a pause; streams are written meanwhile

    def _grown(self, consumer: AIOKafkaConsumer) -> bool:
        """Whether a topic has partitions that we do not read yet."""
        topics = {self._config.topic_prefix + name for name in TOPICS}
        return sum(len(consumer.partitions_for_topic(topic) or ()) for topic in topics) > len(self._next)

    def _take(self, got: Mapping[TopicPartition, Sequence[Any]]) -> None:
        now_ms = int(time.time() * 1000)
        for partition, records in got.items():
            self._hub.tell(self._read(partition, records, now_ms))
            self._next[partition] = records[-1].offset + 1
        self._hub.ring.expire(now_ms)
        if self._goal:
            self._reach()

    def _read(self, partition: TopicPartition, records: Sequence[Any], now_ms: int) -> list[Happened]:
        topic = partition.topic.removeprefix(self._config.topic_prefix)
        found = []
        for record in records:
            happened = read(topic, record.value, self._hub.ring.stamp(record.timestamp))
            if happened is not None and not (happened.passing and now_ms - record.timestamp > PASSES_MS):
                found.append(happened)
                metrics.STREAM_SECONDS.observe(max(0, now_ms - record.timestamp) / 1000)
        return found

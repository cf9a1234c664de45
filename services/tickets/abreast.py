"""How far this service has read what others told: a breach is told only when an answer in time cannot be on its way.

A moment is passed when, at some time after it, the ends of the topics that say something of clocks were looked at, and
all before those ends is consumed, by whichever replica (definitions.md, KPI 6).
"""

import asyncio
import logging
from datetime import datetime

from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.bus import kafka, positions
from shared.contracts.topics import DELIVERY_EVENTS, INBOUND_MESSAGES
from shared.db.pool import connection
from shared.service import Runtime

log = logging.getLogger(__name__)

TOPICS = (INBOUND_MESSAGES.name, DELIVERY_EVENTS.name)
EVERY_S = 0.05
SAY_AFTER_S = 5.0


class Abreast:
    """The moment up to which everything is read."""

    def __init__(self) -> None:
        self._upto: datetime | None = None
        self.wanted = asyncio.Event()

    def of(self, moment: datetime) -> bool:
        """Whether all that was known at a moment is read; where it is not, it is looked at anew."""
        if self._upto is not None and self._upto >= moment:
            return True
        self.wanted.set()
        return False

    def reached(self, moment: datetime) -> None:
        """Everything up to a moment is read."""
        self._upto = moment
        self.wanted.clear()


ABREAST = Abreast()


async def keep_abreast(runtime: Runtime) -> None:
    """Look how far we have read whenever somebody asks, for as long as the service runs."""
    await ABREAST.wanted.wait()
    consumer = kafka.tail(runtime.config, "tickets-abreast")
    await consumer.start()
    try:
        while True:
            await ABREAST.wanted.wait()
            async with connection(runtime.pool) as one:
                moment: datetime = await one.fetchval("select clock_timestamp()")
            ends = await _ends(runtime, consumer)
            await _read_to(runtime, ends)
            ABREAST.reached(moment)
    finally:
        await consumer.stop()


async def _ends(runtime: Runtime, consumer: AIOKafkaConsumer) -> dict[TopicPartition, int]:
    """Ends of the partitions that hold something."""
    known = await consumer._client.fetch_all_metadata()
    topics = [runtime.config.topic_prefix + name for name in TOPICS]
    found = [TopicPartition(topic, number) for topic in topics for number in known.partitions_for_topic(topic) or ()]
    begins, ends = await consumer.beginning_offsets(found), await consumer.end_offsets(found)
    return {partition: end for partition, end in ends.items() if end > begins[partition]}


async def _read_to(runtime: Runtime, ends: dict[TopicPartition, int]) -> None:
    """Wait until all before the ends is consumed; says so where that takes long."""
    waited_s = 0.0
    while True:
        behind = 0
        for name in TOPICS:
            async with connection(runtime.pool) as one:
                done = await positions.read(one, f"{runtime.service.name}.{name}", name)
            topic = runtime.config.topic_prefix + name
            behind += sum(max(0, end - done.get(p.partition, 0)) for p, end in ends.items() if p.topic == topic)
        if behind == 0:
            return
        await asyncio.sleep(EVERY_S)
        waited_s += EVERY_S
        if waited_s >= SAY_AFTER_S:
            log.warning("breaches wait until what was told before they were due is read", extra={"records": behind})
            waited_s = 0.0

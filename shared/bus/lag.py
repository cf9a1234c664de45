"""How far a consumer is behind, measured once a second beside the loop, so that measuring never holds it up."""

import asyncio
import contextlib
import time

from shared.bus.fetch import Source
from shared.contracts.topics import Topic
from shared.telemetry import metrics

EVERY_S = 1.0


class Lag:
    """Lag and age of one topic; a log that ends before what was handled puts every position in doubt."""

    def __init__(self, topic: Topic, source: Source) -> None:
        self._topic = topic.name
        self._source = source
        self._handled_at = 0.0

    def handled(self, timestamp_ms: int) -> None:
        """The newest record handled so far has this time."""
        self._handled_at = timestamp_ms / 1000

    async def measure(self) -> None:
        """Measure until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            assigned = sorted(self._source.assigned & self._source.kafka.assignment())
            if not assigned:
                self._tell({})  # others have them now: what we said last must not stand
                continue
            with contextlib.suppress(Exception):  # measuring must not end; what is wrong shows in the loop
                ends = await asyncio.wait_for(self._source.kafka.end_offsets(assigned), 3)
                self._tell({partition.partition: end for partition, end in ends.items()})

    def _tell(self, ends: dict[int, int]) -> None:
        expected = self._source.expected
        lag = sum(max(0, end - expected.get(partition, end)) for partition, end in ends.items())
        metrics.LAG.labels(self._topic).set(lag)
        age = time.time() - self._handled_at if lag and self._handled_at else 0.0
        metrics.OLDEST_UNHANDLED.labels(self._topic).set(max(0.0, age))
        if any(end < expected.get(partition, 0) for partition, end in ends.items()):
            self._source.doubt()

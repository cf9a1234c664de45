"""A producer that outlives its own death: an idempotent one that meets an out-of-order sequence never recovers."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from shared.bus import kafka
from shared.config import ServiceConfig
from shared.errors import BusUnavailable

log = logging.getLogger(__name__)

Record = tuple[str, bytes, bytes, list[tuple[str, bytes]]]
"""Topic without prefix, key, value, headers."""


class BusProducer:
    """Sends records with acks=all; raises BusUnavailable where Kafka did not confirm in time."""

    def __init__(self, config: ServiceConfig, name: str) -> None:
        self._config = config
        self._name = name
        self._current: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()

    async def start(self) -> None:
        """Connect; raises BusUnavailable where no broker answers."""
        await self._ready()

    async def stop(self) -> None:
        """Close the connection; what was not confirmed was not promised."""
        await self._discard(self._current)

    async def send(
        self, topic: str, key: bytes, value: bytes, headers: list[tuple[str, bytes]], *, timeout_s: float
    ) -> None:
        """Send one record and wait until it is confirmed."""
        await self.send_all([(topic, key, value, headers)], timeout_s=timeout_s)

    async def send_all(self, records: Sequence[Record], *, timeout_s: float) -> None:
        """Send the records in order and wait until all are confirmed; where one fails, any may have been sent."""
        try:
            async with asyncio.timeout(timeout_s):
                producer = await self._ready()
                prefix = self._config.topic_prefix
                sent = [
                    await producer.send(prefix + topic, value, key=key, headers=headers)
                    for topic, key, value, headers in records
                ]
                results = await asyncio.gather(*sent, return_exceptions=True)
        except (TimeoutError, KafkaError, OSError) as error:
            self._replace_later(error)
            raise BusUnavailable(f"Kafka did not confirm within {timeout_s:g} s: {type(error).__name__}") from error
        failed = next((result for result in results if isinstance(result, BaseException)), None)
        if failed is not None:
            self._replace_later(failed)
            raise BusUnavailable(f"Kafka refused a record: {type(failed).__name__}") from failed

    async def _ready(self) -> AIOKafkaProducer:
        if self._current is not None:
            return self._current
        async with self._starting:
            if self._current is None:
                producer = kafka.producer(self._config, self._name, timeout_s=self._config.delivery_timeout_s)
                try:
                    await producer.start()
                except BaseException as error:
                    with contextlib.suppress(Exception):
                        await producer.stop()
                    if isinstance(error, KafkaError | OSError):
                        raise BusUnavailable(f"no Kafka broker answers at {self._config.kafka}") from error
                    raise
                self._current = producer
        return self._current

    def _replace_later(self, error: BaseException) -> None:
        """Let go of a producer that failed: whether its sequence is still in order cannot be known."""
        dead, self._current = self._current, None
        if dead is not None:
            log.warning("producer is replaced", extra={"cause": type(error).__name__})
            task = asyncio.create_task(self._discard(dead))
            _closing.add(task)
            task.add_done_callback(_closing.discard)

    async def _discard(self, producer: AIOKafkaProducer | None) -> None:
        if producer is not None:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(producer.stop(), 5)


_closing: set[asyncio.Task[None]] = set()

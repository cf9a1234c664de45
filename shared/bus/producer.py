"""A producer that outlives its own death: an idempotent one that meets an out-of-order sequence never recovers."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence
from itertools import chain
from typing import Any, cast

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
        self._confirmed = 0.0

    async def start(self) -> None:
        """Connect; raises BusUnavailable where no broker answers."""
        await self._ready()

    async def stop(self) -> None:
        """Close the connection; what was not confirmed was not promised."""
        producer, self._current = self._current, None
        if producer is not None:
            await _close(producer)

    async def send(
        self, topic: str, key: bytes, value: bytes, headers: list[tuple[str, bytes]], *, timeout_s: float
    ) -> None:
        """Send one record and wait until it is confirmed."""
        await self.send_all([(topic, key, value, headers)], timeout_s=timeout_s)

    async def send_all(self, records: Sequence[Record], *, timeout_s: float) -> None:
        """Send the records in order and wait until all are confirmed; where one fails, any may have been sent.

        Of each partition's records a first part was sent then, never a later record without those before it.
        """
        producer = None
        try:
            async with asyncio.timeout(timeout_s):
                producer = await self._ready()
                sent = [await self._enqueue(producer, record) for record in records]
                await asyncio.gather(*sent)
        except (TimeoutError, KafkaError, OSError) as error:
            if not isinstance(error, TimeoutError) or time.monotonic() - self._confirmed > timeout_s:
                self._abandon(producer, error)  # else one partition is away and others go on
            raise BusUnavailable(f"Kafka did not confirm within {timeout_s:g} s: {type(error).__name__}") from error

    async def _enqueue(self, producer: AIOKafkaProducer, record: Record) -> "asyncio.Future[Any]":
        topic, key, value, headers = record
        future = await producer.send(self._config.topic_prefix + topic, value, key=key, headers=headers)
        future.add_done_callback(lambda done: self._settled(producer, done))
        return cast("asyncio.Future[Any]", future)

    def _settled(self, producer: AIOKafkaProducer, done: "asyncio.Future[Any]") -> None:
        """Runs before the client's sender takes up the partition's next batch."""
        error = None if done.cancelled() else done.exception()
        if error is not None:
            self._abandon(producer, error)
        elif not done.cancelled():
            self._confirmed = time.monotonic()

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

    def _abandon(self, producer: Any, error: BaseException) -> None:
        """Let go of a producer that failed: whether its sequence is still in order cannot be known.

        It sends nothing more, so that no record arrives without those before it.
        """
        current = self._current
        if current is None or current is not producer:
            return
        self._current = None
        log.warning("producer is replaced", extra={"cause": type(error).__name__})
        current._sender.sender_task.cancel()
        current._message_accumulator.fail_all(KafkaError(f"after {type(error).__name__}"))
        for batch in chain(
            current._message_accumulator._pending_batches, *current._message_accumulator._batches.values()
        ):
            batch._drain_waiter.exception()  # nobody else asks, and asyncio would complain
        task = asyncio.create_task(_close(current))
        _closing.add(task)
        task.add_done_callback(_closing.discard)


async def _close(producer: AIOKafkaProducer) -> None:
    with contextlib.suppress(Exception):
        async with asyncio.timeout(5):
            await producer.stop()
    with contextlib.suppress(Exception):
        await producer.client.close()


_closing: set[asyncio.Task[None]] = set()

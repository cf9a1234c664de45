"""What flows while things break: messages in order of each sender, some of them delivered again in another order."""

import asyncio
import random
from typing import Protocol

from shared.bus import codec
from shared.bus.producer import BusProducer
from shared.config import ServiceConfig
from shared.contracts.envelope import Event
from shared.contracts.inbound_messages import MessageReceived
from shared.errors import BusUnavailable
from tests.desk import Desk
from tests.integration.pair.running import message


class Traffic(Protocol):
    """Work for the desk; what `accepted` counts must take effect exactly once."""

    @property
    def accepted(self) -> int:
        """How many records were acknowledged."""

    async def run(self) -> None:
        """Send steadily until cancelled, whatever is away."""

    async def burst(self, count: int) -> None:
        """Send `count` records now, and return when all are acknowledged."""

    async def close(self) -> None:
        """Let go of connections."""


class Messages:
    """Numbered messages of many senders, straight onto inbound-messages as ingest would put them."""

    def __init__(self, desk: Desk, rng: random.Random, *, per_s: float, senders: int = 40) -> None:
        self._producer = BusProducer(ServiceConfig(kafka=desk.stack.kafka.bootstrap, topic_prefix=desk.prefix), "test")
        self._rng = rng
        self._per_s = per_s
        self._senders = senders
        self._written = 0
        self._sending = asyncio.Lock()
        self.sent: list[Event[MessageReceived]] = []

    @property
    def accepted(self) -> int:
        """How many distinct messages were acknowledged."""
        return len(self.sent)

    async def run(self) -> None:
        """Send steadily until cancelled; now and then something comes twice, or again in another order."""
        while True:
            await self.burst(max(1, round(self._per_s / 10)))
            if self._rng.random() < 0.3:
                await self._redeliver()
            await asyncio.sleep(0.1)

    async def burst(self, count: int) -> None:
        """Send new messages, each until it is acknowledged, as providers do."""
        async with self._sending:
            events = [self._next() for _ in range(count)]
            await asyncio.shield(
                self._insist(events)
            )  # what was begun is finished: else nobody knows what was accepted
            self.sent += events

    async def close(self) -> None:
        """Let go of the producer."""
        async with self._sending:
            await self._producer.stop()

    def _next(self) -> Event[MessageReceived]:
        number, sender = divmod(self._written, self._senders)
        self._written += 1
        return message(f"c{sender}", number)

    async def _redeliver(self) -> None:
        """Recent messages once more, shuffled: a provider's retries keep no order."""
        recent = self.sent[-500:]
        again = self._rng.sample(recent, min(len(recent), self._rng.randint(1, 30)))
        async with self._sending:
            await asyncio.shield(self._insist(again))

    async def _insist(self, events: list[Event[MessageReceived]]) -> None:
        records = [(e.topic, e.key, codec.encode(e), codec.trace_header(e.trace)) for e in events]
        while True:
            try:
                return await self._producer.send_all(records, timeout_s=5)
            except BusUnavailable:
                await asyncio.sleep(0.2)

"""The outbox relay: what a transaction decided to say is said, in order, at least once (architecture.md §5.5)."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence
from operator import itemgetter

import asyncpg

from shared.bus.blame import describe
from shared.bus.codec import trace_header
from shared.bus.producer import BusProducer
from shared.config import ServiceConfig
from shared.db.pool import may_pass, server_settings
from shared.errors import BusUnavailable, StoreUnavailable
from shared.telemetry import metrics

log = logging.getLogger(__name__)

ROUND = 1000
PAUSE_MAX_S = 1.0
POLL_S = 0.5
"""Another process's rows, or one whose relay died, are found by polling; our own wake us at once."""

_TAKE = """
    with alone as materialized (select pg_advisory_xact_lock(hashtext($1), 1))
    delete from outbox using alone where id in (select id from outbox order by id limit $2)
    returning id, topic, key, value, trace, at
"""
"""The rows are gone once the round commits; whoever waited for the lock finds what the other round took gone."""


class Relay:
    """Moves rows of one schema's outbox to Kafka; of several replicas one does it at a time."""

    def __init__(self, config: ServiceConfig, schema: str, dsn: str, producer: BusProducer) -> None:
        self._config = config
        self._schema = schema
        self._dsn = dsn
        self._producer = producer
        self._wake = asyncio.Event()
        self._connection: asyncpg.Connection | None = None
        self._begun = 0
        self._emptied = 0
        """The latest round that left nothing of what was committed before it began, of ours or of other replicas."""
        self._news = asyncio.Condition()
        self.losses = 0
        """How often the database went away: another may have come back, without what was committed before."""
        self.heartbeat = time.monotonic()

    def wake(self) -> None:
        """Rows were committed: start a round now."""
        self._wake.set()

    async def caught_up(self, timeout_s: float, *, losses: int) -> None:
        """Wait until all that was committed before this call is in the log, or until the time is over: Kafka is away.

        Raises StoreUnavailable where the database has gone away since there were so many `losses`.
        """
        begun = self._begun
        self.wake()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s), self._news:
                await self._news.wait_for(lambda: self._emptied > begun)
        if self.losses != losses:
            raise StoreUnavailable("PostgreSQL went away before this was handed on; send it again with the same key")

    async def run(self) -> None:
        """Relay until cancelled; whatever fails is tried again."""
        pause = 0.1
        try:
            while True:
                self.heartbeat = time.monotonic()
                try:
                    sent = await self._round()
                    pause = 0.1
                except Exception as error:  # noqa: BLE001 - the relay must outlive whatever one round meets
                    metrics.OUTBOX_FAILURES.inc()
                    self.losses += not isinstance(error, BusUnavailable)
                    self._report(error)
                    await self._disconnect()
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, PAUSE_MAX_S)
                    continue
                if sent < ROUND:
                    await self._tell_emptied()
                    await self._wait()
        finally:
            await self._disconnect()

    def _report(self, error: Exception) -> None:
        level = logging.WARNING if may_pass(error) else logging.ERROR
        log.log(level, "relay round failed", extra={"error": describe(error)})

    async def _tell_emptied(self) -> None:
        async with self._news:
            self._emptied = self._begun
            self._news.notify_all()

    async def _wait(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), POLL_S)
        self._wake.clear()

    async def _round(self) -> int:
        """Take the next rows and send them in id order; gives how many. A failure leaves all of them."""
        connection = await self._connected()
        self._begun += 1
        async with connection.transaction():
            rows = sorted(await connection.fetch(_TAKE, self._schema, ROUND), key=itemgetter("id"))
            metrics.OUTBOX_AGE.set(_age(rows))
            if not rows:
                return 0
            await self._producer.send_all(
                [(row["topic"], row["key"], row["value"], trace_header(row["trace"])) for row in rows],
                timeout_s=self._config.delivery_timeout_s,
            )
        metrics.OUTBOX_SENT.inc(len(rows))
        return len(rows)

    async def _connected(self) -> asyncpg.Connection:
        """Our own connection: a round may wait for Kafka longer than other transactions may be idle."""
        if self._connection is None or self._connection.is_closed():
            idle_ms = int((self._config.delivery_timeout_s + 5) * 1000)
            settings = server_settings(self._schema, idle_in_transaction_ms=idle_ms)
            settings["synchronous_commit"] = "off"  # a crash may bring rows back, which are then sent twice: as ever
            self._connection = await asyncpg.connect(
                self._dsn,
                timeout=5,
                command_timeout=15,
                server_settings=settings,
            )
        return self._connection

    async def _disconnect(self) -> None:
        """Close before the next round: a lost session must not hold the lock beside a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()


def _age(rows: Sequence[asyncpg.Record]) -> float:
    return max(0.0, time.time() - rows[0]["at"].timestamp()) if rows else 0.0

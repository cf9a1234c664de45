"""One batch is one transaction: positions, inbox, effects, outbox and dead letters change together or not at all."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import asyncpg

from shared.bus import dead_letters, inbox, positions
from shared.bus.blame import describe
from shared.bus.context import Context
from shared.bus.inbound import Inbound, again
from shared.bus.interest import OwnEvents
from shared.bus.settings import SettingsReader
from shared.contracts.envelope import Event
from shared.contracts.topics import Topic
from shared.db.pool import may_pass, transaction
from shared.telemetry import metrics, trace

Handler = Callable[[asyncpg.Connection, Sequence[Event[Any]], Context], Awaitable[None]]
"""Handles a batch of one topic in the order of the log; raising blames the batch, which is then halved."""

DRAIN_MAX = 200
"""So many letters of a key are released in one transaction, so that it stays short."""


class Forgotten(Exception):
    """Since the batch was read, events of our own were forgotten that it may have passed over: read it again."""


class MovedOn(Exception):
    """Another replica has handled these records meanwhile: find the place anew."""


class PositionLost(Exception):
    """The database says less was handled than we know: it was restored, and the consumer must go back with it."""


@dataclass(slots=True)
class Sorted:
    """What becomes of each record of a batch."""

    live: list[Inbound] = field(default_factory=list)
    letters: list[dead_letters.DeadLetter] = field(default_factory=list)
    ignored: int = 0
    fresh: set[UUID] = field(default_factory=set)
    """Ids of the live ones that the inbox had not seen."""


class Batches:
    """Runs batches of one (group, topic)."""

    def __init__(
        self,
        *,
        grp: str,
        topic: Topic,
        handler: Handler,
        pool: asyncpg.Pool,
        context: Callable[[], Context],
        after_commit: Callable[[], None],
        own: OwnEvents | None = None,
        settings: SettingsReader | None = None,
    ) -> None:
        self.own = own or OwnEvents()
        self.concerns = self.own.concern(handler, settings)
        self.grp = grp
        self.topic = topic
        self.pool = pool
        self._handler = handler
        self._context = context
        self._after_commit = after_commit

    async def run(self, records: Sequence[Inbound], expected: dict[int, int], forgotten: int = 0) -> None:
        """Handle the records; raises whatever the handler raises, with nothing changed.

        `expected` holds the next offset per partition as this process knows it, and is moved on success; `forgotten`
        is what `own.forgotten` was when the records were read.
        """
        started = time.monotonic()
        context = self._context()
        ends = _ends(records)
        async with transaction(self.pool) as connection:
            if self.own.forgotten != forgotten:
                raise Forgotten
            done = await self._sort(connection, records)
            await dead_letters.insert(connection, self.grp, self.topic.name, done.letters)
            await self._handle(connection, done, context)
            if not await positions.advance(connection, self.grp, self.topic.name, ends, expected, context.rows()):
                raise await self._displaced(connection, expected, ends)
        expected.update({partition: end for partition, (end, _) in ends.items()})
        self._committed(context, done, started)

    async def _displaced(
        self, tx: asyncpg.Connection, expected: Mapping[int, int], ends: Mapping[int, tuple[int, int]]
    ) -> Exception:
        """Why the positions are not where this process left them."""
        known = await positions.read(tx, self.grp, self.topic.name)
        return PositionLost() if any(known.get(p, -1) < expected.get(p, 0) for p in ends) else MovedOn()

    async def bury(self, record: Inbound, error: str, expected: dict[int, int], forgotten: int = 0) -> None:
        """Make a culprit that stands alone a dead letter and go on behind it."""
        await self.run([replace(record, event=None, refusal=error)], expected, forgotten)

    async def drain(self, key: bytes) -> None:
        """Do what an operator asked for the key's letters: retry or discard the culprit, then those behind it."""
        context = self._context()
        async with transaction(self.pool) as connection:
            await dead_letters.lock_parked(connection, self.grp, self.topic.name, [key])
            letters = await dead_letters.open_letters(connection, self.grp, self.topic.name, key, DRAIN_MAX + 1)
            await self._drain(connection, key, letters, context)
        context.committed()
        self._after_commit()

    async def _drain(
        self, tx: asyncpg.Connection, key: bytes, letters: Sequence[dead_letters.DeadLetter], context: Context
    ) -> None:
        """In order, until a letter fails again or one is met that nobody asked for; the rest of many waits its turn."""
        for number, letter in enumerate(letters):
            if letter.state == "parked":
                return
            if number == DRAIN_MAX:
                await dead_letters.mark(tx, letter, "retry" if letter.state == "waiting" else letter.state)
                return
            if letter.state == "discard":
                await dead_letters.mark(tx, letter, "discarded")
                continue
            error = await self._try_again(tx, letter, context)
            if error is None:
                await dead_letters.mark(tx, letter, "released")
                continue
            state = "parked" if self.topic.on_poison == "park" else "skipped"
            await dead_letters.failed_again(tx, letter, state, error)
            if state == "parked":
                return
        await dead_letters.unpark(tx, self.grp, self.topic.name, key)

    async def _try_again(self, tx: asyncpg.Connection, letter: dead_letters.DeadLetter, context: Context) -> str | None:
        record = again(self.topic.name, letter)
        if record.refusal is not None:
            return record.refusal
        try:
            attempt = self._context()
            async with tx.transaction():
                await self._handle(tx, Sorted([record], fresh=await self._enter(tx, [record])), attempt)
                await attempt.flush(tx)
        except Exception as error:
            if may_pass(error) or tx.is_closed():
                raise
            return describe(error)
        context.after_commit(lambda: _tell(attempt))
        return None

    async def _sort(self, tx: asyncpg.Connection, records: Sequence[Inbound]) -> Sorted:
        """Parked keys are looked up and ids enter the inbox in one statement, where no record is to become a letter."""
        parks = self.topic.on_poison == "park"
        concerning = [record for record in records if not record.passes]
        keys = sorted({record.key for record in concerning}) if parks else []
        sound = [] if any(record.refusal is not None for record in concerning) else _ids(concerning)
        waiting, fresh = await inbox.enter(tx, self.grp, self.topic.name, keys, sound)
        done = Sorted(ignored=len(records) - len(concerning), fresh=fresh)
        for record in concerning:
            if record.key in waiting:
                done.letters.append(_letter(record, "waiting", "waits behind an earlier record of its key"))
            elif record.refusal is not None:
                done.letters.append(_letter(record, "parked" if parks else "skipped", record.refusal))
                if parks:
                    waiting.add(record.key)
            else:
                done.live.append(record)
        if done.letters:
            done.fresh = await self._enter(tx, done.live)
        return done

    async def _enter(self, tx: asyncpg.Connection, live: Sequence[Inbound]) -> set[UUID]:
        return (await inbox.enter(tx, self.grp, self.topic.name, (), _ids(live)))[1]

    async def _handle(self, tx: asyncpg.Connection, done: Sorted, context: Context) -> None:
        """Run the handler over what the inbox has not seen, each id once."""
        first: dict[UUID, Event[Any]] = {}
        for record in done.live:
            if record.event is not None and record.event.id in done.fresh:
                first.setdefault(record.event.id, record.event)
        if not first:
            return
        events = list(first.values())
        if trace.exporting():
            events = [replace(e, trace=trace.step(f"{self.grp} {e.type}", e.trace)) for e in events]
        await self._handler(tx, events, context)
        await context.settle(tx)

    def _committed(self, context: Context, done: Sorted, started: float) -> None:
        if context.committed():
            self._after_commit()
        name = self.topic.name
        metrics.BATCH_SECONDS.labels(name).observe(time.monotonic() - started)
        fresh = len(done.fresh)
        outcomes = {"handled": fresh, "duplicate": len(done.live) - fresh, "ignored": done.ignored}
        for letter in done.letters:
            metrics.DEAD_LETTERS.labels(name, letter.state).inc()
            outcomes[letter.state] = outcomes.get(letter.state, 0) + 1
        for outcome, count in outcomes.items():
            if count:
                metrics.RECORDS.labels(name, outcome).inc(count)


def _ends(records: Sequence[Inbound]) -> dict[int, tuple[int, int]]:
    """By partition the offset behind the last record, and that record's fingerprint."""
    return {record.partition: (record.offset + 1, record.fingerprint) for record in records}


def _ids(records: Sequence[Inbound]) -> list[UUID]:
    return sorted({record.event.id for record in records if record.event is not None})


def _letter(record: Inbound, state: str, error: str) -> dead_letters.DeadLetter:
    return dead_letters.DeadLetter(
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        record=record.value,
        headers=record.headers,
        error=error,
        state=state,
    )


def _tell(attempt: Context) -> None:
    attempt.committed()

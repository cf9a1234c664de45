"""What a handler, a timer or an API command works with: the moment, the settings, and the events it emits."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from shared.bus.codec import encode
from shared.bus.interest import OwnEvents
from shared.bus.settings import SettingsReader
from shared.config import ServiceConfig
from shared.contracts.envelope import Event, Message
from shared.ids import derived_id, new_id
from shared.telemetry import trace as tracing

MAX_DEPTH = 32
"""Longer chains of cause and effect are loops."""

_INSERT = """
    insert into outbox(topic, key, value, trace)
    select * from unnest($1::text[], $2::bytea[], $3::bytea[], $4::text[])
"""


OutboxRows = tuple[list[str], list[bytes], list[bytes], list[str | None]]
"""Topics, keys, values and traces, one of each for an event."""


Conclude = Callable[[asyncpg.Connection, "Context"], Awaitable[None]]


@dataclass(slots=True)
class Context:
    """One unit of work; its events are in the outbox when its transaction commits."""

    source: str
    now: datetime
    settings: SettingsReader
    own: OwnEvents = field(default_factory=OwnEvents)
    config: ServiceConfig | None = field(default=None, repr=False)
    """The process's own, where one runs."""
    conclude: "Conclude | None" = field(default=None, repr=False)
    """What the service does where a unit of work has told something."""
    _events: list[Event[Any]] = field(default_factory=list)
    _settled: int = 0
    _after_commit: list[Callable[[], None]] = field(default_factory=list)

    def emit(
        self,
        data: Message,
        *,
        cause: Event[Any],
        version: int | None = None,
        ordinal: int = 0,
        shop: str | None = None,
        actor: str | None = None,
    ) -> Event[Any]:
        """An event that `cause` causes; the same cause makes the same id (architecture.md §4)."""
        if cause.causation_depth >= MAX_DEPTH:
            raise RuntimeError(
                f"{data.TYPE} would be link {MAX_DEPTH + 1} of a chain of causes that began with {cause.correlation}"
            )
        event = Event(
            id=derived_id(cause.id, data.TYPE, data.about(), ordinal),
            source=self.source,
            time=self.now,
            workspace=cause.workspace,
            shop=shop or cause.shop,
            version=version,
            correlation=cause.correlation or cause.id,
            causation=cause.id,
            causation_depth=cause.causation_depth + 1,
            actor=actor,
            trace=tracing.child(cause.trace),
            data=data,
        )
        self._events.append(event)
        return event

    def begin(
        self,
        data: Message,
        *,
        workspace: str,
        shop: str | None = None,
        version: int | None = None,
        id: UUID | None = None,
        trace: str | None = None,
        correlation: UUID | None = None,
        actor: str | None = None,
    ) -> Event[Any]:
        """An event that a person or a timer begins; a timer gives the id it derives from (row, due_at)."""
        event = Event(
            id=id or new_id(),
            source=self.source,
            time=self.now,
            workspace=workspace,
            shop=shop,
            version=version,
            correlation=correlation,
            actor=actor,
            trace=tracing.child(trace),
            data=data,
        )
        self._events.append(event)
        return event

    @property
    def told(self) -> Sequence[Event[Any]]:
        """The events so far, in order."""
        return tuple(self._events)

    def amend(self, amended: Mapping[UUID, Message]) -> None:
        """Say something else in events by their ids: what follows from them became known after they were made."""
        self._events = [
            replace(event, data=amended[event.id]) if event.id in amended else event for event in self._events
        ]

    @property
    def unsettled(self) -> Sequence[Event[Any]]:
        """Those of them from which no conclusions were drawn yet."""
        return tuple(self._events[self._settled :])

    async def settle(self, tx: asyncpg.Connection) -> None:
        """Let the service draw its conclusions from what was told since the last time.

        It is the last thing before events are kept; a handler may want it earlier, too.
        """
        if self.conclude is not None and self.unsettled:
            await self.conclude(tx, self)
            self._settled = len(self._events)

    def after_commit(self, call: Callable[[], None]) -> None:
        """Call this once the transaction is committed, never when it is not."""
        self._after_commit.append(call)

    def rows(self) -> OutboxRows:
        """The events as columns of the outbox."""
        events = self._events
        return (
            [event.topic for event in events],
            [event.key for event in events],
            [encode(event) for event in events],
            [event.trace for event in events],
        )

    async def flush(self, tx: asyncpg.Connection) -> None:
        """Insert the events into the outbox; the last thing before the commit."""
        if self._events:
            await tx.execute(_INSERT, *self.rows())

    def committed(self) -> bool:
        """Tell whom it concerns; True where there are events for the relay."""
        self.own.add(self._events)
        for call in self._after_commit:
            call()
        return bool(self._events)

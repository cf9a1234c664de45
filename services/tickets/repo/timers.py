"""What becomes due on a ticket, on the database's clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from services.tickets.domain.ticket import Ticket
from shared.ids import derived_id

Name = tuple[str, UUID, str, str]
"""Workspace, ticket, kind and name."""

_PUT = """
    insert into timers(workspace, ticket, kind, name, due_at, run_at)
    select u.*, u.due_at
    from unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[])
        as u(workspace, ticket, kind, name, due_at)
    on conflict (workspace, ticket, kind, name) do update set due_at = excluded.due_at, run_at = excluded.run_at
"""
_START = """
    insert into timers(workspace, ticket, kind, name, due_at, run_at)
    select u.*, u.due_at
    from unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[])
        as u(workspace, ticket, kind, name, due_at)
    on conflict do nothing
"""
_FORGET = """
    delete from timers using unnest($1::text[], $2::uuid[], $3::text[], $4::text[]) as u(workspace, ticket, kind, name)
    where timers.workspace = u.workspace and timers.ticket = u.ticket and timers.kind = u.kind
        and timers.name = u.name
"""
_DUE = """
    select workspace, ticket, kind, due_at, name from timers
    where run_at <= clock_timestamp() order by run_at limit $1
"""
_TAKE = """
    delete from timers using unnest($1::text[], $2::uuid[], $3::text[], $4::text[]) as u(workspace, ticket, kind, name)
    where timers.workspace = u.workspace and timers.ticket = u.ticket and timers.kind = u.kind
        and timers.name = u.name and timers.run_at <= clock_timestamp()
    returning timers.workspace, timers.ticket, timers.kind, timers.due_at, timers.name
"""
_POSTPONE = """
    insert into timers(workspace, ticket, kind, name, due_at, run_at)
    select u.*, clock_timestamp() + $6
    from unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[])
        as u(workspace, ticket, kind, name, due_at)
    on conflict do nothing
"""
_LATER = """
    update timers set run_at = clock_timestamp() + $5
    where workspace = $1 and ticket = $2 and kind = $3 and name = $4
"""


@dataclass(frozen=True, slots=True)
class Timer:
    """Something that is due on a ticket; `name` tells apart several of a kind."""

    workspace: str
    ticket: UUID
    kind: str
    due_at: datetime
    name: str = ""

    @property
    def key(self) -> Name:
        """There is one of each."""
        return self.workspace, self.ticket, self.kind, self.name

    @property
    def id(self) -> UUID:
        """What its events' ids derive from: the row and its moment."""
        return derived_id(self.ticket, f"timer/{self.kind}/{self.name}", self.due_at.isoformat())


@dataclass(frozen=True, slots=True)
class Due:
    """A timer that is due, and its ticket, locked."""

    timer: Timer
    ticket: Ticket


async def put(tx: asyncpg.Connection, timers: Sequence[Timer]) -> None:
    """Set timers; one of the same kind and name is moved."""
    if timers:
        rows = [(*timer.key, timer.due_at) for timer in timers]
        await tx.execute(_PUT, *(list(column) for column in zip(*rows, strict=True)))


async def start(tx: asyncpg.Connection, timers: Sequence[Timer]) -> None:
    """Set timers; one of the same kind and name that is set already stays as it is."""
    if timers:
        rows = [(*timer.key, timer.due_at) for timer in timers]
        await tx.execute(_START, *(list(column) for column in zip(*rows, strict=True)))


async def forget(tx: asyncpg.Connection, names: Sequence[Name]) -> None:
    """Take timers away; those that are not there are no matter."""
    if names:
        await tx.execute(_FORGET, *(list(column) for column in zip(*names, strict=True)))


async def due(connection: asyncpg.Connection, most: int) -> list[Timer]:
    """What is due, the oldest first, without a lock."""
    return [Timer(*row) for row in await connection.fetch(_DUE, most)]


async def take(tx: asyncpg.Connection, timers: Sequence[Timer]) -> list[Timer]:
    """Those of the timers that are still due, gone with the commit; their tickets are locked."""
    names = [timer.key for timer in timers]
    rows = await tx.fetch(_TAKE, *(list(column) for column in zip(*names, strict=True)))
    return sorted((Timer(*row) for row in rows), key=lambda timer: (timer.due_at, timer.key))


async def postpone(tx: asyncpg.Connection, timers: Sequence[Timer], wait: timedelta) -> None:
    """Set timers that were taken too early once more; they keep their due_at."""
    if timers:
        rows = [(*timer.key, timer.due_at) for timer in timers]
        await tx.execute(_POSTPONE, *(list(column) for column in zip(*rows, strict=True)), wait)


async def later(tx: asyncpg.Connection, timer: Timer, wait: timedelta) -> None:
    """Try it again after a while; it keeps its due_at."""
    await tx.execute(_LATER, *timer.key, wait)

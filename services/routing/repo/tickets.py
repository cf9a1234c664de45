"""Tickets in routing: read and written many at a time."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from services.routing.domain.floor import EPOCH
from services.routing.domain.ticket import Ticket

Key = tuple[str, UUID]
"""Workspace and ticket."""

# A row of the type ticket_row is a Ticket: its fields are in this order, which a test holds.
COLUMNS = ", ".join(Ticket._fields)
_SETS = ", ".join(f"{name} = u.{name}" for name in Ticket._fields if name not in ("workspace", "id"))

_INSERT = f"insert into tickets({COLUMNS}) select {COLUMNS} from unnest($1::ticket_row[])"
_UPDATE = f"""
    update tickets t set {_SETS} from unnest($1::ticket_row[]) as u
    where t.workspace = u.workspace and t.id = u.id
"""
_BY_KEY = f"""
    select {", ".join(f"t.{name}" for name in Ticket._fields)}
    from unnest($1::text[], $2::uuid[]) as u(workspace, id)
    join tickets t on t.workspace = u.workspace and t.id = u.id
"""
_BY_OFFER = f"select {COLUMNS} from tickets where workspace = $1 and offer = any($2::uuid[])"
_OF_AGENTS = f"""
    select {COLUMNS} from tickets
    where workspace = $1 and agent = any($2::text[]) and (place = 'offered' or (place = 'held' and live))
    order by enqueued_at, id
"""
_WAITING = f"""
    select {COLUMNS} from tickets
    where workspace = $1 and place = 'waiting' and (rank, enqueued_at, id) > ($2, $3, $4)
    order by rank, enqueued_at, id limit $5
"""
_UNEXPLAINED = f"""
    select {COLUMNS} from tickets
    where workspace = $1 and place = 'waiting' and waiting_reason is null and (rank, enqueued_at, id) > ($2, $3, $4)
    order by rank, enqueued_at, id limit $5
"""
_LAPSED = f"""
    select {COLUMNS} from tickets
    where workspace = $1 and place = 'offered' and lease_until <= $2 order by lease_until, id limit $3
"""
_WITH_LAPSED = "select distinct workspace from tickets where place = 'offered' and lease_until <= clock_timestamp()"
_NEWER = """
    select 1 from unnest($1::text[], $2::uuid[], $3::int[]) as u(workspace, id, version)
    left join tickets t on t.workspace = u.workspace and t.id = u.id
    where t.version is null or t.version < u.version limit 1
"""
_REASONS = """
    update tickets t set waiting_reason = u.reason from unnest($2::uuid[], $3::text[]) as u(id, reason)
    where t.workspace = $1 and t.id = u.id
"""

Place = tuple[int, datetime, UUID]
"""A place in the queue: (rank, enqueued_at, id)."""
FIRST: Place = (-1, EPOCH, UUID(int=0))
"""Before all."""


async def read(tx: asyncpg.Connection, keys: Iterable[Key]) -> dict[Key, Ticket]:
    """Those of the tickets that routing knows."""
    wanted = list(dict.fromkeys(keys))
    rows = await tx.fetch(_BY_KEY, [workspace for workspace, _ in wanted], [id_ for _, id_ in wanted])
    return {(row["workspace"], row["id"]): Ticket(*row) for row in rows}


async def by_offers(tx: asyncpg.Connection, workspace: str, offers: Sequence[UUID]) -> list[Ticket]:
    """Tickets whose present offer, or the offer their holder accepted, is one of these."""
    return [Ticket(*row) for row in await tx.fetch(_BY_OFFER, workspace, offers)]


async def of_agents(tx: asyncpg.Connection, workspace: str, agents: Sequence[str]) -> list[Ticket]:
    """What is offered to these agents, and their live work."""
    return [Ticket(*row) for row in await tx.fetch(_OF_AGENTS, workspace, agents)]


async def waiting(
    tx: asyncpg.Connection, workspace: str, *, after: Place, limit: int, unexplained: bool = False
) -> list[Ticket]:
    """The queue in order of service, from behind a place on; only tickets without a main reason where asked."""
    rows = await tx.fetch(_UNEXPLAINED if unexplained else _WAITING, workspace, *after, limit)
    return [Ticket(*row) for row in rows]


async def lapsed(tx: asyncpg.Connection, workspace: str, now: datetime, limit: int) -> list[Ticket]:
    """Offered tickets whose lease has ended, the longest over first."""
    return [Ticket(*row) for row in await tx.fetch(_LAPSED, workspace, now, limit)]


async def with_lapsed(connection: asyncpg.Connection) -> list[str]:
    """Workspaces with leases that have ended."""
    return sorted(row["workspace"] for row in await connection.fetch(_WITH_LAPSED))


async def any_newer(tx: asyncpg.Connection, versions: Sequence[tuple[str, UUID, int]]) -> bool:
    """Whether any of (workspace, ticket, version) is above what is stored."""
    workspaces, ids, numbers = zip(*versions, strict=True)
    return await tx.fetchval(_NEWER, workspaces, ids, numbers) is not None


async def insert(tx: asyncpg.Connection, tickets: Sequence[Ticket]) -> None:
    """Add tickets."""
    if tickets:
        await tx.execute(_INSERT, tickets)


async def update(tx: asyncpg.Connection, tickets: Sequence[Ticket]) -> None:
    """Write tickets as they are now; the workspace's lock is held."""
    if tickets:
        await tx.execute(_UPDATE, tickets)


async def set_reasons(tx: asyncpg.Connection, workspace: str, reasons: Sequence[tuple[UUID, str]]) -> None:
    """Keep why tickets wait."""
    if reasons:
        await tx.execute(_REASONS, workspace, [id_ for id_, _ in reasons], [reason for _, reason in reasons])

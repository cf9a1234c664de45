"""What people look at: the queue, open offers, one ticket's place; always filtered by workspace and shops."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from services.routing.domain.ticket import Ticket
from services.routing.repo.tickets import COLUMNS, Place

_VISIBLE = "(cardinality($2::text[]) = 0 or shop = any($2::text[]))"
_QUEUE = f"""
    select {COLUMNS} from tickets
    where workspace = $1 and place = 'waiting' and {_VISIBLE} and (rank, enqueued_at, id) > ($3, $4, $5)
    order by rank, enqueued_at, id limit $6
"""
_OFFERS = f"""
    select {COLUMNS} from tickets
    where workspace = $1 and place = 'offered' and {_VISIBLE} and ($3::text is null or agent = $3)
    order by lease_until, id limit $4
"""
_ONE = f"select {COLUMNS} from tickets where workspace = $1 and {_VISIBLE} and id = $3"
_COUNTS = """
    select w.workspace,
        (select count(*) from tickets t where t.workspace = w.workspace and t.place = 'waiting') as waiting,
        (select extract(epoch from clock_timestamp() - min(t.enqueued_at))::float8 from tickets t
            where t.workspace = w.workspace and t.place = 'waiting') as oldest_waiting_s,
        (select count(*) from tickets t where t.workspace = w.workspace and t.place = 'offered') as offered,
        (select coalesce(sum(l.tickets), 0) from loads l where l.workspace = w.workspace) as with_agents,
        (select coalesce(jsonb_object_agg(presence, n), '{}') from (
            select presence, count(*) as n from agents a where a.workspace = w.workspace group by presence
        ) p) as agents
    from workspaces w order by w.workspace
"""


async def page(
    connection: asyncpg.Connection, workspace: str, shops: Sequence[str], after: Place, limit: int
) -> list[Ticket]:
    """Waiting tickets in order of service."""
    rows = await connection.fetch(_QUEUE, workspace, list(shops), *after, limit)
    return [Ticket(*row) for row in rows]


async def offers(
    connection: asyncpg.Connection, workspace: str, shops: Sequence[str], agent: str | None, limit: int
) -> list[Ticket]:
    """Open offers, of one agent or of all, the one that lapses first before the others."""
    return [Ticket(*row) for row in await connection.fetch(_OFFERS, workspace, list(shops), agent, limit)]


async def one(connection: asyncpg.Connection, workspace: str, shops: Sequence[str], ticket: UUID) -> Ticket | None:
    """One ticket."""
    row = await connection.fetchrow(_ONE, workspace, list(shops), ticket)
    return None if row is None else Ticket(*row)


async def counts(connection: asyncpg.Connection) -> list[dict[str, Any]]:
    """A row for each workspace: who waits and since when, offers, what weighs on agents, agents by presence."""
    rows = await connection.fetch(_COUNTS)
    return [{**row, "agents": orjson.loads(row["agents"])} for row in rows]

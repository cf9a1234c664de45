"""Mentions: kept with their note, listed for each agent, newest first, and marked as read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from shared.identity import Identity

_INSERT = """
    insert into mentions(workspace, agent, message, ticket, team, at)
    select * from unnest($1::text[], $2::text[], $3::uuid[], $4::uuid[], $5::text[], $6::timestamptz[])
    on conflict do nothing
"""
_SHOWN = """
    select n.message, n.ticket, n.team, n.at, n.read_at, m.written_by as by, m.body as text, t.subject
    from mentions n
    join messages m on m.workspace = n.workspace and m.id = n.message
    join tickets t on t.workspace = n.workspace and t.id = n.ticket and ($3::text[] = '{}' or t.shop = any($3))
"""
_LIST = f"""
    {_SHOWN} where n.workspace = $1 and n.agent = $2 and (n.at, n.message) < ($4, $5::uuid)
    order by n.at desc, n.message desc limit $6
"""
_UNREAD = f"""
    {_SHOWN} where n.workspace = $1 and n.agent = $2 and (n.at, n.message) < ($4, $5::uuid) and n.read_at is null
    order by n.at desc, n.message desc limit $6
"""
_READ = """
    update mentions set read_at = coalesce(read_at, now()) where workspace = $1 and agent = $2 and message = $3
    returning true
"""


@dataclass(frozen=True, slots=True)
class Mention:
    """An agent was named in a note; `team` where it was his team."""

    workspace: str
    agent: str
    message: UUID
    ticket: UUID
    team: str | None
    at: datetime


async def insert(tx: asyncpg.Connection, mentions: Sequence[Mention]) -> None:
    """Keep them; what is there is kept already."""
    if mentions:
        rows = [(m.workspace, m.agent, m.message, m.ticket, m.team, m.at) for m in mentions]
        await tx.execute(_INSERT, *(list(column) for column in zip(*rows, strict=True)))


async def page(
    connection: asyncpg.Connection, who: Identity, before: tuple[datetime, UUID], most: int, *, unread: bool
) -> Sequence[asyncpg.Record]:
    """The caller's own, on tickets that he may see."""
    sql = _UNREAD if unread else _LIST
    return await connection.fetch(sql, who.workspace, who.agent, list(who.shops), *before, most)


async def read(tx: asyncpg.Connection, who: Identity, message: UUID) -> bool:
    """Mark it as read; False where the caller was not named there."""
    return bool(await tx.fetchval(_READ, who.workspace, who.agent, message))

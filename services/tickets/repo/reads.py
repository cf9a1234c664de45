"""What the API shows: one ticket, its timeline, a person; always within the caller's workspace and shops."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from services.tickets.domain.ticket import Ticket
from services.tickets.repo.tickets import SELECT, of_row
from shared.identity import Identity

_ONE = f"{SELECT} where t.workspace = $1 and t.id = $2 and ($3::text[] = '{{}}' or t.shop = any($3))"
_TIMELINE = """
    select * from (
        (select accepted_at as at, version, id::text as id, case when note then 'note' else 'message' end as what,
            did, author, person, written_by, body, subject, automatic, attachments::text, delivery, delivery_reason,
            quoted, copied::text, '{}' as detail
        from messages
        where workspace = $1 and ticket = $2 and copy_of is null and (accepted_at, version) > ($3, $4)
        order by accepted_at, version limit $5)
        union all
        (select at, version, version::text as id, what, null, null, null, null, null, null, null, '[]', null, null,
            null, '[]', detail::text
        from happenings where workspace = $1 and ticket = $2 and (at, version) > ($3, $4)
        order by at, version limit $5)
    ) as entries
    order by at, version limit $5
"""
_PERSON = """
    select p.id from persons p
    where p.workspace = $1 and p.id = $2
        and ($3::text[] = '{}' or exists (
            select from tickets t where t.workspace = $1 and t.person = p.id and t.shop = any($3)) or exists (
            select from tickets t where t.workspace = $1 and t.side = p.id and t.shop = any($3)))
"""


async def one(connection: asyncpg.Connection, who: Identity, ticket: UUID, *, lock: bool = False) -> Ticket | None:
    """A ticket that the caller may see."""
    sql = _ONE + " for update" if lock else _ONE
    row = await connection.fetchrow(sql, who.workspace, ticket, list(who.shops))
    return of_row(row) if row else None


async def timeline(
    connection: asyncpg.Connection, workspace: str, ticket: UUID, after: tuple[datetime, int], most: int
) -> Sequence[asyncpg.Record]:
    """Messages and happenings of a ticket, oldest first; where two have one moment, by the ticket's version."""
    return await connection.fetch(_TIMELINE, workspace, ticket, *after, most)


async def sees(connection: asyncpg.Connection, who: Identity, person: UUID) -> bool:
    """Whether the caller may see the person: one with a ticket in his shops, where his shops are limited."""
    return await connection.fetchval(_PERSON, who.workspace, person, list(who.shops)) is not None

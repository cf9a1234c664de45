"""What the API shows: one ticket, its timeline, a person; always within the caller's workspace and shops."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from services.tickets.domain.ticket import Ticket
from services.tickets.repo.tickets import SELECT, of_row
from shared.identity import Identity

_ONE = f"{SELECT} where t.workspace = $1 and t.id = $2 and ($3::text[] = '{{}}' or t.shop = any($3))"
_SEVERAL = f"{SELECT} where t.workspace = $1 and t.id = any($2)"
_TIMELINE = """
    select * from (
        (select m.* from unnest($2::uuid[]) as k(ticket) cross join lateral (
            select accepted_at as at, version, id::text as id, ticket,
                case when note then 'note' else 'message' end as what,
                did, author, person, written_by, body, subject, automatic, attachments::text, delivery,
                delivery_reason, quoted, copied::text, '{}' as detail
            from messages
            where workspace = $1 and ticket = k.ticket and copy_of is null and accepted_at >= $3
                and (accepted_at, version, k.ticket) > ($3, $4, $7::uuid)
            order by accepted_at, version limit $5
        ) as m order by at, version, ticket limit $5)
        union all
        (select h.* from unnest($2::uuid[], $6::timestamptz[]) as k(ticket, until) cross join lateral (
            select at, version, version::text as id, ticket, what, null, null, null::uuid, null, null, null, null, '[]',
                null, null, null, '[]', detail::text
            from happenings
            where workspace = $1 and ticket = k.ticket and at >= $3
                and (at, version, k.ticket) > ($3, $4, $7::uuid) and (until is null or at < until)
            order by at, version limit $5
        ) as h order by at, version, ticket limit $5)
    ) as entries
    order by at, version, ticket limit $5
"""
_TREE = """
    with recursive tree as (
        select t.id, null::timestamptz as until from tickets t where t.workspace = $1 and t.id = $2
        union all
        select t.id, m.at from tree join tickets t on t.workspace = $1 and t.merged_into = tree.id
            join ticket_merges m on m.workspace = $1 and m.ticket = t.id
    )
    select id, until from tree
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


async def several(connection: asyncpg.Connection, workspace: str, tickets: Sequence[UUID]) -> dict[UUID, Ticket]:
    """These tickets, in this order, without a lock."""
    found = {row["id"]: of_row(row) for row in await connection.fetch(_SEVERAL, workspace, tickets)}
    return {id_: found[id_] for id_ in tickets if id_ in found}


async def timeline(
    connection: asyncpg.Connection, workspace: str, ticket: UUID, after: tuple[datetime, int, UUID], most: int
) -> Sequence[asyncpg.Record]:
    """Messages and happenings of a ticket and of all that were merged into it, until then, oldest first.

    Where two have one moment, they are in the order of their tickets' versions, then of the tickets.
    """
    tree = await connection.fetch(_TREE, workspace, ticket)
    ids, ends = [row["id"] for row in tree], [row["until"] for row in tree]
    at, version, last = after
    return await connection.fetch(_TIMELINE, workspace, ids, at, version, most, ends, last)


async def sees(connection: asyncpg.Connection, who: Identity, person: UUID) -> bool:
    """Whether the caller may see the person: one with a ticket in his shops, where his shops are limited."""
    return await connection.fetchval(_PERSON, who.workspace, person, list(who.shops)) is not None

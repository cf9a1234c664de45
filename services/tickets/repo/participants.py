"""A person over all his tickets and channels, and the people of one ticket."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from shared.identity import Identity

Place = tuple[datetime, UUID, int]
"""Moment, ticket and version: no two lines share them."""

# Each of the person's tickets gives its newest lines before the place; one that began later has none there. On others'
# tickets only what he wrote himself is his.
_TIMELINE = """
    with theirs as materialized (
        select t.id, t.channel, t.account, t.shop, t.subject, true as own from tickets t
        where t.workspace = $1 and t.person = $2 and t.opened_at <= $4 and ($3::text[] = '{}' or t.shop = any($3))
        union all
        select t.id, t.channel, t.account, t.shop, t.subject, false
        from participants p join tickets t on t.workspace = p.workspace and t.id = p.ticket
        where p.workspace = $1 and p.person in (select id from persons where workspace = $1 and (id = $2 or root = $2))
            and t.person <> $2 and ($3::text[] = '{}' or t.shop = any($3))
    )
    select l.*, theirs.id as ticket, theirs.shop, theirs.subject as about from theirs cross join lateral (
        (select accepted_at as at, version, id::text as id, case when note then 'note' else 'message' end as what,
            did, author, person, written_by, body, subject, automatic, attachments::text, delivery, delivery_reason,
            quoted, copied::text, '{}' as detail, channel, account
        from messages m
        where workspace = $1 and m.ticket = theirs.id and copy_of is null
            and (own or person in (select id from persons where workspace = $1 and (id = $2 or root = $2)))
            and accepted_at <= $4 and (accepted_at, m.ticket, version) < ($4, $5, $6)
        order by accepted_at desc, version desc limit $7)
        union all
        (select at, version, version::text as id, what, null, null, null, null, null, null, null, '[]', null, null,
            null, '[]', detail::text, theirs.channel, theirs.account
        from happenings h
        where own and workspace = $1 and h.ticket = theirs.id and at <= $4 and (at, h.ticket, version) < ($4, $5, $6)
        order by at desc, version desc limit $7)
    ) as l
    order by l.at desc, theirs.id desc, l.version desc limit $7
"""
_PEOPLE = """
    select 'requester' as role, p.id, p.name from persons p where p.workspace = $1 and p.id = $3
    union all
    select distinct 'guest', p.id, p.name from participants g
    join persons s on s.workspace = g.workspace and s.id = g.person
    join persons p on p.workspace = s.workspace and p.id = coalesce(s.root, s.id)
    where g.workspace = $1 and g.ticket = $2 and p.id <> $3
"""
_COPIED = """
    select c.kind, c.scope, c.value, max(c.name) as name, max(m.accepted_at) as at, coalesce(s.root, s.id) as person
    from messages m
    cross join lateral jsonb_to_recordset(m.copied) as c(kind text, scope text, value text, name text)
    left join identities i on i.workspace = m.workspace and (i.kind, i.scope, i.value) = (c.kind, c.scope, c.value)
    left join persons s on s.workspace = i.workspace and s.id = i.person
    where m.workspace = $1 and m.ticket = $2 and m.copied <> '[]'
    group by c.kind, c.scope, c.value, s.root, s.id order by at, c.value
"""


async def timeline(
    connection: asyncpg.Connection, who: Identity, person: UUID, before: Place, most: int
) -> Sequence[asyncpg.Record]:
    """Lines of all his tickets that the caller may see, newest first."""
    return await connection.fetch(_TIMELINE, who.workspace, person, list(who.shops), *before, most)


async def of_ticket(
    connection: asyncpg.Connection, workspace: str, ticket: UUID, requester: UUID
) -> Sequence[asyncpg.Record]:
    """Requester and guests: role, id, name."""
    return await connection.fetch(_PEOPLE, workspace, ticket, requester)


async def copied(connection: asyncpg.Connection, workspace: str, ticket: UUID) -> Sequence[asyncpg.Record]:
    """Who was copied in on any message of the ticket, by us or by others; with the person whose address it is."""
    return await connection.fetch(_COPIED, workspace, ticket)

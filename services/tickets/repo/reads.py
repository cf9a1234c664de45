"""What the API shows: lists by cursor, one ticket, its timeline, a person; always within workspace and shops."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from services.tickets.domain.ticket import Ticket
from services.tickets.repo.tickets import SELECT
from shared.identity import Identity

_SEEN = "t.workspace = $1 and ($2::text[] = '{}' or t.shop = any($2))"

_LIST = f"""
    {SELECT} where {_SEEN}
        and ($3::text is null or t.state = $3)
        and ($4::text is null or t.assignee = $4)
        and ($5::text is null or t.channel = $5)
        and ($6::uuid is null or t.person = $6)
        and ($7::timestamptz is null or (t.active_at, t.id) < ($7, $8::uuid))
    order by t.active_at desc, t.id desc limit $9
"""
_ONE = f"{SELECT} where {_SEEN} and t.id = $3"
_TIMELINE = """
    select * from (
        select accepted_at as at, id::text as id, 'message' as what, author, body, subject, automatic, edit_of,
            attachments::text, '{}' as detail
        from messages where workspace = $1 and ticket = $2 and copy_of is null
        union all
        select at, version::text, what, null, null, null, null, null, '[]', detail::text
        from happenings where workspace = $1 and ticket = $2
    ) as entries
    where $3::timestamptz is null or (at, id) > ($3, $4)
    order by at, id limit $5
"""
_PERSON = """
    select p.id, p.name, p.language, p.created_at from persons p
    where p.workspace = $1 and p.id = $2
        and ($3::text[] = '{}' or exists (
            select from tickets t where t.workspace = $1 and t.person = p.id and t.shop = any($3)))
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The filters of a list; None leaves a filter out."""

    state: str | None = None
    assignee: str | None = None
    channel: str | None = None
    person: UUID | None = None
    after: tuple[datetime, UUID] | None = None


async def page(connection: asyncpg.Connection, who: Identity, wanted: Wanted, most: int) -> list[Ticket]:
    """Tickets that the caller may see, newest activity first."""
    at, id_ = wanted.after or (None, None)
    filters = (wanted.state, wanted.assignee, wanted.channel, wanted.person, at, id_, most)
    rows = await connection.fetch(_LIST, who.workspace, list(who.shops), *filters)
    return [Ticket(*row.values()) for row in rows]


async def one(connection: asyncpg.Connection, who: Identity, ticket: UUID, *, lock: bool = False) -> Ticket | None:
    """A ticket that the caller may see."""
    sql = _ONE + " for update" if lock else _ONE
    row = await connection.fetchrow(sql, who.workspace, list(who.shops), ticket)
    return Ticket(*row.values()) if row else None


async def timeline(
    connection: asyncpg.Connection, workspace: str, ticket: UUID, after: tuple[datetime, str] | None, most: int
) -> Sequence[asyncpg.Record]:
    """Messages and happenings of a ticket, oldest first."""
    return await connection.fetch(_TIMELINE, workspace, ticket, *(after or (None, None)), most)


async def person(connection: asyncpg.Connection, who: Identity, id_: UUID) -> asyncpg.Record | None:
    """A person whom the caller may see: one with a ticket in his shops, where his shops are limited."""
    return await connection.fetchrow(_PERSON, who.workspace, id_, list(who.shops))


async def identities(connection: asyncpg.Connection, workspace: str, person: UUID) -> Sequence[asyncpg.Record]:
    """The person's identities."""
    return await connection.fetch(
        "select kind, scope, value, verified from identities where workspace = $1 and person = $2 "
        "order by kind, scope, value",
        workspace,
        person,
    )

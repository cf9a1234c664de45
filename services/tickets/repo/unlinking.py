"""An identity that becomes a person of its own, with everything that came in over it."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from services.tickets.domain.ticket import Ticket
from services.tickets.repo.tickets import SELECT, of_row
from services.tickets.repo.verifications import Contact

_MAKE = """
    insert into persons(workspace, id, name, created_at, version)
    select $1, $2, (
        select m.sender_name from messages m
        where m.workspace = $1 and m.ticket = any($3::uuid[]) and m.sender_name is not null
            and (m.sender_kind, m.sender_scope, m.sender_value) = ($4, $5, $6)
        order by m.accepted_at desc limit 1), $7, 0
"""
_GIVE = "update identities set person = $5 where workspace = $1 and (kind, scope, value) = ($2, $3, $4)"
_OTHERS = """
    select count(*) from identities where workspace = $1 and person = $2 and (kind, scope, value) <> ($3, $4, $5)
"""
_WROTE_ON = """
    select id from tickets where workspace = $1 and (side = $2 or side is null and person = $2)
    union select ticket from participants where workspace = $1 and person = $2
"""
_BEGAN = f"""
    {SELECT} where t.workspace = $1 and t.id = any($2::uuid[]) and $3::uuid = coalesce(t.side, t.person) and (
        select (m.sender_kind, m.sender_scope, m.sender_value) = ($4, $5, $6) from messages m
        where m.workspace = t.workspace and m.ticket = t.id and m.sender_value is not null and m.copy_of is null
        order by m.accepted_at, m.version limit 1)
    order by t.id for update of t
"""
_LOCK = "select from tickets where workspace = $1 and id = any($2::uuid[]) order by id for update"
_MESSAGES = """
    update messages set person = $3
    where workspace = $1 and ticket = any($2::uuid[]) and person = $4
        and (sender_kind, sender_scope, sender_value) = ($5, $6, $7)
"""
_ANSWERS = """
    update messages set person = $3
    where workspace = $1 and ticket = any($2::uuid[]) and person = $4 and author <> 'customer'
"""
_CHANGES = """
    update changes c set person = $3 from messages m
    where c.workspace = $1 and c.person = $4 and m.workspace = $1 and m.id = c.target and m.ticket = any($2::uuid[])
        and m.person = $3
"""
_HEARD = """
    insert into heard as h (workspace, person, channel, account, at)
    select $1, $3, m.channel, m.account, max(m.accepted_at) from messages m
    where m.workspace = $1 and m.ticket = any($2::uuid[]) and m.person = $3 and m.author = 'customer'
        and m.automatic is null
        and exists (select from heard o where o.workspace = $1 and o.person = $4 and o.channel = m.channel
            and o.account = m.account)
    group by m.channel, m.account on conflict do nothing
"""
_GUEST = """
    insert into participants(workspace, person, ticket)
    select distinct $1, m.person, m.ticket from messages m
    join tickets t on t.workspace = m.workspace and t.id = m.ticket
    where m.workspace = $1 and m.ticket = any($2::uuid[]) and m.author = 'customer'
        and m.person in ($3, $4) and m.person <> coalesce(t.side, t.person)
    on conflict do nothing
"""


async def others(tx: asyncpg.Connection, workspace: str, side: UUID, contact: Contact) -> int:
    """How many other identities the side has."""
    return int(await tx.fetchval(_OTHERS, workspace, side, *contact))


async def wrote_on(tx: asyncpg.Connection, workspace: str, side: UUID) -> list[UUID]:
    """Tickets that the side began or wrote on, locked in order."""
    found = sorted(row["id"] for row in await tx.fetch(_WROTE_ON, workspace, side))
    await tx.execute(_LOCK, workspace, found)
    return found


async def began(
    tx: asyncpg.Connection, workspace: str, on: Sequence[UUID], side: UUID, contact: Contact
) -> list[Ticket]:
    """Those of the tickets that began with a message from the contact."""
    return [of_row(row) for row in await tx.fetch(_BEGAN, workspace, on, side, *contact)]


async def give(
    tx: asyncpg.Connection,
    workspace: str,
    on: Sequence[UUID],
    began: Sequence[UUID],
    move: tuple[UUID, UUID, Contact],
) -> None:
    """Give the identity to a new person, as (from, to, identity), with what was said over it on these tickets."""
    side, new, contact = move
    await tx.execute(_MAKE, workspace, new, on, *contact, await tx.fetchval("select now()"))
    await tx.execute(_GIVE, workspace, *contact, new)
    await tx.execute(_MESSAGES, workspace, on, new, side, *contact)
    await tx.execute(_ANSWERS, workspace, began, new, side)
    await tx.execute(_CHANGES, workspace, on, new, side)
    await tx.execute(_HEARD, workspace, on, new, side)


async def guests(tx: asyncpg.Connection, workspace: str, on: Sequence[UUID], people: tuple[UUID, UUID]) -> None:
    """Each takes part where he wrote on the other's ticket."""
    await tx.execute(_GUEST, workspace, on, *people)

"""Codes that were sent to contacts, and identities that became proven by them."""

from dataclasses import astuple, dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from services.tickets.domain.codes import WINDOW, Verification

_COLUMNS = "id, person, kind, scope, value, code, ticket, sent_at, expires_at, tries, outcome"
_INSERT = """
    insert into verifications(workspace, id, person, kind, scope, value, code, ticket, sent_at, expires_at, tries,
        outcome, message, by)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
"""
_ONE = f"select {_COLUMNS} from verifications where workspace = $1 and person = $2 and id = $3 for update"
_TRIED = "update verifications set tries = $3, outcome = $4 where workspace = $1 and id = $2"
_SENT_TO = """
    select sent_at from verifications
    where workspace = $1 and (kind, scope, value) = ($2, $3, $4) and sent_at > $5::timestamptz - $6::interval
"""
_SENT_FOR = """
    select sent_at from verifications where workspace = $1 and person = $2 and sent_at > $3::timestamptz - $4::interval
"""
_ROUTE = """
    select m.channel, m.account, m.thread, m.accepted_at from messages m
    where m.workspace = $1 and (m.sender_kind, m.sender_scope, m.sender_value) = ($2, $3, $4)
        and m.ticket in (
            select id from tickets where workspace = $1 and person = $5
            union select ticket from participants
            where workspace = $1 and person in (select id from persons where workspace = $1 and (id = $5 or root = $5)))
    order by m.accepted_at desc limit 1
"""
_HOLDER = """
    select i.person as side, coalesce(s.root, s.id) as person, i.verified from identities i
    join persons s on s.workspace = i.workspace and s.id = i.person
    where i.workspace = $1 and (i.kind, i.scope, i.value) = ($2, $3, $4) for update of i
"""
_LINK = """
    insert into identities(workspace, kind, scope, value, person, verified) values ($1, $2, $3, $4, $5, true)
    on conflict do nothing returning true
"""
_PROVE = """
    update identities set verified = true where workspace = $1 and (kind, scope, value) = ($2, $3, $4) and not verified
"""
_PROVE_WRITER = """
    update identities i set verified = true
    from (
        select sender_kind, sender_scope, sender_value from messages
        where workspace = $1 and ticket = $2 and author = 'customer' and automatic is null and copy_of is null
            and sender_value is not null
        order by accepted_at desc, version desc limit 1
    ) as m, persons s
    where i.workspace = $1 and (i.kind, i.scope, i.value) = (m.sender_kind, m.sender_scope, m.sender_value)
        and not i.verified and s.workspace = $1 and s.id = i.person and coalesce(s.root, s.id) = $3
"""
_IS_PROVEN = """
    select i.verified and coalesce(s.root, s.id) = t.person from tickets t
    cross join lateral (
        select sender_kind, sender_scope, sender_value from messages m
        where m.workspace = t.workspace and m.ticket = t.id and author = 'customer' and automatic is null
            and copy_of is null and sender_value is not null
        order by accepted_at desc, version desc limit 1
    ) as m
    join identities i on i.workspace = t.workspace
        and (i.kind, i.scope, i.value) = (m.sender_kind, m.sender_scope, m.sender_value)
    join persons s on s.workspace = i.workspace and s.id = i.person
    where t.workspace = $1 and t.id = $2
"""
_LATEST = """
    select id from tickets where workspace = $1 and person = $2 and merged_into is null
        and ($3::text[] = '{}' or shop = any($3))
    order by state = 'closed', active_at desc, id desc limit 1
"""

Contact = tuple[str, str, str]
"""Kind, scope, value."""


@dataclass(frozen=True, slots=True)
class Route:
    """How a contact was heard last."""

    channel: str
    account: str
    thread: str | None
    heard_at: datetime | None


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose an identity is."""

    side: UUID
    person: UUID
    verified: bool


async def insert(tx: asyncpg.Connection, workspace: str, new: Verification, message: UUID, by: str) -> None:
    """Keep that a code was sent."""
    await tx.execute(_INSERT, workspace, *astuple(new), message, by)


async def one(tx: asyncpg.Connection, workspace: str, person: UUID, id_: UUID) -> Verification | None:
    """A code that was sent for the person, locked."""
    row = await tx.fetchrow(_ONE, workspace, person, id_)
    return Verification(*row.values()) if row is not None else None


async def tried(tx: asyncpg.Connection, workspace: str, after: Verification) -> None:
    """How often it was tried, and what came of it."""
    await tx.execute(_TRIED, workspace, after.id, after.tries, after.outcome)


async def sent_to(tx: asyncpg.Connection, workspace: str, contact: Contact, now: datetime) -> list[datetime]:
    """When codes were sent to a contact lately."""
    return [row["sent_at"] for row in await tx.fetch(_SENT_TO, workspace, *contact, now, WINDOW)]


async def sent_for(tx: asyncpg.Connection, workspace: str, person: UUID, now: datetime) -> list[datetime]:
    """When codes were sent for a person lately."""
    return [row["sent_at"] for row in await tx.fetch(_SENT_FOR, workspace, person, now, WINDOW)]


async def route(tx: asyncpg.Connection, workspace: str, person: UUID, contact: Contact) -> Route | None:
    """How the person was heard last from this contact."""
    row = await tx.fetchrow(_ROUTE, workspace, *contact, person)
    return Route(*row.values()) if row is not None else None


async def holder(tx: asyncpg.Connection, workspace: str, contact: Contact) -> Holder | None:
    """Whose the identity is, locked."""
    row = await tx.fetchrow(_HOLDER, workspace, *contact)
    return Holder(*row.values()) if row is not None else None


async def link(tx: asyncpg.Connection, workspace: str, contact: Contact, person: UUID) -> bool:
    """Make a proven identity the person's; False where somebody has it at this moment."""
    return bool(await tx.fetchval(_LINK, workspace, *contact, person))


async def prove(tx: asyncpg.Connection, workspace: str, contact: Contact) -> None:
    """The identity is proven."""
    await tx.execute(_PROVE, workspace, *contact)


async def prove_writer(tx: asyncpg.Connection, workspace: str, ticket: UUID, person: UUID) -> None:
    """Whoever wrote last on the ticket has shown to be the person, where it is his identity."""
    await tx.execute(_PROVE_WRITER, workspace, ticket, person)


async def is_proven(connection: asyncpg.Connection, workspace: str, ticket: UUID) -> bool:
    """Whether the ticket's customer wrote last from a proven identity of its requester."""
    return bool(await connection.fetchval(_IS_PROVEN, workspace, ticket))


async def latest_ticket(tx: asyncpg.Connection, workspace: str, person: UUID, shops: tuple[str, ...]) -> UUID | None:
    """The person's newest ticket, before any that is closed."""
    found: UUID | None = await tx.fetchval(_LATEST, workspace, person, list(shops))
    return found

"""What agents write: where it goes, what came meanwhile, and how far it has come."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID

import asyncpg

from services.tickets.domain.ticket import Ticket
from shared.bus import codec
from shared.contracts.delivery_events import DeliveryChanged
from shared.contracts.envelope import Event
from shared.errors import MayPass

_ADDRESS = """
    select m.natural_id, m.channel, m.account, m.sender_kind, m.sender_scope, m.sender_value, m.sender_name, m.thread,
        pg_advisory_xact_lock_shared(hashtext('early_deliveries'), 2)
    from messages m join persons p on p.workspace = m.workspace and p.id = m.person and not p.erased
    where m.workspace = $1 and m.ticket = $2 and m.author = 'customer' and m.sender_value is not null
    order by m.automatic is not null, m.version desc, m.accepted_at desc limit 1
"""
"""Bounces and bulk come from machines: they are answered only where nothing else was written. The lock: see `keep`."""
_ANSWERED = """
    select coalesce(edit_of, natural_id) as natural_id from messages
    where workspace = $1 and ticket = $2 and author = 'customer' and copy_of is null and channel = $3 and account = $4
    order by version desc limit 20
"""
_NEWER = """
    select id, author, written_by, accepted_at from messages
    where workspace = $1 and ticket = $2 and version > $3 and not note and automatic is null and copy_of is null
        and (author = 'customer' or written_by is distinct from $4)
    order by version limit 20
"""
_INSERT = """
    with early as (
        delete from early_deliveries where workspace = $1 and message = $2 returning version, record, trace
    ), written as (
        insert into messages(workspace, id, ticket, person, channel, account, natural_id, author, body, accepted_at,
            version, written_by, note, automatic, cycle, cycle_started_at, delivery, delivery_at, subject)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
        on conflict (workspace, id) do update set version = greatest(messages.version, excluded.version)
    )
    select record, trace from early order by version
"""
_DELIVERIES = """
    select m.workspace, m.id, m.ticket, m.author, m.written_by, m.note, m.cycle, m.cycle_started_at, m.delivery,
        m.delivery_version, m.replied_at
    from messages m join unnest($1::text[], $2::uuid[]) as u(workspace, id) using (workspace, id)
    order by m.workspace, m.id for update of m
"""
_MOVE = """
    update messages m set delivery = u.delivery, delivery_version = u.version, delivery_at = u.at,
        delivery_reason = u.reason, replied_at = u.replied_at
    from unnest($1::text[], $2::uuid[], $3::text[], $4::int[], $5::timestamptz[], $6::text[], $7::timestamptz[])
        as u(workspace, id, delivery, version, at, reason, replied_at)
    where m.workspace = u.workspace and m.id = u.id
"""
_ARRIVED = (
    "select true from messages join unnest($1::text[], $2::uuid[]) as u(workspace, id) using (workspace, id) limit 1"
)
_KEEP = """
    insert into early_deliveries(workspace, message, version, record, trace)
    select * from unnest($1::text[], $2::uuid[], $3::int[], $4::bytea[], $5::text[]) on conflict do nothing
"""

_ERASED = """
    select workspace, id from persons join unnest($1::text[], $2::uuid[]) as u(workspace, id) using (workspace, id)
    where erased
"""
_RETURNING = "select pg_advisory_xact_lock_shared(hashtext('early_deliveries'), 2)"
_KEEPING = "select pg_advisory_xact_lock(hashtext('early_deliveries'), 2)"

Key = tuple[str, UUID]


@dataclass(frozen=True, slots=True)
class Address:
    """Where the customer's last message came from."""

    channel: str
    account: str
    kind: str
    scope: str
    value: str
    name: str | None
    thread: str | None
    answered: tuple[str, ...]
    """Natural ids of his messages there, oldest first."""


@dataclass(frozen=True, slots=True)
class Newer:
    """Something said on the ticket that the writer had not seen."""

    id: UUID
    author: str
    by: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Place:
    """On which ticket, and to whom, something was written."""

    workspace: str
    ticket: UUID
    person: UUID


@dataclass(frozen=True, slots=True)
class Written:
    """What an agent, or a rule in his place, wrote."""

    id: UUID
    text: str
    at: datetime
    version: int
    by: str | None
    note: bool
    channel: str
    account: str
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """A message of ours, locked, with how far it has come."""

    workspace: str
    id: UUID
    ticket: UUID
    author: str
    by: str | None
    note: bool
    cycle: int | None
    cycle_started_at: datetime | None
    delivery: str | None
    version: int
    replied_at: datetime | None
    """When its reply was told, the provider's acceptance; None where it was not, or where it failed after that."""
    at: datetime | None = None
    reason: str | None = None


async def address(tx: asyncpg.Connection, ticket: Ticket) -> Address | None:
    """Where an answer goes: the channel of the customer's last message; None where nothing says from whom it came."""
    row = await tx.fetchrow(_ADDRESS, ticket.workspace, ticket.id)
    if row is None:
        return None
    rows = await tx.fetch(_ANSWERED, ticket.workspace, ticket.id, row["channel"], row["account"])
    answered = tuple(one["natural_id"] for one in reversed(rows))
    names = ("channel", "account", "thread")
    who = {"kind": row["sender_kind"], "scope": row["sender_scope"], "value": row["sender_value"]}
    return Address(**{name: row[name] for name in names}, **who, name=row["sender_name"], answered=answered)


async def newer(tx: asyncpg.Connection, ticket: Ticket, seen: int, by: str | None) -> list[Newer]:
    """What customers and colleagues said after the version that the writer has seen."""
    return [Newer(*row.values()) for row in await tx.fetch(_NEWER, ticket.workspace, ticket.id, seen, by)]


async def insert(
    tx: asyncpg.Connection, place: Place, written: Written, *, cycle_of: Ticket | None
) -> list[Event[DeliveryChanged]]:
    """Keep what was written; `cycle_of` is the ticket before it, whose cycle it answers, where that is known.

    After a restore it may stand here already, read back from the log at no version: the writer who repeats it gives it
    his.

    Gives what notify has said of it already, where it was written before this database was restored, in order.
    """
    rows = await tx.fetch(
        _INSERT,
        place.workspace,
        written.id,
        place.ticket,
        place.person,
        written.channel,
        written.account,
        str(written.id),
        "agent" if written.by else "rule",
        written.text,
        written.at,
        written.version,
        written.by,
        written.note,
        None if written.by else "rule",
        cycle_of.cycle if cycle_of else None,
        cycle_of.cycle_started_at if cycle_of else None,
        None if written.note else "queued",
        None if written.note else written.at,
        written.subject,
    )
    return [_early(row) for row in rows]


def _early(row: asyncpg.Record) -> Event[DeliveryChanged]:
    event = codec.decode(DeliveryChanged.TOPIC, row["record"], codec.trace_header(row["trace"]))
    assert event is not None and isinstance(event.data, DeliveryChanged)
    return cast("Event[DeliveryChanged]", event)


async def before_return(tx: asyncpg.Connection, people: Sequence[Key]) -> set[Key]:
    """Messages are about to come back that words may wait for (see `keep`); gives which of the people are erased."""
    await tx.execute(_RETURNING)
    rows = await tx.fetch(_ERASED, [key[0] for key in people], [key[1] for key in people])
    return {(row["workspace"], row["id"]) for row in rows}


async def lock(tx: asyncpg.Connection, keys: Sequence[Key]) -> dict[Key, Sent]:
    """Messages of ours, locked in order."""
    if not keys:
        return {}
    rows = await tx.fetch(_DELIVERIES, [key[0] for key in keys], [key[1] for key in keys])
    return {(row["workspace"], row["id"]): Sent(*row.values()) for row in rows}


async def move(tx: asyncpg.Connection, moved: Sequence[Sent]) -> None:
    """Write how far messages have come."""
    if moved:
        rows = [(m.workspace, m.id, m.delivery, m.version, m.at, m.reason, m.replied_at) for m in moved]
        await tx.execute(_MOVE, *(list(column) for column in zip(*rows, strict=True)))


async def keep(tx: asyncpg.Connection, events: Sequence[Event[DeliveryChanged]]) -> None:
    """Keep what notify says of messages that are not here; raises MayPass where one has arrived meanwhile.

    Whoever writes an answer takes a lock that such writers share, before the answer, and whoever keeps a word takes it
    alone, after all its row locks, then looks once more: so neither misses the other.
    """
    if not events:
        return
    await tx.execute(_KEEPING)
    workspaces, messages = [event.workspace for event in events], [event.data.message for event in events]
    if await tx.fetchval(_ARRIVED, workspaces, messages):
        raise MayPass("an answer was written while notify's word on it was being kept; both are seen the next time")
    versions = [event.version or 0 for event in events]
    records = [codec.encode(event) for event in events]
    await tx.execute(_KEEP, workspaces, messages, versions, records, [event.trace for event in events])


async def ours(connection: asyncpg.Connection, ids: Sequence[UUID]) -> set[UUID]:
    """Which of these messages of ours stand on a ticket (for `verify`)."""
    rows = await connection.fetch("select id from messages where id = any($1) and author <> 'customer'", list(ids))
    return {row["id"] for row in rows}

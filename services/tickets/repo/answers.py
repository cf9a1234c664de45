"""What agents write: where it goes, what came meanwhile, and how far it has come."""

import json
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
from shared.contracts.inbound_messages import Attachment, Copied
from shared.errors import MayPass

_ADDRESSES = """
    with held as materialized (select pg_advisory_xact_lock_shared(hashtext('early_deliveries'), 2)), last as (
        select u.workspace, u.ticket, m.* from held
        cross join unnest($1::text[], $2::uuid[]) as u(workspace, ticket)
        cross join lateral (
            select m.channel, m.account, m.sender_kind, m.sender_scope, m.sender_value, m.sender_name, m.thread,
                h.at as heard_at
            from (
                with recursive tree as (
                    select t.id, t.person from tickets t where t.workspace = u.workspace and t.id = u.ticket
                    union all
                    select t.id, t.person from tree join tickets t on t.workspace = u.workspace
                        and t.merged_into = tree.id and t.person = tree.person
                )
                select m.* from tree cross join lateral (
                    select * from messages m
                    where m.workspace = u.workspace and m.ticket = tree.id and m.sender_value is not null
                    order by m.automatic is not null, m.accepted_at desc, m.version desc limit 1
                ) as m
            ) as m
            join persons p on p.workspace = m.workspace and p.id = m.person and not p.erased
            left join heard h on h.workspace = m.workspace and h.person = m.person and h.channel = m.channel
                and h.account = m.account
            order by m.automatic is not null, m.accepted_at desc, m.version desc limit 1
        ) as m
    )
    select *, array(
        select coalesce(m.message_id, m.edit_of, m.natural_id) from messages m
        where m.workspace = last.workspace and m.ticket = last.ticket and m.author = 'customer'
            and m.copy_of is null and m.channel = last.channel and m.account = last.account
        order by m.version desc limit 20
    ) as answered
    from last
"""
"""Bounces and bulk come from machines: they are answered only where nothing else was written. What the same person said
on tickets that were merged into this one counts. The lock: see `keep`."""
_INSERT = """
    with coming as (
        select * from unnest($1::text[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[],
            $8::text[], $9::text[], $10::timestamptz[], $11::int[], $12::text[], $13::bool[], $14::text[], $15::int[],
            $16::timestamptz[], $17::text[], $18::timestamptz[], $19::text[], $20::jsonb[], $21::jsonb[])
        as u(workspace, id, ticket, person, channel, account, natural_id, author, body, accepted_at, version,
            written_by, note, automatic, cycle, cycle_started_at, delivery, delivery_at, subject, attachments, copied)
    ), early as (
        delete from early_deliveries e using coming u where e.workspace = u.workspace and e.message = u.id
        returning e.workspace, e.message, e.version, e.record, e.trace
    ), written as (
        insert into messages(workspace, id, ticket, person, channel, account, natural_id, author, body, accepted_at,
            version, written_by, note, automatic, cycle, cycle_started_at, delivery, delivery_at, subject,
            attachments, copied)
        select * from coming
        on conflict (workspace, id) do update set version = greatest(messages.version, excluded.version)
    )
    select workspace, message, record, trace from early order by version
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
    heard_at: datetime | None
    """When he was last heard there, where his channel has a reply window."""
    answered: tuple[str, ...]
    """Natural ids of his messages there, oldest first."""


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
    files: tuple[Attachment, ...] = ()
    copied: tuple[Copied, ...] = ()
    automatic: str = "rule"
    """Why nobody wrote it, where nobody did."""


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


async def addresses(tx: asyncpg.Connection, tickets: Sequence[Key]) -> dict[Key, Address]:
    """Where answers go: the channel of the customer's last message; tickets where nothing says so are left out."""
    if not tickets:
        return {}
    rows = await tx.fetch(_ADDRESSES, [key[0] for key in tickets], [key[1] for key in tickets])
    return {(row["workspace"], row["ticket"]): _address(row) for row in rows}


def _address(row: asyncpg.Record) -> Address:
    _, _, channel, account, kind, scope, value, name, thread, heard_at, answered = row.values()
    return Address(channel, account, kind, scope, value, name, thread, heard_at, tuple(reversed(answered)))


async def insert(
    tx: asyncpg.Connection, coming: Sequence[tuple[Place, Written, Ticket | None]]
) -> dict[Key, list[Event[DeliveryChanged]]]:
    """Keep what was written, each with the ticket before it, whose cycle it answers, where that is known.

    After a restore it may stand here already, read back from the log at no version: the writer who repeats it gives it
    his.

    Gives what notify has said of a message already, where it was written before this database was restored, in order.
    """
    if not coming:
        return {}
    rows = [_row(place, written, cycle_of) for place, written, cycle_of in coming]
    early: dict[Key, list[Event[DeliveryChanged]]] = {}
    for row in await tx.fetch(_INSERT, *(list(column) for column in zip(*rows, strict=True))):
        early.setdefault((row["workspace"], row["message"]), []).append(_early(row))
    return early


def _row(place: Place, written: Written, cycle_of: Ticket | None) -> tuple[object, ...]:
    return (
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
        None if written.by else written.automatic,
        cycle_of.cycle if cycle_of else None,
        cycle_of.cycle_started_at if cycle_of and cycle_of.clock == "runs" else None,
        None if written.note else "queued",
        None if written.note else written.at,
        written.subject,
        json.dumps([file.model_dump() for file in written.files]),
        json.dumps([one.model_dump() for one in written.copied]),
    )


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

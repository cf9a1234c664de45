"""Messages and happenings: appended, never changed."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from shared.contracts.envelope import Event
from shared.contracts.inbound_messages import MessageReceived

# Tombstones are asked for in the same look, after the senders' identities are claimed: who erases waits for those.
_FIND = """
    select m.workspace, m.id, m.ticket, null::uuid as withdrawn_by, null as hmac, null::timestamptz as before
    from messages m join unnest($1::text[], $2::uuid[]) as u(workspace, id) using (workspace, id)
    union all
    select c.workspace, c.target, null, c.person, null, null
    from changes c join unnest($1::text[], $2::uuid[]) as u(workspace, id) on c.workspace = u.workspace
        and c.target = u.id and c.kind = 'withdrawal' and not c.by_desk
    union all
    select t.workspace, null, null, null, t.hmac, t.before
    from tombstones t join unnest($3::text[], $4::text[]) as u(workspace, hmac) using (workspace, hmac)
"""
_INSERT = """
    insert into messages(workspace, id, ticket, person, channel, account, natural_id, author, automatic,
        subject, body, body_blob, attachments, content_key, copy_of, provider_time, accepted_at, version, did,
        sender_kind, sender_scope, sender_value, sender_name, thread, quoted, message_id, copied)
    select * from unnest($1::text[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[],
        $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::jsonb[], $14::text[],
        $15::uuid[], $16::timestamptz[], $17::timestamptz[], $18::int[], $19::text[],
        $20::text[], $21::text[], $22::text[], $23::text[], $24::text[], $25::text[], $26::text[],
        $27::jsonb[])
"""
_COPIES = """
    select distinct on (m.workspace, m.content_key) m.workspace, m.content_key, m.id, m.ticket
    from messages m join unnest($1::text[], $2::text[]) as u(workspace, content_key) using (workspace, content_key)
    where m.copy_of is null and m.accepted_at > $3::timestamptz - interval '7 days'
    order by m.workspace, m.content_key, m.accepted_at, m.id
"""
_HAPPENED = """
    insert into happenings(workspace, ticket, version, what, detail, at)
    select * from unnest($1::text[], $2::uuid[], $3::int[], $4::text[], $5::jsonb[], $6::timestamptz[])
    on conflict do nothing
"""
_ACCOUNTED_FOR = """
    select id from messages where id = any($1::uuid[])
    union select id from erased_messages where id = any($1::uuid[])
    union select id from changes where id = any($1::uuid[])
"""
_CHANGED_SINCE = """
    select h.workspace, h.ticket, array_agg(distinct f.field) as fields
    from happenings h
    join unnest($1::text[], $2::uuid[], $3::int[]) as u(workspace, ticket, version)
        on h.workspace = u.workspace and h.ticket = u.ticket and h.version > u.version
    cross join lateral (
        select 'state' as field where h.what = 'state'
        union all
        select jsonb_object_keys(h.detail -> 'changes') where h.what = 'changed'
    ) as f
    group by h.workspace, h.ticket
"""
NO_FILES = "[]"


@dataclass(frozen=True, slots=True)
class Kept:
    """A customer's message with the ticket and the person it belongs to, the ticket's version after it, and what it
    did to the ticket; `copy_of` where it is a further copy of a message and did nothing.
    """

    event: Event[MessageReceived]
    ticket: UUID
    person: UUID
    version: int = 0
    did: str = "added"
    copy_of: UUID | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of messages and their senders before a batch is taken in."""

    tickets: dict[tuple[str, UUID], UUID]
    """Where each (workspace, message) that is kept stands: natural ids stay unique longer than the inbox remembers."""
    withdrawn: set[tuple[str, UUID, UUID]]
    """Messages that were withdrawn, whether or not they are here, and by whom, as (workspace, message, person)."""
    buried: dict[tuple[str, str], datetime]
    """For each (workspace, HMAC) of an erased identity, the moment before which nothing of it is kept."""


@dataclass(frozen=True, slots=True)
class Happening:
    """A line of a ticket's timeline that is no message."""

    workspace: str
    ticket: UUID
    version: int
    what: str
    detail: dict[str, Any]
    at: datetime


async def find(tx: asyncpg.Connection, keys: Sequence[tuple[str, UUID]], hmacs: Sequence[tuple[str, str]]) -> Found:
    """Look for these messages and tombstones."""
    rows = await tx.fetch(
        _FIND, [key[0] for key in keys], [key[1] for key in keys], [one[0] for one in hmacs], [one[1] for one in hmacs]
    )
    return Found(
        tickets={(row["workspace"], row["id"]): row["ticket"] for row in rows if row["ticket"] is not None},
        withdrawn={
            (row["workspace"], row["id"], row["withdrawn_by"]) for row in rows if row["withdrawn_by"] is not None
        },
        buried={(row["workspace"], row["hmac"]): row["before"] for row in rows if row["hmac"] is not None},
    )


async def copies(
    tx: asyncpg.Connection, keys: Sequence[tuple[str, str]], now: datetime
) -> dict[tuple[str, str], tuple[UUID, UUID]]:
    """Message and ticket of each (workspace, content key) met within 7 days: the same mail over another route."""
    if not keys:
        return {}
    rows = await tx.fetch(_COPIES, [k[0] for k in keys], [k[1] for k in keys], now)
    return {(row["workspace"], row["content_key"]): (row["id"], row["ticket"]) for row in rows}


async def insert(tx: asyncpg.Connection, kept: Sequence[Kept]) -> None:
    """Keep messages."""
    if kept:
        await tx.execute(_INSERT, *(list(column) for column in zip(*map(_row, kept), strict=True)))


def _row(kept: Kept) -> tuple[Any, ...]:
    event, message = kept.event, kept.event.data
    files = json.dumps([file.model_dump() for file in message.attachments]) if message.attachments else NO_FILES
    return (
        event.workspace,
        event.id,
        kept.ticket,
        kept.person,
        message.channel,
        message.account,
        message.natural_id,
        "customer",
        message.automatic,
        message.subject,
        message.text,
        message.text_blob,
        files,
        message.content_key,
        kept.copy_of,
        message.provider_time,
        message.accepted_at,
        kept.version,
        kept.did,
        message.sender.kind,
        message.sender.scope,
        message.sender.value,
        message.sender.name,
        message.thread,
        message.quoted,
        message.message_id,
        json.dumps([one.model_dump() for one in message.copied]) if message.copied else "[]",
    )


async def happened(tx: asyncpg.Connection, happenings: Sequence[Happening]) -> None:
    """Put lines on timelines; a line of the same version is the same line."""
    if happenings:
        rows = [(h.workspace, h.ticket, h.version, h.what, json.dumps(h.detail), h.at) for h in happenings]
        await tx.execute(_HAPPENED, *(list(column) for column in zip(*rows, strict=True)))


async def accepted_ids(connection: asyncpg.Connection, ids: Sequence[UUID]) -> set[UUID]:
    """Which accepted messages stand on a ticket, or came late from somebody who was erased (for `verify`)."""
    rows = await connection.fetch(_ACCOUNTED_FOR, ids)
    return {row["id"] for row in rows}


async def changed_since(
    tx: asyncpg.Connection, seen: Sequence[tuple[tuple[str, UUID], int]]
) -> dict[tuple[str, UUID], frozenset[str]]:
    """For each (workspace, ticket) which of its fields were changed after that version."""
    if not seen:
        return {}
    rows = await tx.fetch(
        _CHANGED_SINCE, [key[0] for key, _ in seen], [key[1] for key, _ in seen], [version for _, version in seen]
    )
    return {(row["workspace"], row["ticket"]): frozenset(row["fields"]) for row in rows}

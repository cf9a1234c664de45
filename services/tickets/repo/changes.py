"""What was done to messages: kept once for ever, and found again by the message that it was done to."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from services.tickets.domain.changes import Change, Kind
from services.tickets.domain.ticket import Ticket

_KNOWN = """
    select workspace, id from changes join unnest($1::text[], $2::uuid[]) as u(workspace, id) using (workspace, id)
"""
_TARGETS = """
    select m.workspace, u.target, m.id, m.ticket, m.person, m.author <> 'customer' as by_desk
    from unnest($1::text[], $2::uuid[]) as u(workspace, target)
    join messages m on m.workspace = u.workspace and m.id = u.target
"""
_SENT = """
    select n.workspace, n.hash, m.id, m.ticket, m.person, true as by_desk
    from unnest($1::text[], $2::text[]) as u(workspace, hash)
    join provider_names n on n.workspace = u.workspace and n.hash = u.hash
    join messages m on m.workspace = n.workspace and m.id = n.message
"""
_INSERT = """
    insert into changes(workspace, id, target, hashes, kind, by_desk, person, body, body_blob, attachments, at,
        accepted_at, ticket, version)
    select workspace, id, target, array(select jsonb_array_elements_text(hashes)), kind, by_desk, person, body,
        body_blob, attachments, at, accepted_at, ticket, version
    from unnest($1::text[], $2::uuid[], $3::uuid[], $4::jsonb[], $5::text[], $6::bool[], $7::uuid[], $8::text[],
        $9::text[], $10::jsonb[], $11::timestamptz[], $12::timestamptz[], $13::uuid[], $14::int[]) with ordinality
        as u(workspace, id, target, hashes, kind, by_desk, person, body, body_blob, attachments, at, accepted_at,
            ticket, version, place)
    order by place
    on conflict do nothing
"""
_OF_MESSAGES = """
    select c.target as message, c.kind, c.by_desk, c.person, c.body, c.attachments::text as attachments, c.at, c.number
    from changes c where c.workspace = $1 and c.target = any($2)
    union
    select n.message, c.kind, c.by_desk, c.person, c.body, c.attachments::text, c.at, c.number
    from provider_names n join changes c on c.hashes @> array[n.hash]
    where n.workspace = $1 and n.message = any($2) and c.workspace = $1
"""
_UNANSWERED = """
    select u.workspace, u.id from unnest($1::text[], $2::uuid[], $3::int[], $4::timestamptz[])
        as u(workspace, id, cycle, cycle_started_at)
    where not exists (
        select from messages m
        where m.workspace = u.workspace and m.ticket = u.id and m.author = 'customer' and m.automatic is null
            and m.copy_of is null and m.accepted_at >= u.cycle_started_at
            and not exists (
                select from changes c where c.workspace = m.workspace and c.target = m.id and c.kind = 'withdrawal'
                    and c.person = m.person and not c.by_desk))
    and not exists (
        select from messages m
        where m.workspace = u.workspace and m.ticket = u.id and m.author = 'agent' and not m.note
            and m.cycle = u.cycle and m.delivery <> 'failed')
"""

Key = tuple[str, UUID]


@dataclass(frozen=True, slots=True)
class Target:
    """The message that a change is about: on which ticket it stands, and whose it is."""

    id: UUID
    ticket: UUID
    person: UUID
    by_desk: bool


@dataclass(frozen=True, slots=True)
class Kept:
    """A change with what it names; `ticket` and its `version` where it was told there."""

    workspace: str
    id: UUID
    target: UUID
    hashes: tuple[str, ...]
    change: Change
    body_blob: str | None
    accepted_at: datetime
    ticket: UUID | None = None
    version: int | None = None


async def known(tx: asyncpg.Connection, keys: Sequence[Key]) -> set[Key]:
    """Those of them that are kept already."""
    rows = await tx.fetch(_KNOWN, [key[0] for key in keys], [key[1] for key in keys])
    return {(row["workspace"], row["id"]) for row in rows}


async def targets(tx: asyncpg.Connection, keys: Sequence[Key]) -> dict[Key, Target]:
    """Customers' messages and echoes with these ids."""
    rows = await tx.fetch(_TARGETS, [key[0] for key in keys], [key[1] for key in keys])
    return {(row["workspace"], row["target"]): Target(*tuple(row.values())[2:]) for row in rows}


async def sent(tx: asyncpg.Connection, names: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Target]:
    """The desk's messages that providers know by these names, as (workspace, HMAC)."""
    rows = await tx.fetch(_SENT, [name[0] for name in names], [name[1] for name in names])
    return {(row["workspace"], row["hash"]): Target(*tuple(row.values())[2:]) for row in rows}


async def insert(tx: asyncpg.Connection, kept: Sequence[Kept]) -> None:
    """Keep changes, in the order they were accepted in."""
    if kept:
        await tx.execute(_INSERT, *(list(column) for column in zip(*map(_row, kept), strict=True)))


def _row(kept: Kept) -> tuple[Any, ...]:
    change = kept.change
    return (
        *(kept.workspace, kept.id, kept.target, json.dumps(kept.hashes), change.kind, change.by_desk, change.person),
        *(change.text, kept.body_blob, json.dumps(change.attachments), change.at, kept.accepted_at),
        *(kept.ticket, kept.version),
    )


async def of_messages(
    connection: asyncpg.Connection, workspace: str, messages: Sequence[UUID]
) -> dict[UUID, list[Change]]:
    """What was done to each of these messages, whoever did it and whether or not he may."""
    found: dict[UUID, list[Change]] = {}
    for row in await connection.fetch(_OF_MESSAGES, workspace, list(messages)) if messages else ():
        kind: Kind = row["kind"]
        files = tuple(orjson.loads(row["attachments"]))
        one = Change(kind, row["by_desk"], row["person"], row["body"], files, row["at"], row["number"])
        found.setdefault(row["message"], []).append(one)
    return found


async def unanswered_and_empty(tx: asyncpg.Connection, tickets: Sequence[Ticket]) -> set[Key]:
    """Those whose cycle holds no answer of a person, and no customer's message that was not withdrawn."""
    columns = [(ticket.workspace, ticket.id, ticket.cycle, ticket.cycle_started_at) for ticket in tickets]
    rows = await tx.fetch(_UNANSWERED, *(list(column) for column in zip(*columns, strict=True))) if columns else []
    return {(row["workspace"], row["id"]) for row in rows}

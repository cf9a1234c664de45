"""Merges of tickets as they stand, and which messages nobody has answered yet."""

from collections.abc import Sequence
from dataclasses import astuple
from datetime import datetime
from uuid import UUID

import asyncpg

from services.tickets.domain.merging import Merge, Own

_STANDING = """
    select ticket, into_ticket, at, was_start, was_clock, was_state, was_solved_at, was_pending_since, snoozed_until,
        waits_since, counts, cycle, own_start, own_clock, own_state, own_solved_at, own_pending_since
    from ticket_merges where workspace = $1 and into_ticket = $2 order by at, into_version
"""
_KEEP = """
    insert into ticket_merges(workspace, ticket, into_ticket, at, was_start, was_clock, was_state, was_solved_at,
        was_pending_since, snoozed_until, waits_since, counts, cycle, own_start, own_clock, own_state, own_solved_at,
        own_pending_since, into_version, by)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
"""
_WENT = "select into_ticket from ticket_merges where workspace = $1 and ticket = $2"
_FORGET = "delete from ticket_merges where workspace = $1 and ticket = $2"
_TREE = """
    with recursive tree as (
        select $2::uuid as id
        union all
        select t.id from tree join tickets t on t.workspace = $1 and t.merged_into = tree.id
    )
"""
_WAITS = f"""
    {_TREE}, said as (
        select m.id, m.ticket, m.accepted_at, m.author, m.automatic, m.written_by, m.delivery
        from tree join messages m on m.workspace = $1 and m.ticket = tree.id
        where m.copy_of is null and not m.note
    )
    select min(accepted_at) from said m
    where author = 'customer' and automatic is null and accepted_at > coalesce((
            select max(accepted_at) from said
            where author = 'agent' and written_by is not null and delivery is distinct from 'failed'), '-infinity')
        and not exists (
            select from changes c
            where c.workspace = $1 and c.target = m.id and c.kind = 'withdrawal' and not c.by_desk)
"""
_TOUCHED = """
    select exists (
        select from messages m where m.workspace = $1 and m.ticket = $2 and m.version > f.version
            and m.copy_of is null and not m.note
    ) or exists (
        select from happenings h where h.workspace = $1 and h.ticket = $2 and h.version > f.version
            and h.what = 'state' and h.detail ->> 'reason' not in ('merged', 'unmerged')
    )
    from (select min(into_version) as version from ticket_merges where workspace = $1 and into_ticket = $2) as f
"""
_JOIN = """
    insert into participants(workspace, person, ticket) values ($1, $2, $3) on conflict do nothing
"""
_LEAVE = """
    delete from participants p where p.workspace = $1 and p.person = $2 and p.ticket = $3 and not exists (
        select from messages m where m.workspace = $1 and m.ticket = $3 and m.person = $2)
"""


async def went(tx: asyncpg.Connection, workspace: str, ticket: UUID) -> UUID | None:
    """Where a ticket was merged into, at this moment."""
    into: UUID | None = await tx.fetchval(_WENT, workspace, ticket)
    return into


async def standing(tx: asyncpg.Connection, workspace: str, into: UUID) -> list[Merge]:
    """What was merged into a ticket, the oldest first."""
    return [_merge(row) for row in await tx.fetch(_STANDING, workspace, into)]


def _merge(row: asyncpg.Record) -> Merge:
    ticket, into, at, *rest = row.values()
    was, (snoozed_until, waits_since, counts, cycle), own = rest[:5], rest[5:9], rest[9:]
    return Merge(ticket, into, at, Own(*was), snoozed_until, waits_since, counts, cycle, Own(*own))


async def keep(tx: asyncpg.Connection, workspace: str, merge: Merge, into_version: int, by: str) -> None:
    """Keep a merge; `into_version` is that of the ticket which took the other one in, after it."""
    fields = (merge.snoozed_until, merge.waits_since, merge.counts, merge.cycle)
    row = (merge.ticket, merge.into, merge.at, *astuple(merge.was), *fields, *astuple(merge.own), into_version, by)
    await tx.execute(_KEEP, workspace, *row)


async def forget(tx: asyncpg.Connection, workspace: str, ticket: UUID) -> None:
    """It is undone."""
    await tx.execute(_FORGET, workspace, ticket)


async def waits_since(tx: asyncpg.Connection, workspace: str, ticket: UUID) -> datetime | None:
    """When the oldest message was accepted that nobody answered, on the ticket and on what was merged into it."""
    since: datetime | None = await tx.fetchval(_WAITS, workspace, ticket)
    return since


async def touched(tx: asyncpg.Connection, workspace: str, into: UUID) -> bool:
    """Whether somebody wrote on a ticket or moved its state since the first merge into it that stands."""
    return bool(await tx.fetchval(_TOUCHED, workspace, into))


async def take_part(tx: asyncpg.Connection, workspace: str, ticket: UUID, people: Sequence[UUID]) -> None:
    """These people take part in the ticket."""
    for person in people:
        await tx.execute(_JOIN, workspace, person, ticket)


async def part(tx: asyncpg.Connection, workspace: str, ticket: UUID, person: UUID) -> None:
    """He takes part no more, unless he wrote there."""
    await tx.execute(_LEAVE, workspace, person, ticket)

"""Tickets: read with a lock in order, written as sets."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg

from services.tickets.domain.ticket import Ticket
from services.tickets.repo.early import OPENING

_TYPES = {
    "workspace": "text",
    "id": "uuid",
    "shop": "text",
    "person": "uuid",
    "channel": "text",
    "account": "text",
    "state": "text",
    "priority": "text",
    "language": "text",
    "subject": "text",
    "thread": "text",
    "order_name": "text",
    "version": "int",
    "cycle": "int",
    "cycle_started_at": "timestamptz",
    "opened_at": "timestamptz",
    "active_at": "timestamptz",
    "solved_at": "timestamptz",
    "possible_duplicate_of": "uuid",
    "follow_up_of": "uuid",
    "place": "text",
    "assignee": "text",
    "assigned_at": "timestamptz",
    "routing_version": "int",
    "trace": "text",
    "clock": "text",
    "intent": "text",
    "tags": "text",
    "snoozed_until": "timestamptz",
    "spam": "boolean",
    "merged_into": "uuid",
    "due_at": "timestamptz",
    "due_by": "timestamptz",
    "pending_since": "timestamptz",
    "side": "uuid",
}
COLUMNS = tuple(field.name for field in fields(Ticket))
assert tuple(_TYPES) == COLUMNS
_CHANGING = (
    "state", "priority", "language", "subject", "order_name",
    "version", "cycle", "cycle_started_at", "active_at", "solved_at",
    "place", "assignee", "assigned_at", "routing_version", "trace",
    "clock", "intent", "tags", "snoozed_until", "spam", "merged_into", "due_by", "pending_since",
    "person", "side",
)  # fmt: skip
SELECT = "select " + ", ".join(f"t.{column}" for column in COLUMNS) + " from tickets t"


def _as(column: str) -> str:
    """The column of `u`; tags travel as the literals of arrays, since unnest takes apart all dimensions."""
    return f"u.{column}::text[]" if column == "tags" else f"u.{column}"


def _unnest(columns: Sequence[str]) -> str:
    arrays = ", ".join(f"${number}::{_TYPES[column]}[]" for number, column in enumerate(columns, start=1))
    return f"unnest({arrays}) as u({', '.join(columns)})"


_INSERT = f"""
    with opening as materialized ({OPENING})
    insert into tickets({", ".join(COLUMNS)}) select {", ".join(map(_as, COLUMNS))} from {_unnest(COLUMNS)}, opening
"""
_UPDATE = f"""
    update tickets set {", ".join(f"{column} = {_as(column)}" for column in _CHANGING)}
    from {_unnest(("workspace", "id", *_CHANGING))}
    where tickets.workspace = u.workspace and tickets.id = u.id
"""
MOST_OF_A_PERSON = 200
"""A machine that writes without end must not make each of its messages dearer: beyond these, the oldest solved ones
first, tickets are not looked at. The order is that of the index `tickets_person`, so that no other one looks better."""

MERGED_OF_A_PERSON = 20
"""The newest of his tickets that were merged: conversations that may go on elsewhere."""

_OF_PEOPLE_AND_NAMED = f"""
    {SELECT} join (
        select u.workspace, p.id
        from unnest($1::text[], $2::uuid[]) as u(workspace, person) cross join lateral (
            select id from tickets
            where workspace = u.workspace and person = u.person and state <> 'closed'
            order by state, active_at desc, id desc limit {MOST_OF_A_PERSON}
        ) as p
        union
        select u.workspace, c.id
        from unnest($1::text[], $2::uuid[]) as u(workspace, person) cross join lateral (
            select id, spam from tickets
            where workspace = u.workspace and person = u.person and state = 'closed'
            order by state, active_at desc, id desc limit 1
        ) as c where c.spam
        union
        select u.workspace, m.id
        from unnest($1::text[], $2::uuid[]) as u(workspace, person) cross join lateral (
            select id from tickets
            where workspace = u.workspace and person = u.person and merged_into is not null
            order by active_at desc limit {MERGED_OF_A_PERSON}
        ) as m
        union
        select * from unnest($3::text[], $4::uuid[])
    ) as k on t.workspace = k.workspace and t.id = k.id
    order by t.workspace, t.id for update of t
"""
_BY_ID = f"""
    {SELECT} join unnest($1::text[], $2::uuid[]) as u(workspace, id) on t.workspace = u.workspace and t.id = u.id
    order by t.workspace, t.id for update of t
"""
_KNOWN = """
    select t.workspace, t.id from tickets t
    join unnest($1::text[], $2::uuid[]) as u(workspace, id) on t.workspace = u.workspace and t.id = u.id
    join persons p on p.workspace = t.workspace and p.id = t.person and not p.erased
"""
_BY_THREAD = """
    select distinct on (t.workspace, t.account, t.thread) t.workspace, t.account, t.thread, t.id
    from tickets t join unnest($1::text[], $2::text[], $3::text[]) as u(workspace, account, thread)
        on t.workspace = u.workspace and t.account = u.account and t.thread = u.thread
    order by t.workspace, t.account, t.thread, t.state = 'closed', t.active_at desc, t.id desc
"""


async def known(tx: asyncpg.Connection, keys: Sequence[tuple[str, UUID]]) -> set[tuple[str, UUID]]:
    """Which of these tickets are here, but for those of people who were erased: they lead nowhere any more."""
    rows = await tx.fetch(_KNOWN, [key[0] for key in keys], [key[1] for key in keys]) if keys else []
    return {(row["workspace"], row["id"]) for row in rows}


async def of_people(
    tx: asyncpg.Connection, people: Sequence[tuple[str, UUID]], named: Sequence[tuple[str, UUID]]
) -> list[Ticket]:
    """Tickets of these people that are not closed or were merged, the last closed one where it is spam, and the named.

    All are locked, in one order.
    """
    if not people and not named:
        return []
    rows = await tx.fetch(
        _OF_PEOPLE_AND_NAMED,
        [p[0] for p in people],
        [p[1] for p in people],
        [n[0] for n in named],
        [n[1] for n in named],
    )
    return [of_row(row) for row in rows]


async def by_id(tx: asyncpg.Connection, keys: Sequence[tuple[str, UUID]]) -> list[Ticket]:
    """These tickets, locked; what is not there is left out."""
    if not keys:
        return []
    rows = await tx.fetch(_BY_ID, [k[0] for k in keys], [k[1] for k in keys])
    return [of_row(row) for row in rows]


async def by_thread(
    tx: asyncpg.Connection, threads: Sequence[tuple[str, str, str]]
) -> dict[tuple[str, str, str], UUID]:
    """The latest ticket of each (workspace, account, thread), before any that is closed."""
    if not threads:
        return {}
    rows = await tx.fetch(_BY_THREAD, *(list(column) for column in zip(*threads, strict=True)))
    return {(row["workspace"], row["account"], row["thread"]): row["id"] for row in rows}


async def insert(tx: asyncpg.Connection, tickets: Sequence[Ticket]) -> None:
    """New tickets; what routing said about them before is not added to any more until the commit."""
    if tickets:
        await tx.execute(_INSERT, *_columns(tickets, COLUMNS))


async def update(tx: asyncpg.Connection, tickets: Sequence[Ticket]) -> None:
    """Changed tickets; they are locked by whoever read them."""
    if tickets:
        await tx.execute(_UPDATE, *_columns(tickets, ("workspace", "id", *_CHANGING)))


def _columns(tickets: Sequence[Ticket], names: Sequence[str]) -> list[list[Any]]:
    return [[_sent(getattr(ticket, name)) for ticket in tickets] for name in names]


def _sent(value: Any) -> Any:
    return "{" + ",".join(value) + "}" if isinstance(value, tuple) else value


def of_row(row: asyncpg.Record) -> Ticket:
    """The ticket of a row with COLUMNS."""
    facts = dict(row)
    return Ticket(**facts | {"tags": tuple(facts["tags"])})


_TO_CLOSE = f"""
    {SELECT} where t.workspace = $1 and t.state = 'solved' and t.solved_at <= now() - $2::interval
    order by t.solved_at limit $3 for update skip locked
"""
_TO_SOLVE = f"""
    {SELECT} where t.workspace = $1 and t.state = 'pending' and t.snoozed_until is null
        and t.pending_since <= now() - $2::interval
    order by t.pending_since limit $3 for update skip locked
"""


async def due_to_close(tx: asyncpg.Connection, workspace: str, after: timedelta, most: int) -> list[Ticket]:
    """Tickets solved longer ago than `after` by the database's clock, locked; another replica's are left out."""
    return [of_row(row) for row in await tx.fetch(_TO_CLOSE, workspace, after, most)]


async def due_to_solve(tx: asyncpg.Connection, workspace: str, after: timedelta, most: int) -> list[Ticket]:
    """Tickets whose customers were waited for longer than `after`, and that nobody snoozed, likewise."""
    return [of_row(row) for row in await tx.fetch(_TO_SOLVE, workspace, after, most)]

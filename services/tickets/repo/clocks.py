"""Evidence, clocks and the terms they are under: read together, written in one statement."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from services.tickets.domain.clocks import Clock, Outcome
from services.tickets.domain.evidence import Evidence
from services.tickets.domain.stopwatch import Kind
from services.tickets.domain.telling import Told

Key = tuple[str, UUID]

_EVIDENCE = """
    select e.workspace, e.ticket, e.at, e.what, e.id, e.version, e.cycle, e.word, e.subject, e.terms from evidence e
    join unnest($1::text[], $2::uuid[]) as u(workspace, ticket) using (workspace, ticket)
"""
_CLOCKS = """
    select c.* from clocks c join unnest($1::text[], $2::uuid[]) as u(workspace, ticket) using (workspace, ticket)
    order by c.workspace, c.ticket, c.started_at, c.name
"""
_TERMS = """
    select t.workspace, t.id, t.policy, t.policy_version, t.calendar, t.calendar_version, t.documents
    from terms t join unnest($1::text[], $2::uuid[]) as u(workspace, id) using (workspace, id)
"""
_BEGAN = """
    select e.workspace, e.ticket, e.cycle, e.terms from evidence e
    join unnest($1::text[], $2::uuid[], $3::int[]) as u(workspace, ticket, cycle) using (workspace, ticket, cycle)
    where e.what = 'began' and e.terms is not null
"""
_WRITE = """
    with under as (
        insert into terms(workspace, id, policy, policy_version, calendar, calendar_version, documents)
        select * from unnest($1::text[], $2::uuid[], $3::text[], $4::int[], $5::text[], $6::int[], $7::jsonb[])
        on conflict do nothing
    ), known as (
        insert into evidence(workspace, ticket, at, what, id, version, cycle, word, subject, terms)
        select * from unnest($8::text[], $9::uuid[], $10::timestamptz[], $11::text[], $12::uuid[], $13::int[],
            $14::int[], $15::text[], $16::uuid[], $17::uuid[])
        as u(workspace, ticket, at, what, id, version, cycle, word, subject, terms)
        where u.what <> 'held' or exists (
            select from evidence e where e.workspace = u.workspace and e.ticket = u.ticket and e.what = 'began')
        on conflict do nothing
    ), given as (
        select * from unnest($18::text[], $19::uuid[], $20::text[], $21::text[], $22::int[], $23::uuid[], $24::text[],
            $25::timestamptz[], $26::timestamptz[], $27::timestamptz[], $28::int[], $29::int[], $30::text[],
            $31::text[], $32::timestamptz[], $33::bool[], $34::int[], $35::timestamptz[], $36::int[])
        as u(workspace, ticket, name, kind, cycle, terms, outcome, started_at, due_at, ended_at, elapsed_s, budget_s,
            void_reason, told, told_due_at, breached, warned, next_at, version)
    ), counted as (
        insert into clocks select * from given
        on conflict (workspace, ticket, name) do update set
            terms = excluded.terms, outcome = excluded.outcome, started_at = excluded.started_at,
            due_at = excluded.due_at, ended_at = excluded.ended_at, elapsed_s = excluded.elapsed_s,
            budget_s = excluded.budget_s, void_reason = excluded.void_reason, told = excluded.told,
            told_due_at = excluded.told_due_at, breached = excluded.breached, warned = excluded.warned,
            next_at = excluded.next_at, version = excluded.version
    ), rings as (
        select * from unnest($37::text[], $38::uuid[], $39::timestamptz[], $40::timestamptz[])
            as u(workspace, ticket, due_at, next_at)
    ), ringing as (
        insert into timers(workspace, ticket, kind, due_at, run_at)
        select workspace, ticket, 'sla', next_at, next_at from rings where next_at is not null
        on conflict (workspace, ticket, kind, name) do update set due_at = excluded.due_at, run_at = excluded.run_at
        where timers.due_at <> excluded.due_at
    ), silent as (
        delete from timers t using rings r where r.next_at is null and t.workspace = r.workspace
            and t.ticket = r.ticket and t.kind = 'sla'
    )
    update tickets t set due_at = r.due_at from rings r
    where t.workspace = r.workspace and t.id = r.ticket and t.due_at is distinct from r.due_at
"""


@dataclass(frozen=True, slots=True)
class Written:
    """The documents of terms, as they were."""

    policy: str | None
    policy_version: int | None
    calendar: str | None
    calendar_version: int | None
    documents: Mapping[str, Any]
    """`policy` and `calendar`, each where there is one."""


@dataclass(frozen=True, slots=True)
class Row:
    """A clock as it is kept."""

    name: str
    kind: Kind
    cycle: int
    terms: UUID
    outcome: Outcome
    started_at: datetime
    due_at: datetime | None
    ended_at: datetime | None
    elapsed_s: int | None
    budget_s: int
    void_reason: str | None
    told: Told
    next_at: datetime | None

    @staticmethod
    def of(clock: Clock, outcome: Outcome, told: Told, next_at: datetime | None) -> "Row":
        """Of a clock as it was worked out."""
        return Row(
            clock.name, clock.kind, clock.cycle, clock.terms.id or UUID(int=0), outcome, clock.started_at,
            clock.due_at, clock.ended_at,
            clock.elapsed_s, clock.budget_s, clock.void_reason, told, next_at,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rings:
    """When a ticket is due, and when it is looked at next."""

    key: Key
    due_at: datetime | None
    next_at: datetime | None


async def evidence(tx: asyncpg.Connection, keys: Sequence[Key]) -> dict[Key, list[Evidence]]:
    """What is known of these tickets."""
    found: dict[Key, list[Evidence]] = {}
    for workspace, ticket, *one in await tx.fetch(_EVIDENCE, *_keys(keys)) if keys else ():
        found.setdefault((workspace, ticket), []).append(Evidence(*one))
    return found


async def of_tickets(tx: asyncpg.Connection, keys: Sequence[Key]) -> dict[Key, dict[str, Row]]:
    """The clocks of these tickets by name, in the order they began."""
    found: dict[Key, dict[str, Row]] = {}
    for row in await tx.fetch(_CLOCKS, *_keys(keys)) if keys else ():
        found.setdefault((row["workspace"], row["ticket"]), {})[row["name"]] = _of_row(row)
    return found


def _of_row(row: asyncpg.Record) -> Row:
    told = Told(row["told"], row["told_due_at"], row["breached"], row["warned"], row["version"])
    facts = dict(row)
    plain = {name: facts[name] for name in Row.__dataclass_fields__ if name != "told"}
    return Row(**plain, told=told)


async def terms(tx: asyncpg.Connection, ids: Iterable[Key]) -> dict[Key, Written]:
    """Terms that were written."""
    rows = await tx.fetch(_TERMS, *_keys(sorted(ids)))
    return {
        (row["workspace"], row["id"]): Written(
            row["policy"],
            row["policy_version"],
            row["calendar"],
            row["calendar_version"],
            orjson.loads(row["documents"]),
        )
        for row in rows
    }


async def of_cycles(
    tx: asyncpg.Connection, cycles: Sequence[tuple[str, UUID, int]]
) -> dict[tuple[str, UUID, int], UUID]:
    """The terms under which these cycles began, where that is known."""
    rows = await tx.fetch(_BEGAN, *(list(column) for column in zip(*cycles, strict=True)))
    return {(workspace, ticket, cycle): terms for workspace, ticket, cycle, terms in rows}


async def write(
    tx: asyncpg.Connection,
    under: Mapping[Key, Written],
    known: Sequence[tuple[Key, Evidence]],
    rows: Sequence[tuple[Key, Row]],
    rings: Sequence[Rings],
) -> None:
    """Keep what is known, the clocks and their timers, and when each ticket is due."""
    of_terms = [(*key, *_written(one)) for key, one in under.items()]
    of_known = [(*key, e.at, e.what, e.id, e.version, e.cycle, e.word, e.subject, e.terms) for key, e in known]
    of_rows = [
        (*key, r.name, r.kind, r.cycle, r.terms, r.outcome, r.started_at, r.due_at, r.ended_at, r.elapsed_s,
         r.budget_s, r.void_reason, r.told.outcome, r.told.due_at, r.told.breached, r.told.warned, r.next_at,
         r.told.version)
        for key, r in rows
    ]  # fmt: skip
    of_rings = [(*one.key, one.due_at, one.next_at) for one in rings]
    columns = [*_columns(of_terms, 7), *_columns(of_known, 10), *_columns(of_rows, 19), *_columns(of_rings, 4)]
    await tx.execute(_WRITE, *columns)


def _written(one: Written) -> tuple[Any, ...]:
    documents = orjson.dumps(one.documents).decode()
    return one.policy, one.policy_version, one.calendar, one.calendar_version, documents


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]


def _keys(keys: Sequence[Key]) -> tuple[list[str], list[UUID]]:
    return [key[0] for key in keys], [key[1] for key in keys]

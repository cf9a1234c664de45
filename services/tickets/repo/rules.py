"""What rules did, and what they must know of a ticket before they do anything."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

Key = tuple[str, UUID]
TEXT_MAX = 20_000
"""Characters of a message that rules read."""

_SAID = """
    select u.workspace, u.ticket, newest.body, newest.automatic is not null as automatic,
        (select max(m.accepted_at) from messages m where m.workspace = u.workspace and m.ticket = u.ticket
            and m.author = 'customer' and m.automatic is null and m.copy_of is null) as customer_at,
        (select max(m.accepted_at) from messages m where m.workspace = u.workspace and m.ticket = u.ticket
            and m.author = 'agent' and not m.note) as desk_at,
        (select count(*) from messages m where m.workspace = u.workspace and m.ticket = u.ticket
            and m.author = 'rule' and not m.note and m.accepted_at > clock_timestamp() - $3::interval) as answers
    from unnest($1::text[], $2::uuid[]) as u(workspace, ticket)
    left join lateral (
        select left(m.body, $4) as body, m.automatic from messages m
        where m.workspace = u.workspace and m.ticket = u.ticket and m.author = 'customer' and m.copy_of is null
        order by m.accepted_at desc, m.version desc limit 1
    ) as newest on true
"""
_RAN = """
    select l.workspace, l.ticket, l.chain, array_agg(distinct l.rule) as rules
    from rules_log l join unnest($1::text[], $2::uuid[], $3::uuid[]) as u(workspace, ticket, chain)
        using (workspace, ticket, chain)
    where l.outcome = 'acted' group by l.workspace, l.ticket, l.chain
"""
_DONE = """
    select l.workspace, l.rule, l.event from rules_log l
    join unnest($1::text[], $2::text[], $3::uuid[]) as u(workspace, rule, event) using (workspace, rule, event)
"""
_LOG = """
    insert into rules_log(workspace, rule, event, ticket, chain, rule_version, trigger, outcome, reason, actions)
    select * from unnest($1::text[], $2::text[], $3::uuid[], $4::uuid[], $5::uuid[], $6::int[], $7::text[], $8::text[],
        $9::text[], $10::jsonb[])
    on conflict do nothing
"""
_PAGE = """
    select rule, event, ticket, chain, rule_version, trigger, outcome, reason, actions::text, at from rules_log
    where workspace = $1 and rule = $2 and (at, event) < ($3, $4)
        and ($5::text[] = '{}' or exists (
            select from tickets t where t.workspace = $1 and t.id = rules_log.ticket and t.shop = any($5)))
    order by at desc, event desc limit $6
"""
_FORGET = """
    delete from rules_log where (workspace, rule, event) in (
        select workspace, rule, event from rules_log where at < clock_timestamp() - $1::interval order by at limit $2)
"""
_NAMES = """
    select u.workspace, u.ticket, p.name, (
        select i.value from identities i where i.workspace = t.workspace and i.person = t.person and i.kind = 'email'
        order by i.verified desc, i.value limit 1) as email
    from unnest($1::text[], $2::uuid[]) as u(workspace, ticket)
    join tickets t on t.workspace = u.workspace and t.id = u.ticket
    join persons p on p.workspace = t.workspace and p.id = t.person
"""

_PAST = """
    select t.workspace, t.id, t.active_at from tickets t
    where t.workspace = $1 and t.active_at >= $2 and (t.active_at, t.id) < ($3, $4)
        and ($5::text[] = '{}' or t.shop = any($5))
    order by t.active_at desc, t.id desc limit $6
"""
_HISTORY = """
    select u.ticket, a.record from unnest($1::uuid[]) as u(ticket)
    cross join lateral (
        select number, record from audit where key = convert_to(u.ticket::text, 'UTF8') order by number desc limit $2
    ) as a order by u.ticket, a.number
"""
_WORDS = """
    select u.ticket, m.accepted_at, m.author, m.automatic is not null as automatic, m.note, left(m.body, $4) as body
    from unnest($2::uuid[]) as u(ticket)
    cross join lateral (
        select accepted_at, author, automatic, note, body from messages
        where workspace = $1 and ticket = u.ticket and copy_of is null order by accepted_at desc, version desc limit $3
    ) as m order by u.ticket, m.accepted_at
"""


@dataclass(frozen=True, slots=True)
class Said:
    """What was said on a ticket, as rules ask about it."""

    text: str = ""
    automatic: bool = False
    customer_at: datetime | None = None
    desk_at: datetime | None = None
    answers: int = 0
    """Answers by rules within the last day."""


@dataclass(frozen=True, slots=True)
class Run:
    """One rule and one event, and what became of it."""

    workspace: str
    rule: str
    event: UUID
    ticket: UUID
    chain: UUID
    rule_version: int
    trigger: str
    outcome: str
    """acted, unchanged (all was so already), refused (nothing could be done) or stopped (a loop)."""
    reason: str | None
    actions: list[dict[str, Any]]


async def said(tx: asyncpg.Connection, tickets: Sequence[Key], within: timedelta) -> dict[Key, Said]:
    """The newest customer's message of each ticket, who wrote last, and how often rules have answered."""
    if not tickets:
        return {}
    rows = await tx.fetch(_SAID, [key[0] for key in tickets], [key[1] for key in tickets], within, TEXT_MAX)
    return {
        (row["workspace"], row["ticket"]): Said(
            row["body"] or "", bool(row["automatic"]), row["customer_at"], row["desk_at"], row["answers"]
        )
        for row in rows
    }


async def ran(
    tx: asyncpg.Connection, chains: Sequence[tuple[str, UUID, UUID]]
) -> dict[tuple[str, UUID, UUID], frozenset[str]]:
    """The rules that have acted on each ticket in each chain of causes."""
    if not chains:
        return {}
    rows = await tx.fetch(_RAN, *(list(column) for column in zip(*chains, strict=True)))
    return {(row["workspace"], row["ticket"], row["chain"]): frozenset(row["rules"]) for row in rows}


async def done(tx: asyncpg.Connection, asked: Sequence[tuple[str, str, UUID]]) -> set[tuple[str, str, UUID]]:
    """Which of these (workspace, rule, event) stand in the log: a rule runs once for an event."""
    if not asked:
        return set()
    rows = await tx.fetch(_DONE, *(list(column) for column in zip(*asked, strict=True)))
    return {(row["workspace"], row["rule"], row["event"]) for row in rows}


async def log(tx: asyncpg.Connection, runs: Sequence[Run]) -> None:
    """Keep what rules did."""
    if runs:
        rows = [
            (r.workspace, r.rule, r.event, r.ticket, r.chain, r.rule_version, r.trigger, r.outcome, r.reason,
             json.dumps(r.actions))
            for r in runs
        ]  # fmt: skip
        await tx.execute(_LOG, *(list(column) for column in zip(*rows, strict=True)))


async def page(
    connection: asyncpg.Connection,
    workspace: str,
    rule: str,
    *,
    shops: Sequence[str],
    before: tuple[datetime, UUID],
    most: int,
) -> Sequence[asyncpg.Record]:
    """What a rule did, newest first, on tickets of these shops; all where none is named."""
    return await connection.fetch(_PAGE, workspace, rule, *before, list(shops), most)


async def forget(tx: asyncpg.Connection, after: timedelta, most: int) -> int:
    """Delete what is older; gives how many rows went."""
    return int((await tx.execute(_FORGET, after, most)).split()[-1])


async def names(tx: asyncpg.Connection, tickets: Sequence[Key]) -> dict[Key, tuple[str | None, str | None]]:
    """Name and address of the person of each ticket."""
    rows = await tx.fetch(_NAMES, [key[0] for key in tickets], [key[1] for key in tickets]) if tickets else []
    return {(row["workspace"], row["ticket"]): (row["name"], row["email"]) for row in rows}


async def past(
    connection: asyncpg.Connection,
    workspace: str,
    *,
    since: datetime,
    shops: Sequence[str],
    before: tuple[datetime, UUID],
    most: int,
) -> Sequence[asyncpg.Record]:
    """Tickets that were active since then, the latest first."""
    return await connection.fetch(_PAST, workspace, since, *before, list(shops), most)


async def history(connection: asyncpg.Connection, tickets: Sequence[UUID], most: int) -> dict[UUID, list[bytes]]:
    """The newest events of each ticket as they were told, oldest first."""
    found: dict[UUID, list[bytes]] = {}
    for row in await connection.fetch(_HISTORY, tickets, most):
        found.setdefault(row["ticket"], []).append(row["record"])
    return found


async def words(
    connection: asyncpg.Connection, workspace: str, tickets: Sequence[UUID], most: int
) -> dict[UUID, list[tuple[datetime, str, bool, bool, str]]]:
    """The newest messages of each ticket, oldest first: when, by whom, by a machine, a note, and the words."""
    found: dict[UUID, list[tuple[datetime, str, bool, bool, str]]] = {}
    for row in await connection.fetch(_WORDS, workspace, tickets, most, TEXT_MAX):
        ticket, *said = row.values()
        found.setdefault(ticket, []).append(tuple(said))
    return found

"""Why: what happened to each ticket after it was enqueued, and who is not asked again for a while."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

import asyncpg
import orjson

Outcome = Literal[
    "waiting",
    "offered",
    "assigned",
    "declined",
    "expired",
    "recalled",
    "requeued",
    "withdrawn",
    "closed",
    "finished",
]
"""`recalled`: an offer taken back; `requeued`: from a holder; `withdrawn` and `closed` end an enqueue that nobody was
given; `finished`: the holder is done."""

_INSERT = """
    insert into decisions(workspace, ticket, version, enqueue, outcome, at, agent, offer, reason, mode,
                          candidates, refusals, load, capacity)
    select workspace, ticket, version, enqueue, outcome, at, agent, offer, reason, mode,
           candidates::jsonb, refusals::jsonb, load, capacity
    from unnest($1::decision_row[])
"""
_OF_TICKET = """
    select version, enqueue, outcome, at, agent, offer, reason, mode, candidates, refusals, load, capacity
    from decisions where workspace = $1 and ticket = $2 order by id desc limit $3
"""
_OVER = """
    select distinct on (offer) offer, outcome, agent from decisions
    where workspace = $1 and offer = any($2::uuid[]) and offer is not null and outcome <> 'offered'
    order by offer, id desc
"""
_EXCLUDE = """
    insert into exclusions(workspace, ticket, agent, until)
    select * from unnest($1::text[], $2::uuid[], $3::text[], $4::timestamptz[])
    on conflict (workspace, ticket, agent) do update set until = greatest(exclusions.until, excluded.until)
"""
_EXCLUDED = "select ticket, agent, until from exclusions where workspace = $1 and until > $2 order by ticket, agent"
_FORGET = "delete from exclusions where until <= clock_timestamp() - interval '1 hour'"


class Decision(NamedTuple):
    """One row, in the order of the type decision_row; `candidates` and `refusals` are JSON."""

    workspace: str
    ticket: UUID
    version: int
    enqueue: int
    outcome: Outcome
    at: datetime
    reason: str
    agent: str | None = None
    offer: UUID | None = None
    mode: str | None = None
    candidates: str | None = None
    refusals: str | None = None
    load: int | None = None
    capacity: int | None = None


@dataclass(frozen=True, slots=True)
class Exclusion:
    """An agent is not asked for a ticket until then."""

    workspace: str
    ticket: UUID
    agent: str
    until: datetime


@dataclass(frozen=True, slots=True)
class OverOffer:
    """An offer that was answered, lapsed or was taken back."""

    offer: UUID
    agent: str
    outcome: str


async def insert(tx: asyncpg.Connection, decisions: Sequence[Decision]) -> None:
    """Keep decisions."""
    if decisions:
        await tx.execute(_INSERT, decisions)


async def of_ticket(connection: asyncpg.Connection, workspace: str, ticket: UUID, limit: int) -> list[dict[str, Any]]:
    """A ticket's decisions, newest first, with candidates and refusals as plain values."""
    rows = [dict(row) for row in await connection.fetch(_OF_TICKET, workspace, ticket, limit)]
    for row in rows:
        row["candidates"] = orjson.loads(row["candidates"] or "[]")
        row["refusals"] = orjson.loads(row["refusals"] or "{}")
    return rows


async def over_offers(tx: asyncpg.Connection, workspace: str, offers: Sequence[UUID]) -> dict[UUID, OverOffer]:
    """Those of the offers that have ended."""
    rows = await tx.fetch(_OVER, workspace, offers)
    return {row["offer"]: OverOffer(row["offer"], row["agent"], row["outcome"]) for row in rows}


async def exclude(tx: asyncpg.Connection, exclusions: Sequence[Exclusion]) -> None:
    """Keep exclusions; the later end counts."""
    last = {(e.workspace, e.ticket, e.agent): e for e in sorted(exclusions, key=lambda e: e.until)}
    if last:
        rows = list(last.values())
        await tx.execute(
            _EXCLUDE,
            [e.workspace for e in rows],
            [e.ticket for e in rows],
            [e.agent for e in rows],
            [e.until for e in rows],
        )


async def excluded(tx: asyncpg.Connection, workspace: str, now: datetime) -> dict[UUID, list[Exclusion]]:
    """Exclusions in force, by ticket."""
    found: dict[UUID, list[Exclusion]] = {}
    for ticket, agent, until in await tx.fetch(_EXCLUDED, workspace, now):
        found.setdefault(ticket, []).append(Exclusion(workspace, ticket, agent, until))
    return found


async def forget_exclusions(connection: asyncpg.Connection) -> None:
    """Delete what lapsed an hour ago."""
    await connection.execute(_FORGET)

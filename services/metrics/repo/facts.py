"""Facts are written here: inserted once each, whatever comes twice changes nothing, in whatever order it comes."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from types import NoneType
from typing import get_args, get_type_hints
from uuid import UUID

import asyncpg

from services.metrics.domain.facts import FACTS, DeliveryFact, Fact, PresenceFact, ReplyFact, RoutingFact, TicketFact

TABLES: dict[type[Fact], str] = {
    TicketFact: "ticket_facts",
    ReplyFact: "replies",
    RoutingFact: "routing_facts",
    PresenceFact: "presences",
    DeliveryFact: "deliveries",
}
NEWEST = "tickets"
"""How each ticket stands, made of ticket_facts."""
VIEWS = ("cycles", "standing_replies", "first_replies")

_TYPES = {str: "text", UUID: "uuid", int: "bigint", bool: "boolean", datetime: "timestamptz"}


def _insert(fact: type[Fact]) -> str:
    types = get_type_hints(fact)
    columns = [field.name for field in fields(fact)]
    arrays = ", ".join(f"${n}::{_column_type(types[name])}[]" for n, name in enumerate(columns, 1))
    return f"insert into {TABLES[fact]}({', '.join(columns)}) select * from unnest({arrays}) on conflict do nothing"


def _column_type(annotation: object) -> str:
    (given,) = [one for one in get_args(annotation) or (annotation,) if one is not NoneType]
    return _TYPES[given]


_INSERTS = {fact: _insert(fact) for fact in FACTS}
_COLUMNS = {fact: tuple(field.name for field in fields(fact)) for fact in FACTS}
_STAND = """
    insert into tickets as t (workspace, ticket, version, event, at, shop, channel, state, cycle, cycle_started_at)
    select distinct on (workspace, ticket) *
    from unnest($1::text[], $2::uuid[], $3::int[], $4::uuid[], $5::timestamptz[], $6::text[], $7::text[], $8::text[],
        $9::int[], $10::timestamptz[])
        as u(workspace, ticket, version, event, at, shop, channel, state, cycle, cycle_started_at)
    order by workspace, ticket, version desc, at desc, event desc
    on conflict (workspace, ticket) do update set version = excluded.version, event = excluded.event,
        at = excluded.at, shop = excluded.shop, channel = excluded.channel, state = excluded.state,
        cycle = excluded.cycle, cycle_started_at = excluded.cycle_started_at
    where (excluded.version, excluded.at, excluded.event) > (t.version, t.at, t.event)
"""
_STANDING = (
    "workspace", "ticket", "version", "event", "at", "shop", "channel", "state", "cycle", "cycle_started_at",
)  # fmt: skip


async def insert(tx: asyncpg.Connection, batch: Sequence[Fact]) -> None:
    """Insert each fact that is not there, and let each ticket stand as its newest fact says."""
    for fact, sql in _INSERTS.items():
        rows = [one for one in batch if isinstance(one, fact)]
        if rows:
            await tx.execute(sql, *_arrays(rows, _COLUMNS[fact]))
    about = [one for one in batch if isinstance(one, TicketFact)]
    if about:
        await tx.execute(_STAND, *_arrays(about, _STANDING))


def _arrays(rows: Sequence[Fact], columns: Sequence[str]) -> list[list[object]]:
    return [[getattr(row, name) for row in rows] for name in columns]

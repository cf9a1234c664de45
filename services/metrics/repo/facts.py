"""Facts are written here: inserted once each, whatever comes twice changes nothing, in whatever order it comes."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from types import NoneType
from typing import get_args, get_type_hints
from uuid import UUID

import asyncpg

from services.metrics.domain.facts import (
    FACTS,
    ClockFact,
    DeliveryFact,
    Fact,
    PresenceFact,
    ReplyFact,
    RoutingFact,
    TicketFact,
)
from services.metrics.repo.standing import work_out

TABLES: dict[type[Fact], str] = {
    TicketFact: "ticket_facts",
    ReplyFact: "replies",
    RoutingFact: "routing_facts",
    PresenceFact: "presences",
    DeliveryFact: "deliveries",
    ClockFact: "clock_facts",
}

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


async def insert(tx: asyncpg.Connection, batch: Sequence[Fact]) -> None:
    """Insert each fact that is not there, and let what it is about stand as it says."""
    for fact, sql in _INSERTS.items():
        rows = [one for one in batch if isinstance(one, fact)]
        if rows:
            await tx.execute(sql, *_arrays(rows, _COLUMNS[fact]))
    await work_out(tx, batch)


def _arrays(rows: Sequence[Fact], columns: Sequence[str]) -> list[list[object]]:
    return [[getattr(row, name) for row in rows] for name in columns]

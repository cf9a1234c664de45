"""Agents' words that a conversation's customer is who he says."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from services.tickets.repo.answers import Key

_PUT = """
    insert into overrides(workspace, ticket, by, reason) values ($1, $2, $3, $4)
    on conflict (workspace, ticket) do update set by = excluded.by, reason = excluded.reason, at = clock_timestamp()
"""
_ONE = "select by, reason, at from overrides where workspace = $1 and ticket = $2"


@dataclass(frozen=True, slots=True)
class Override:
    """Who said so, why, and when."""

    by: str
    reason: str
    at: datetime


async def put(tx: asyncpg.Connection, key: Key, by: str, reason: str) -> None:
    """Keep an agent's word; the newest counts."""
    await tx.execute(_PUT, *key, by, reason)


async def one(connection: asyncpg.Connection, key: Key) -> Override | None:
    """What an agent said of the ticket."""
    row = await connection.fetchrow(_ONE, *key)
    return Override(*row.values()) if row is not None else None

"""Customers' messages that move from one ticket to another."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from services.tickets.domain.splitting import Said
from services.tickets.repo.answers import Key

_SAID = """
    select id, person, channel, account, subject, accepted_at, automatic is not null as automatic from messages
    where workspace = $1 and ticket = $2 and author = 'customer' and copy_of is null
    order by accepted_at, id for update
"""
_AUTHORS = "select distinct person from messages where workspace = $1 and ticket = $2 and id = any($3::uuid[])"
_MOVE = """
    update messages m set ticket = $3, split_from = $2, version = u.version, did = u.did
    from unnest($4::uuid[]) with ordinality as n(id, version)
    cross join lateral (select n.version::int as version, case n.version when 1 then 'opened' else 'added' end as did) u
    where m.workspace = $1 and m.ticket = $2 and m.id = n.id
"""
_COPIES = """
    update messages set ticket = $3, split_from = $2
    where workspace = $1 and ticket = $2 and copy_of = any($4::uuid[])
"""


async def said(tx: asyncpg.Connection, key: Key) -> list[Said]:
    """What customers said on a ticket, locked."""
    return [Said(*row.values()) for row in await tx.fetch(_SAID, *key)]


async def authors(tx: asyncpg.Connection, key: Key, messages: Sequence[UUID]) -> list[UUID]:
    """Who wrote these, each as his own person."""
    return [row["person"] for row in await tx.fetch(_AUTHORS, *key, list(messages))]


async def move(tx: asyncpg.Connection, key: Key, to: UUID, messages: Sequence[UUID]) -> None:
    """Messages in their order, with their further copies; they count the new ticket's versions from 1."""
    await tx.execute(_MOVE, *key, to, list(messages))
    await tx.execute(_COPIES, *key, to, list(messages))

"""What stands beside a conversation: the person's tickets in numbers, and the orders they name."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from shared.identity import Identity

_COUNTS = """
    select state, count(*) as count from tickets
    where workspace = $1 and person = $2 and merged_into is null and ($3::text[] = '{}' or shop = any($3))
    group by state
"""
_ORDERS = """
    select order_name as number, array_agg(id order by active_at desc, id desc) as tickets from tickets
    where workspace = $1 and person = $2 and order_name is not null and ($3::text[] = '{}' or shop = any($3))
    group by order_name order by max(active_at) desc, order_name limit $4
"""


async def counts(connection: asyncpg.Connection, who: Identity, person: UUID) -> dict[str, int]:
    """How many of his tickets are in which state; what was merged into another one is not counted."""
    rows = await connection.fetch(_COUNTS, who.workspace, person, list(who.shops))
    return {row["state"]: row["count"] for row in rows}


async def orders(connection: asyncpg.Connection, who: Identity, person: UUID, most: int) -> Sequence[asyncpg.Record]:
    """Orders that his tickets name, with those tickets, the newest first."""
    return await connection.fetch(_ORDERS, who.workspace, person, list(who.shops), most)

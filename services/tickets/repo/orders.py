"""Copies of orders: written as sets, the newest version wins."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

_PUT = """
    insert into orders(workspace, id, shop, number, version, placed_at, fulfilment, cut_off_at)
    select * from unnest(
        $1::text[], $2::uuid[], $3::text[], $4::text[], $5::int[], $6::timestamptz[], $7::text[], $8::timestamptz[])
    on conflict (workspace, id) do update set
        shop = excluded.shop, number = excluded.number, version = excluded.version, placed_at = excluded.placed_at,
        fulfilment = excluded.fulfilment, cut_off_at = excluded.cut_off_at
    where orders.version < excluded.version
"""
_NAMED = """
    select o.workspace, o.id, o.shop, o.number, o.version, o.placed_at, o.fulfilment, o.cut_off_at
    from orders o join unnest($1::text[], $2::text[]) as u(workspace, number)
        on o.workspace = u.workspace and o.number = u.number
    order by o.workspace, o.number, o.placed_at desc
"""

Named = tuple[str, str]
"""Workspace and number."""


@dataclass(frozen=True, slots=True)
class Order:
    """What tickets know of an order."""

    workspace: str
    id: UUID
    shop: str | None
    number: str
    version: int
    placed_at: datetime
    fulfilment: str
    cut_off_at: datetime | None


async def put(tx: asyncpg.Connection, orders: Collection[Order]) -> None:
    """Keep these states where nothing newer is kept; no more than one of each order."""
    rows = sorted(orders, key=lambda order: (order.workspace, order.id))
    if rows:
        await tx.execute(_PUT, *([getattr(row, name) for row in rows] for name in Order.__slots__))


async def named(tx: asyncpg.Connection, numbers: Sequence[Named]) -> dict[Named, list[Order]]:
    """The orders that have these numbers, in whatever shop; the newest first."""
    found: dict[Named, list[Order]] = {}
    if numbers:
        for row in await tx.fetch(_NAMED, [one[0] for one in numbers], [one[1] for one in numbers]):
            order = Order(**dict(row))
            found.setdefault((order.workspace, order.number), []).append(order)
    return found

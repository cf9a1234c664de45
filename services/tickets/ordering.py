"""Tickets keep a copy of each order's state, so that a change of one that has not left is due before it leaves."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from services.tickets.repo import orders
from services.tickets.repo.orders import Order
from shared.contracts.envelope import Event
from shared.contracts.order_events import OrderEvent


async def take_in(tx: asyncpg.Connection, batch: Sequence[Event[OrderEvent]]) -> None:
    """Keep the newest state of each order; what is older than what is kept changes nothing."""
    newest: dict[tuple[str, UUID], Order] = {}
    for event in batch:
        order = _copied(event)
        known = newest.get((order.workspace, order.id))
        if known is None or known.version < order.version:
            newest[order.workspace, order.id] = order
    await orders.put(tx, newest.values())


def _copied(event: Event[OrderEvent]) -> Order:
    said = event.data
    return Order(
        workspace=event.workspace,
        id=said.order,
        shop=event.shop,
        number=said.number,
        version=event.version or 0,
        placed_at=said.placed_at,
        fulfilment=said.fulfilment,
        cut_off_at=said.cut_off_at,
    )

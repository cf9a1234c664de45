"""Events in: customers' messages and routing's decisions, each batch in one transaction."""

from collections.abc import Sequence
from typing import Any

import asyncpg

from services.tickets import facts
from services.tickets.domain.assignment import copy_routing
from services.tickets.inbound import take_in
from services.tickets.repo import early, messages, tickets
from services.tickets.repo.early import Early
from services.tickets.repo.messages import Happening
from shared.bus import Context, Handler
from shared.contracts.envelope import Event
from shared.contracts.inbound_messages import MessageReceived
from shared.contracts.routing_events import RoutingEvent


async def on_inbound(tx: asyncpg.Connection, batch: Sequence[Event[MessageReceived]], ctx: Context) -> None:
    """Put each customer message on its ticket."""
    await take_in(tx, batch, ctx)


async def on_routing(tx: asyncpg.Connection, batch: Sequence[Event[RoutingEvent]], ctx: Context) -> None:
    """Copy who holds each ticket; tell it, and why."""
    keys = sorted({(event.workspace, event.data.ticket) for event in batch})
    known = {(ticket.workspace, ticket.id): ticket for ticket in await tickets.by_id(tx, keys)}
    if len(known) < len(keys):
        await early.meet(tx, opening=False)
        missing = [key for key in keys if key not in known]
        known |= {(ticket.workspace, ticket.id): ticket for ticket in await tickets.by_id(tx, missing)}
    changed: dict[Any, None] = {}
    lines: list[Happening] = []
    ahead: dict[Any, Early] = {}
    for event in batch:
        key, version = (event.workspace, event.data.ticket), event.version or 0
        if key not in known:
            ahead[key] = Early(event.workspace, version, event.data)
            continue
        copied = copy_routing(known[key], event.data, version, event.time)
        if copied is None:
            continue
        known[key] = copied.ticket
        changed[key] = None
        if copied.assigned:
            told = facts.assigned(copied.ticket, event.data.reason)
            ctx.emit(told, cause=event, version=copied.ticket.version, shop=copied.ticket.shop)
            lines.append(_line(copied.ticket, event))
    await tickets.update(tx, [known[key] for key in sorted(changed)])
    await messages.happened(tx, lines)
    await early.keep(tx, list(ahead.values()))


def _line(ticket: Any, event: Event[RoutingEvent]) -> Happening:
    what = "assigned" if ticket.assignee is not None else "released"
    detail = {"agent": ticket.assignee, "reason": event.data.reason}
    return Happening(ticket.workspace, ticket.id, ticket.version, what, detail, event.time)


HANDLERS: dict[str, Handler] = {
    MessageReceived.TOPIC: on_inbound,
    RoutingEvent.TOPIC: on_routing,
}

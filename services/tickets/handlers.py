"""Events in: customers' messages and routing's decisions, each batch in one transaction."""

from collections.abc import Sequence

import asyncpg

from services.tickets import automating, deliveries, erasure, ordering, relearning
from services.tickets.following import follow
from services.tickets.inbound import take_in
from services.tickets.repo import early, messages, tickets
from services.tickets.repo.messages import Happening
from services.tickets.rulebook import heeded
from shared.bus import Context, Handler
from shared.bus.interest import asked, hears_itself
from shared.contracts.delivery_events import DeliveryChanged
from shared.contracts.envelope import Event
from shared.contracts.inbound_messages import MessageReceived
from shared.contracts.order_events import OrderEvent
from shared.contracts.outbound_commands import SendMessage
from shared.contracts.privacy_events import PrivacyEvent
from shared.contracts.routing_events import RoutingEvent
from shared.contracts.ticket_events import TicketEvent


async def on_inbound(tx: asyncpg.Connection, batch: Sequence[Event[MessageReceived]], ctx: Context) -> None:
    """Put each customer message on its ticket."""
    await take_in(tx, batch, ctx)


async def on_routing(tx: asyncpg.Connection, batch: Sequence[Event[RoutingEvent]], ctx: Context) -> None:
    """Copy who holds each ticket; tell it, and why. What is about tickets that are not here yet waits for them."""
    keys = sorted({(event.workspace, event.data.ticket) for event in batch})
    known = {(ticket.workspace, ticket.id): ticket for ticket in await tickets.by_id(tx, keys)}
    changed: set[tuple[str, object]] = set()
    lines: list[Happening] = []
    ahead: list[Event[RoutingEvent]] = []
    for event in batch:
        key = (event.workspace, event.data.ticket)
        if key not in known:
            ahead.append(event)
            continue
        followed = follow(ctx, known[key], event, lines)
        if followed is not None:
            known[key] = followed
            changed.add(key)
    await tickets.update(tx, [known[key] for key in known if key in changed])
    await messages.happened(tx, lines)
    await early.keep(tx, ahead)


async def on_delivery(tx: asyncpg.Connection, batch: Sequence[Event[DeliveryChanged]], ctx: Context) -> None:
    """Say how far answers have come, and when a human reply counts."""
    await deliveries.take_in(tx, batch, ctx)


async def on_command(tx: asyncpg.Connection, batch: Sequence[Event[SendMessage]], ctx: Context) -> None:
    """Learn again what a restored database has forgotten; in normal life that is nothing."""
    await relearning.take_in(tx, batch, ctx)


async def on_order(tx: asyncpg.Connection, batch: Sequence[Event[OrderEvent]], ctx: Context) -> None:
    """Keep a copy of orders' states."""
    await ordering.take_in(tx, batch)


@hears_itself
async def on_privacy(tx: asyncpg.Connection, batch: Sequence[Event[PrivacyEvent]], ctx: Context) -> None:
    """Forget people, and note which services have."""
    await erasure.take_in(tx, batch, ctx)


@hears_itself
@asked(heeded)
async def on_ticket(tx: asyncpg.Connection, batch: Sequence[Event[TicketEvent]], ctx: Context) -> None:
    """Run the rules that wait for what happened."""
    await automating.take_in(tx, batch, ctx)


HANDLERS: dict[str, Handler] = {
    MessageReceived.TOPIC: on_inbound,
    RoutingEvent.TOPIC: on_routing,
    DeliveryChanged.TOPIC: on_delivery,
    OrderEvent.TOPIC: on_order,
    PrivacyEvent.TOPIC: on_privacy,
    SendMessage.TOPIC: on_command,
    TicketEvent.TOPIC: on_ticket,
}

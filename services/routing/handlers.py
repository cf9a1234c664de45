"""What routing does with each record: tickets' events move the queue, its own events teach it after a restore."""

from collections.abc import Sequence
from functools import partial

import asyncpg

from services.routing import seating
from services.routing.changes import Changes
from services.routing.domain.lifecycle import release
from services.routing.domain.observe import observe, teach
from services.routing.domain.ticket import Ticket
from services.routing.live import LIVE
from services.routing.opening import open_workspaces
from services.routing.repo import agents, tickets, workspaces
from shared.bus import Context, Handler, reads
from shared.contracts.envelope import Event
from shared.contracts.routing_events import RoutingEvent, TicketEnqueued
from shared.contracts.ticket_events import (
    MessageAdded,
    MessageCounted,
    StateChanged,
    TicketChanged,
    TicketEvent,
    TicketOpened,
    TicketReopened,
)


@reads(TicketOpened, TicketReopened, MessageAdded, StateChanged, TicketChanged, MessageCounted)
async def on_ticket_events(tx: asyncpg.Connection, batch: Sequence[Event[TicketEvent]], ctx: Context) -> None:
    """Enqueue what is opened or reopened, end what is over, and let work of the customer's turn weigh nothing."""
    opened = await open_workspaces(tx, ctx, [event.workspace for event in batch])
    known = await tickets.read(tx, [(event.workspace, event.data.ticket) for event in batch])
    changes = Changes(ctx, opened.now, known)
    returned: list[Ticket] = []
    for event in batch:
        before = changes.get(event.workspace, event.data.ticket)
        observed = observe(before, event)
        for step in observed.steps:
            if isinstance(step.event, TicketEnqueued):
                changes.enqueue(step)
            else:
                changes.step(step, cause=event)
        if observed.changed and not observed.steps:
            changes.keep(observed.ticket)
        if observed.ticket.returned and not (before and before.returned):
            returned.append(observed.ticket)
    await _requeue_from_absent(tx, changes, returned)
    _after_commit(ctx, await changes.save(tx))
    if not changes.moved_load:
        for workspace in opened.workspaces.values():
            ctx.after_commit(partial(seating.untouched, workspace))


async def _requeue_from_absent(tx: asyncpg.Connection, changes: Changes, returned: Sequence[Ticket]) -> None:
    """A customer answered a holder who is offline past grace: the ticket waits again at once."""
    holders = {(ticket.workspace, ticket.agent) for ticket in returned if ticket.agent is not None}
    absent = await agents.gone(tx, sorted(holders))
    for candidate in returned:
        ticket = changes.get(candidate.workspace, candidate.id)
        if ticket and ticket.place == "held" and ticket.live and (ticket.workspace, ticket.agent) in absent:
            changes.step(release(ticket, "agent-offline"))


async def on_routing_events(tx: asyncpg.Connection, batch: Sequence[Event[RoutingEvent]], ctx: Context) -> None:
    """Take over what routing said and this database does not know; in normal life that is nothing."""
    if not await tickets.any_newer(tx, [(e.workspace, e.data.ticket, e.version or 0) for e in batch]):
        return
    names = sorted({event.workspace for event in batch})
    moment = await workspaces.lock(tx, names)
    known = await tickets.read(tx, [(event.workspace, event.data.ticket) for event in batch])
    changes = Changes(ctx, moment.now, known)
    holders: set[tuple[str, str]] = set()
    for event in batch:
        before = changes.get(event.workspace, event.data.ticket)
        weight = LIVE.desk(event.workspace).needs.weight(before.channel if before else "")
        taught = teach(before, event, default_weight=weight)
        if taught is None:
            continue
        changes.keep(taught)
        if taught.agent is not None:
            holders.add((event.workspace, taught.agent))
        was_held = before is not None and before.place == "held"
        changes.record(event.workspace, event.data, taught.version, was_held=was_held)
    await agents.expect(tx, sorted(holders))
    _after_commit(ctx, await changes.save(tx))


def _after_commit(ctx: Context, dirty: set[str]) -> None:
    if dirty:
        ctx.after_commit(lambda: LIVE.wake(dirty))


HANDLERS: dict[str, Handler] = {
    "ticket-events": on_ticket_events,
    "routing-events": on_routing_events,
}

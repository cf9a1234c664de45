"""Tickets merged and parted: both changed by the rules, told, on both timelines, and kept so that it can be undone."""

from dataclasses import dataclass
from uuid import UUID

import asyncpg

from services.tickets.acting import Act, Actor, keep
from services.tickets.domain import merging as rules
from services.tickets.domain.editing import Edit, Edited
from services.tickets.domain.merging import NotMerged, Part
from services.tickets.domain.ticket import Ticket
from services.tickets.repo import merges, tickets
from shared.bus import Context
from shared.errors import MayPass, NotFound


@dataclass(frozen=True, slots=True)
class Pair:
    """Both tickets after it."""

    one: Ticket
    into: Ticket


async def merge(
    tx: asyncpg.Connection,
    ctx: Context,
    actor: Actor,
    place: tuple[str, UUID, UUID],
    *,
    across_persons: bool,
    reason: str,
) -> Pair:
    """Put one ticket into another, as (workspace, one, into); what comes for it goes there from now on."""
    workspace, one, into = place
    known = await locked(tx, actor, workspace, one, into)
    parts = await _part(tx, known[one]), await _part(tx, known[into])
    done = rules.merge(*parts, ctx.now, across_persons=across_persons)
    await keep(tx, ctx, [_act(actor, done.one, reason, "merged"), _act(actor, done.into, reason, "merged")])
    await merges.keep(tx, workspace, done.merge, done.into.ticket.version, actor.name)
    if known[one].own != known[into].own:
        await merges.take_part(tx, workspace, into, [known[one].own])
    return Pair(done.one.ticket, done.into.ticket)


async def undo(tx: asyncpg.Connection, ctx: Context, actor: Actor, workspace: str, one: UUID) -> Pair:
    """Part a ticket from the one that it was merged into."""
    went = await merges.went(tx, workspace, one)
    both = {
        t.id: t for t in await tickets.by_id(tx, sorted((workspace, id_) for id_ in (one, went) if id_ is not None))
    }
    if one not in both or not actor.sees(both[one]):
        raise NotFound(f"there is no ticket {one}")
    found = both[one]
    if found.merged_into is None:
        raise NotMerged(found)
    if found.merged_into not in both:
        raise MayPass("the ticket was merged elsewhere at the same moment; try again")
    into = await _part(tx, both[found.merged_into])
    left, gave = rules.undo(found, into, ctx.now)
    await keep(tx, ctx, [_act(actor, left, "unmerged", "unmerged"), _act(actor, gave, "unmerged", "unmerged")])
    await merges.forget(tx, workspace, one)
    if found.own != into.ticket.own:
        await merges.part(tx, workspace, into.ticket.id, found.own)
    return Pair(left.ticket, gave.ticket)


async def locked(tx: asyncpg.Connection, actor: Actor, workspace: str, *wanted: UUID) -> dict[UUID, Ticket]:
    """These tickets, locked in order. Raises NotFound where one is not there, or not for the actor."""
    found = {ticket.id: ticket for ticket in await tickets.by_id(tx, [(workspace, id_) for id_ in sorted(set(wanted))])}
    for id_ in wanted:
        if id_ not in found or not actor.sees(found[id_]):
            raise NotFound(f"there is no ticket {id_}")
    return found


async def _part(tx: asyncpg.Connection, ticket: Ticket) -> Part:
    standing = await merges.standing(tx, ticket.workspace, ticket.id)
    since = await merges.waits_since(tx, ticket.workspace, ticket.id)
    touched = bool(standing) and await merges.touched(tx, ticket.workspace, ticket.id)
    return Part(ticket, since, standing, untouched=not touched)


def _act(actor: Actor, edited: Edited, reason: str, moved: str) -> tuple[Act, Edited]:
    """Fields are changed for the actor's reason; the state moves because of the merge."""
    before = edited.before
    return Act(actor, before.workspace, before.id, Edit(), moved if edited.moved else reason), edited

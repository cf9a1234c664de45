"""Persons merged, and merges undone: the pointer, their tickets' requester, and what `contacts` says of both."""

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

import asyncpg

from services.tickets import contacts
from services.tickets.acting import Act, Actor, keep
from services.tickets.domain import people as rules
from services.tickets.domain.editing import Edit, Edited
from services.tickets.domain.people import Side
from services.tickets.domain.ticket import Ticket
from services.tickets.repo import field_changes, persons, suggestions
from shared.bus import Context
from shared.errors import Conflict, NotFound

MOST_TICKETS = 2000
"""Of one who is merged: more are a machine's, and would hold everybody up."""


class TooManyTickets(Conflict):
    """The merge would change more tickets than one transaction should."""

    def __init__(self, person: UUID) -> None:
        super().__init__(
            f"person {person} began more than {MOST_TICKETS} tickets; merge the other way round, or not at all",
            reason="too_many_tickets",
        )


async def merge(tx: asyncpg.Connection, ctx: Context, actor: Actor, workspace: str, one: UUID, into: UUID) -> None:
    """One person lives on in another; both keep what is theirs, so that it can be undone."""
    before = await persons.groups(tx, workspace, [one, into])
    _require(before, one, into)
    after = rules.merge(before, one, into, ctx.now)
    await _change(tx, ctx, actor, workspace, before, after, "merged")
    await suggestions.accept(tx, workspace, set(after), actor.name)


async def part(tx: asyncpg.Connection, ctx: Context, actor: Actor, workspace: str, one: UUID) -> None:
    """Undo the merge of a person; his tickets go with him, those too that came in over his identities since."""
    before = await persons.groups(tx, workspace, [one])
    _require(before, one)
    await _change(tx, ctx, actor, workspace, before, rules.part(before, one, ctx.now), "unmerged")


def _require(known: Mapping[UUID, Side], *wanted: UUID) -> None:
    for id_ in wanted:
        if id_ not in known:
            raise NotFound(f"there is no person {id_}")


async def _change(
    tx: asyncpg.Connection,
    ctx: Context,
    actor: Actor,
    workspace: str,
    before: Mapping[UUID, Side],
    after: Mapping[UUID, Side],
    reason: str,
) -> None:
    were, are = rules.roots(before), rules.roots(after)
    moving = {side for side in after if were[side] != are[side]}
    found = await persons.tickets_of(tx, workspace, moving, MOST_TICKETS + 1)
    if len(found) > MOST_TICKETS:
        raise TooManyTickets(min(moving))
    await persons.point(tx, workspace, after)
    await keep(tx, ctx, [_moved(actor, ticket, are[ticket.own], reason) for ticket in found])
    pointed = {side for side in after if before[side] != after[side]}
    told = pointed | {tops[side] for side in pointed for tops in (were, are)}
    versions = await contacts.tell_now(tx, ctx, [(workspace, id_) for id_ in told], actor=actor.name)
    for side in sorted(pointed):
        await field_changes.note(tx, workspace, side, versions[workspace, side], ["merged_into"], actor.name)


def _moved(actor: Actor, ticket: Ticket, person: UUID, reason: str) -> tuple[Act, Edited]:
    own = ticket.own
    after = replace(ticket, person=person, side=own if own != person else None, version=ticket.version + 1)
    changes = {"person": (ticket.person, person)}
    return Act(actor, ticket.workspace, ticket.id, Edit(), reason), Edited(ticket, after, after, changes)

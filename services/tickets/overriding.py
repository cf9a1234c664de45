"""An agent treats a customer as verified on his own word: told, on the timeline and in the audit (definitions.md)."""

from dataclasses import replace

import asyncpg

from services.tickets.acting import Act, Actor, keep
from services.tickets.domain.editing import ClosedToChanges, Edit, Edited
from services.tickets.domain.ticket import Ticket
from services.tickets.merging import locked
from services.tickets.repo import overrides
from services.tickets.repo.answers import Key
from shared.bus import Context


async def override(tx: asyncpg.Connection, ctx: Context, actor: Actor, key: Key, reason: str) -> Ticket:
    """Keep the agent's word; the reason stays in its row, where erasing finds it."""
    ticket = (await locked(tx, actor, *key))[key[1]]
    if ticket.state == "closed":
        raise ClosedToChanges(ticket, "customer")
    by = actor.agent or actor.name
    after = replace(ticket, version=ticket.version + 1)
    edited = Edited(ticket, after, after, {"verified_override": (None, by)})
    await keep(tx, ctx, [(Act(actor, *key, Edit(), "agent"), edited)])
    await overrides.put(tx, key, by, reason)
    return after

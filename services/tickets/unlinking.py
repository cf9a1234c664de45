"""An identity that was somebody else's all along: a person of its own, with the tickets that came in over it."""

from dataclasses import replace
from uuid import UUID

import asyncpg

from services.tickets import contacts
from services.tickets.acting import Act, Actor, keep
from services.tickets.domain.editing import Edit, Edited
from services.tickets.domain.people import root
from services.tickets.domain.ticket import Ticket
from services.tickets.repo import field_changes, persons, unlinking, verifications
from services.tickets.repo.verifications import Contact
from services.tickets.uniting import MOST_TICKETS, TooManyTickets
from shared.bus import Context
from shared.errors import Conflict, NotFound
from shared.ids import new_id


class LastIdentity(Conflict):
    """A person without an identity is nobody."""

    def __init__(self, side: UUID) -> None:
        super().__init__(
            f"this is the only identity that is person {side}'s own; undo his merge, or leave it",
            reason="last_identity",
        )


async def unlink(
    tx: asyncpg.Connection, ctx: Context, actor: Actor, workspace: str, person: UUID, contact: Contact
) -> tuple[UUID, int]:
    """Take an identity from a person; gives whose it is now, and that one's version."""
    group = await persons.groups(tx, workspace, [person])
    held = await verifications.holder(tx, workspace, contact)
    if held is None or held.side not in group or root(group, held.side) != person:
        raise NotFound(f"person {person} has no such {contact[0]}")
    if not await unlinking.others(tx, workspace, held.side, contact):
        raise LastIdentity(held.side)
    on = await unlinking.wrote_on(tx, workspace, held.side)
    if len(on) > MOST_TICKETS:
        raise TooManyTickets(person)
    moving = await unlinking.began(tx, workspace, on, held.side, contact)
    new = new_id()
    await unlinking.give(tx, workspace, on, [ticket.id for ticket in moving], (held.side, new, contact))
    await keep(tx, ctx, [_moved(actor, ticket, new) for ticket in moving])
    await unlinking.guests(tx, workspace, on, (held.side, new))
    versions = await contacts.tell_now(tx, ctx, [(workspace, person), (workspace, new)], actor=actor.name)
    for one in (person, new):
        await field_changes.note(tx, workspace, one, versions[workspace, one], ["identities"], actor.name)
    return new, versions[workspace, new]


def _moved(actor: Actor, ticket: Ticket, person: UUID) -> tuple[Act, Edited]:
    after = replace(ticket, person=person, side=None, version=ticket.version + 1)
    changes = {"person": (ticket.person, person)}
    return Act(actor, ticket.workspace, ticket.id, Edit(), "unlinked"), Edited(ticket, after, after, changes)

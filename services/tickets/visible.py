"""What is the caller's to see: a ticket or a person that is not his is not there."""

from uuid import UUID

import asyncpg

from services.tickets.domain.ticket import Ticket
from services.tickets.repo import reads
from shared.errors import NotFound
from shared.identity import Identity


async def require_ticket(one: asyncpg.Connection, who: Identity, id_: UUID, *, lock: bool = False) -> Ticket:
    """The ticket; raises NotFound where it is not for the caller."""
    ticket = await reads.one(one, who, id_, lock=lock)
    if ticket is None:
        raise NotFound(f"there is no ticket {id_}")
    return ticket


async def require_person(one: asyncpg.Connection, who: Identity, person: UUID) -> None:
    """Raises NotFound where the person is not for the caller."""
    if not await reads.sees(one, who, person):
        raise NotFound(f"there is no person {person}")

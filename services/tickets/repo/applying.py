"""Open tickets, page by page, for what is done to all of them."""

from uuid import UUID

import asyncpg

from services.tickets.domain.ticket import Ticket
from services.tickets.repo.tickets import SELECT, of_row
from shared.identity import Identity

_OPEN = f"""
    {SELECT} where t.workspace = $1 and t.id > $2 and t.state in ('new', 'open', 'pending', 'on-hold')
        and ($3::text[] = '{{}}' or t.shop = any($3))
    order by t.workspace, t.id limit $4
"""
_LOCKED = _OPEN + " for update of t"


async def open_tickets(
    tx: asyncpg.Connection, who: Identity, after: UUID, most: int, *, lock: bool = False
) -> list[Ticket]:
    """Open tickets that the caller may see, by id."""
    sql = _LOCKED if lock else _OPEN
    return [of_row(row) for row in await tx.fetch(sql, who.workspace, after, list(who.shops), most)]

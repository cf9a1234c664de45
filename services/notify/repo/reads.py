"""What people see of the ledger: within their workspace and shops, without content."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from shared.identity import Identity

_SHOWN = """
    message, number, ticket, person, shop, channel, account, state, step, version, attempts, reason, changed_at,
    queued_at, next_at
"""
_MAY = "($2::text[] = '{}' or shop = any($2))"
_PAGE = f"""
    select {_SHOWN} from sends
    where workspace = $1 and {_MAY} and number < $3 order by number desc limit $4
"""
_PAGE_OF_STATE = f"""
    select {_SHOWN} from sends
    where workspace = $1 and {_MAY} and state = $5 and number < $3 order by number desc limit $4
"""
_ONE = f"select {_SHOWN} from sends where workspace = $1 and {_MAY} and message = $3"


async def page(
    connection: asyncpg.Connection, who: Identity, *, state: str | None, before: int, most: int
) -> Sequence[asyncpg.Record]:
    """Rows that the caller may see, newest first."""
    shops = list(who.shops)
    if state is None:
        return await connection.fetch(_PAGE, who.workspace, shops, before, most)
    return await connection.fetch(_PAGE_OF_STATE, who.workspace, shops, before, most, state)


async def one(connection: asyncpg.Connection, who: Identity, message: UUID) -> asyncpg.Record | None:
    """One row that the caller may see."""
    return await connection.fetchrow(_ONE, who.workspace, list(who.shops), message)

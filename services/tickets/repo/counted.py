"""Messages that an agent lets count."""

from uuid import UUID

import asyncpg

from services.tickets.domain.counting import Standing

_FIND = """
    select id, author, automatic, did, accepted_at from messages
    where workspace = $1 and ticket = $2 and id = $3 and copy_of is null and not note for update
"""
_KEEP = "update messages set automatic = null, did = $3 where workspace = $1 and id = $2"


async def find(tx: asyncpg.Connection, ticket: tuple[str, UUID], message: UUID) -> Standing | None:
    """A message of the ticket, locked."""
    row = await tx.fetchrow(_FIND, *ticket, message)
    return Standing(*row.values()) if row else None


async def keep(tx: asyncpg.Connection, workspace: str, message: UUID, did: str) -> None:
    """It is not automatic any more."""
    await tx.execute(_KEEP, workspace, message, did)

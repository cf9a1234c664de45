"""Which fields of a person or an organisation were changed, when and by whom; never what they held."""

from collections.abc import Collection, Sequence
from uuid import UUID

import asyncpg

_NOTE = """
    insert into field_changes(workspace, subject, version, fields, by) values ($1, $2, $3, $4, $5)
    on conflict (workspace, subject, version) do update
        set fields = array(select distinct unnest(field_changes.fields || excluded.fields) order by 1)
"""
_SINCE = """
    select distinct unnest(fields) as field from field_changes where workspace = $1 and subject = $2 and version > $3
"""
_OF = """
    select version, fields, by, at from field_changes where workspace = $1 and subject = $2
    order by version desc limit $3
"""


async def note(
    tx: asyncpg.Connection, workspace: str, subject: UUID, version: int, fields: Collection[str], by: str
) -> None:
    """Keep that these fields were changed at this version."""
    await tx.execute(_NOTE, workspace, subject, version, sorted(fields), by)


async def since(tx: asyncpg.Connection, workspace: str, subject: UUID, version: int) -> frozenset[str]:
    """What was changed after a version."""
    return frozenset(row["field"] for row in await tx.fetch(_SINCE, workspace, subject, version))


async def newest(connection: asyncpg.Connection, workspace: str, subject: UUID, most: int) -> Sequence[asyncpg.Record]:
    """The newest changes."""
    return await connection.fetch(_OF, workspace, subject, most)

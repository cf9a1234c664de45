"""What was said on tickets since their writers looked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

_NEWER = """
    select u.workspace, u.ticket, m.id, m.author, m.written_by, m.accepted_at
    from unnest($1::text[], $2::uuid[], $3::int[], $4::text[]) as u(workspace, ticket, seen, by)
    cross join lateral (
        select id, author, written_by, accepted_at, version from messages
        where workspace = u.workspace and ticket = u.ticket and version > u.seen and not note
            and automatic is null and copy_of is null and (author = 'customer' or written_by is distinct from u.by)
        order by version limit 20
    ) as m
    order by u.workspace, u.ticket, m.version
"""

Key = tuple[str, UUID]


@dataclass(frozen=True, slots=True)
class Newer:
    """Something said on the ticket that the writer had not seen."""

    id: UUID
    author: str
    by: str | None
    at: datetime


async def since(tx: asyncpg.Connection, seen: Sequence[tuple[Key, int, str | None]]) -> dict[Key, list[Newer]]:
    """What customers and colleagues said on each ticket after the version that its writer has seen."""
    if not seen:
        return {}
    columns = [(key[0], key[1], version, by) for key, version, by in seen]
    found: dict[Key, list[Newer]] = {}
    for row in await tx.fetch(_NEWER, *(list(column) for column in zip(*columns, strict=True))):
        workspace, ticket, *said = row.values()
        found.setdefault((workspace, ticket), []).append(Newer(*said))
    return found

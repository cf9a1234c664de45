"""Persons as people edit and merge them: whole groups, locked in order, before any ticket is."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.tickets.domain.people import Side, root, sides
from services.tickets.domain.ticket import Ticket
from services.tickets.repo.tickets import SELECT, of_row
from shared.errors import MayPass

_ROOTS = "select distinct coalesce(root, id) as root from persons where workspace = $1 and id = any($2::uuid[])"
_GROUPS = """
    select id, merged_into, merged_at, erased from persons
    where workspace = $1 and (id = any($2::uuid[]) or root = any($2::uuid[]))
    order by id for update
"""
_POINT = """
    update persons p set merged_into = u.merged_into, merged_at = u.merged_at, root = u.root
    from unnest($2::uuid[], $3::uuid[], $4::timestamptz[], $5::uuid[]) as u(id, merged_into, merged_at, root)
    where p.workspace = $1 and p.id = u.id
"""
_TICKETS = f"""
    {SELECT} join (
        select id from tickets where workspace = $1 and side is null and person = any($2::uuid[])
        union all
        select id from tickets where workspace = $1 and side = any($2::uuid[])
        limit $3
    ) as k using (id)
    where t.workspace = $1 order by t.id for update of t
"""
_ONE = """
    select id, version, name, language, spoken, zone, preference, tags, notes, organisation, created_at, merged_into,
        merged_at, erased
    from persons where workspace = $1 and id = $2
"""
_MERGED = """
    select id, name, coalesce(language, spoken) as language, tags, notes, merged_into, merged_at from persons
    where workspace = $1 and root = $2 order by merged_at, id
"""
_EDIT = """
    update persons set name = $3, language = $4, zone = $5, preference = $6, tags = $7, notes = $8, organisation = $9
    where workspace = $1 and id = $2
"""
_IDENTITIES = """
    select i.kind, i.scope, i.value, i.verified, i.person from persons s
    join identities i on i.workspace = s.workspace and i.person = s.id
    where s.workspace = $1 and (s.id = $2 or s.root = $2) order by i.kind, i.scope, i.value
"""
_FIELDS = ("name", "language", "zone", "preference", "tags", "notes", "organisation")


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known of a person besides how to reach him; what agents may change is the first seven."""

    name: str | None
    language: str | None
    zone: str | None
    preference: str | None
    tags: tuple[str, ...]
    notes: str | None
    organisation: UUID | None
    id: UUID
    version: int
    spoken: str | None
    """What his last clear text was in."""
    created_at: datetime
    merged_into: UUID | None
    merged_at: datetime | None
    erased: bool


async def groups(tx: asyncpg.Connection, workspace: str, people: Sequence[UUID]) -> dict[UUID, Side]:
    """Everybody who is one person with one of these, locked; raises MayPass where they were merged meanwhile."""
    tops = [row["root"] for row in await tx.fetch(_ROOTS, workspace, people)]
    known = sides(Side(*row.values()) for row in await tx.fetch(_GROUPS, workspace, tops))
    if any(side.merged_into is not None and side.merged_into not in known for side in known.values()) or not (
        {root(known, side) for side in known} <= set(tops)
    ):
        raise MayPass("somebody merged these persons at the same moment; try again")
    return known


async def point(tx: asyncpg.Connection, workspace: str, known: Mapping[UUID, Side]) -> None:
    """Write who was merged into whom."""
    rows = [known[id_] for id_ in sorted(known)]
    tops = [top if (top := root(known, side.id)) != side.id else None for side in rows]
    await tx.execute(
        _POINT, workspace, [s.id for s in rows], [s.merged_into for s in rows], [s.merged_at for s in rows], tops
    )


async def tickets_of(tx: asyncpg.Connection, workspace: str, own: Collection[UUID], most: int) -> list[Ticket]:
    """Tickets that these sides began, locked."""
    return [of_row(row) for row in await tx.fetch(_TICKETS, workspace, sorted(own), most)]


async def one(connection: asyncpg.Connection, workspace: str, person: UUID, *, lock: bool = False) -> Profile | None:
    """A person's own profile."""
    row = await connection.fetchrow(_ONE + (" for update" if lock else ""), workspace, person)
    if row is None:
        return None
    facts: dict[str, Any] = dict(row)
    return Profile(**facts | {"tags": tuple(facts["tags"])})


async def merged(connection: asyncpg.Connection, workspace: str, person: UUID) -> Sequence[asyncpg.Record]:
    """Who was merged into the person, each with what was known of him."""
    return await connection.fetch(_MERGED, workspace, person)


async def identities(connection: asyncpg.Connection, workspace: str, person: UUID) -> Sequence[asyncpg.Record]:
    """How the person is reached, through all who were merged into him; `person` is whose own each is."""
    return await connection.fetch(_IDENTITIES, workspace, person)


async def edit(tx: asyncpg.Connection, workspace: str, after: Profile) -> None:
    """Write what agents may change; the row is locked by whoever read it."""
    await tx.execute(_EDIT, workspace, after.id, *(getattr(after, name) for name in _FIELDS))

"""The audit: records as they were told, sealed in chains, one chain for each workspace."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

_UNSEALED = "select number, record from audit where seal is null order by number limit $1"
_LAST = """
    select distinct on (s.workspace) s.workspace, s.number, s.hash from seals s
    join unnest($1::text[]) as u(workspace) using (workspace) order by s.workspace, s.number desc
"""
_SEAL = """
    insert into seals(workspace, number, rows, hash)
    select * from unnest($1::text[], $2::int[], $3::int[], $4::bytea[])
"""
_SEALED = """
    update audit set workspace = u.workspace, seal = u.seal
    from unnest($1::bigint[], $2::text[], $3::int[]) as u(number, workspace, seal) where audit.number = u.number
"""
_SEALS = "select workspace, number, rows, hash from seals order by workspace, number"
_ROWS = """
    select workspace, seal, record from audit where seal is not null order by workspace, seal, number
"""
_OF_TICKET = """
    select number, record, seal from audit where key = $1 and number > $2 order by number limit $3
"""


@dataclass(frozen=True, slots=True)
class Seal:
    """The end of a chain: the next seal holds its hash."""

    workspace: str
    number: int
    rows: int
    hash: bytes


async def alone(tx: asyncpg.Connection) -> bool:
    """Take the sealers' lock until the commit; False where another replica has it."""
    return bool(await tx.fetchval("select pg_try_advisory_xact_lock(hashtext('audit'), 3)"))


async def unsealed(tx: asyncpg.Connection, most: int) -> Sequence[tuple[int, bytes]]:
    """Number and record of rows that no seal holds, the oldest first."""
    return [(row["number"], row["record"]) for row in await tx.fetch(_UNSEALED, most)]


async def last(tx: asyncpg.Connection, workspaces: Sequence[str]) -> dict[str, Seal]:
    """The newest seal of each workspace that has one."""
    rows = await tx.fetch(_LAST, workspaces)
    return {row["workspace"]: Seal(row["workspace"], row["number"], 0, row["hash"]) for row in rows}


async def seal(tx: asyncpg.Connection, seals: Sequence[Seal], held: Mapping[int, Seal]) -> None:
    """Write seals, and on each row by its number the seal that holds it."""
    await tx.execute(
        _SEAL,
        [one.workspace for one in seals],
        [one.number for one in seals],
        [one.rows for one in seals],
        [one.hash for one in seals],
    )
    await tx.execute(
        _SEALED, list(held), [one.workspace for one in held.values()], [one.number for one in held.values()]
    )


async def seals(connection: asyncpg.Connection) -> list[Seal]:
    """All seals, each chain in its order."""
    return [Seal(*row.values()) for row in await connection.fetch(_SEALS)]


async def held(connection: asyncpg.Connection) -> AsyncIterator[tuple[str, int, list[bytes]]]:
    """Workspace and number of each seal that rows name, with their records; read as a stream."""
    place: tuple[str, int] | None = None
    records: list[bytes] = []
    async with connection.transaction(readonly=True):
        async for row in connection.cursor(_ROWS, prefetch=1000):
            if place is not None and place != (row["workspace"], row["seal"]):
                yield *place, records
                records = []
            place = (row["workspace"], row["seal"])
            records.append(row["record"])
    if place is not None:
        yield *place, records


async def of_ticket(connection: asyncpg.Connection, ticket: UUID, after: int, most: int) -> Sequence[asyncpg.Record]:
    """Number, record and seal of what was told of a ticket, the oldest first."""
    return await connection.fetch(_OF_TICKET, str(ticket).encode(), after, most)

"""The inbox: each record's id enters once, so that its effects happen once; ids behind a parked key stay out."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

_ADD = "insert into inbox(grp, id) select $1, unnest($2::uuid[]) on conflict do nothing returning id"
_ADD_UNLESS_PARKED = """
    with waiting as materialized (
        select key from parked where grp = $1 and topic = $2 and key = any($3::bytea[]) order by key for update
    ), fresh as (
        insert into inbox(grp, id) select $1, id from unnest($4::uuid[]) as id where not exists (select from waiting)
        on conflict do nothing returning id
    )
    select key, null::uuid as id from waiting union all select null, id from fresh
"""


async def enter(
    tx: asyncpg.Connection, grp: str, topic: str, keys: Sequence[bytes], ids: Sequence[UUID]
) -> tuple[set[bytes], set[UUID]]:
    """Which of the keys are parked, and, where none is, which ids are new; `ids` come sorted, so that nobody waits in a
    ring. The parked rows stay locked: nobody drains them meanwhile.
    """
    if not keys:
        rows = await tx.fetch(_ADD, grp, ids) if ids else []
        return set(), {row["id"] for row in rows}
    rows = await tx.fetch(_ADD_UNLESS_PARKED, grp, topic, keys, ids)
    return {row["key"] for row in rows if row["id"] is None}, {row["id"] for row in rows if row["id"] is not None}

"""Echoes' rows: a message that came in, and yet is the desk's."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from services.tickets.repo.answers import Sent

_SIGN = """
    update messages m set author = 'agent', written_by = u.written_by, cycle = u.cycle,
        cycle_started_at = u.cycle_started_at, delivery = u.delivery, delivery_version = u.version,
        delivery_at = u.at, replied_at = u.replied_at
    from unnest($1::text[], $2::uuid[], $3::text[], $4::int[], $5::timestamptz[], $6::text[], $7::int[],
        $8::timestamptz[], $9::timestamptz[])
        as u(workspace, id, written_by, cycle, cycle_started_at, delivery, version, at, replied_at)
    where m.workspace = u.workspace and m.id = u.id
"""
_HEARD = """
    select m.workspace, m.ticket, max(coalesce(m.provider_time, m.accepted_at)) as heard_at
    from messages m join unnest($1::text[], $2::uuid[]) as u(workspace, ticket) using (workspace, ticket)
    where m.author = 'customer' and m.automatic is null and m.copy_of is null group by m.workspace, m.ticket
"""


async def sign(tx: asyncpg.Connection, rows: Sequence[Sent]) -> None:
    """These messages are an agent's answers, and the provider has them."""
    columns = [
        (r.workspace, r.id, r.by, r.cycle, r.cycle_started_at, r.delivery, r.version, r.at, r.replied_at) for r in rows
    ]
    if columns:
        await tx.execute(_SIGN, *(list(column) for column in zip(*columns, strict=True)))


async def heard(tx: asyncpg.Connection, keys: Sequence[tuple[str, UUID]]) -> dict[tuple[str, UUID], datetime]:
    """When the newest message of a customer on each of these tickets was written."""
    rows = await tx.fetch(_HEARD, [key[0] for key in keys], [key[1] for key in keys])
    return {(row["workspace"], row["ticket"]): row["heard_at"] for row in rows}

"""What a customer may read of a ticket: public messages that came through, in their order."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

MOST = 2_000
"""Messages of one transcript, the newest."""

_PUBLIC = f"""
    with recursive tree as (
        select t.id, t.person from tickets t where t.workspace = $1 and t.id = $2
        union all
        select t.id, t.person from tree join tickets t on t.workspace = $1 and t.merged_into = tree.id
            and t.person = tree.person
    )
    select * from (
        select m.id::text, 'message' as what, m.author, m.person, m.body, m.attachments::text, m.accepted_at as at,
            m.version, p.name
        from tree join messages m on m.workspace = $1 and m.ticket = tree.id
        left join persons p on p.workspace = m.workspace and p.id = m.person
        where m.copy_of is null and not m.note
            and m.delivery is distinct from 'failed'
            and coalesce(m.automatic, '') not in ('bounce', 'delivery-report', 'bulk', 'transcript', 'verification')
        order by m.accepted_at desc, m.version desc limit {MOST}
    ) as newest order by at, version
"""


async def public(connection: asyncpg.Connection, workspace: str, ticket: UUID) -> Sequence[asyncpg.Record]:
    """The messages, oldest first, with those on the same person's tickets that were merged into this one."""
    return await connection.fetch(_PUBLIC, workspace, ticket)


async def language(connection: asyncpg.Connection, workspace: str, person: UUID) -> str | None:
    """What the person chose, else what his last clear text was in."""
    found: str | None = await connection.fetchval(
        "select coalesce(language, spoken) from persons where workspace = $1 and id = $2", workspace, person
    )
    return found

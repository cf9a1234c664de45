"""When people were last heard on accounts whose channels let answers go only for a time after that."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from services.tickets.domain.joining import THANKS
from services.tickets.repo.messages import Kept

_HEAR = """
    insert into heard as h (workspace, person, channel, account, at)
    select * from unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[])
    on conflict (workspace, person, channel, account) do update set at = greatest(h.at, excluded.at)
"""
_LAST = """
    with recursive tree as (
        select t.id, t.person from tickets t where t.workspace = $1 and t.id = $2
        union all
        select t.id, t.person from tree join tickets t on t.workspace = $1 and t.merged_into = tree.id
            and t.person = tree.person
    )
    select m.channel, m.account, h.at from tree cross join lateral (
        select * from messages m where m.workspace = $1 and m.ticket = tree.id and m.sender_value is not null
        order by m.automatic is not null, m.accepted_at desc, m.version desc limit 1
    ) as m
    join heard h on h.workspace = m.workspace and h.person = m.person and h.channel = m.channel
        and h.account = m.account
    order by m.automatic is not null, m.accepted_at desc, m.version desc limit 1
"""


async def hear(tx: asyncpg.Connection, kept: Sequence[Kept]) -> None:
    """Keep when these were accepted; echoes and what nobody wrote are passed over."""
    newest: dict[tuple[str, UUID, str, str], datetime] = {}
    for one in kept:
        said = one.event.data
        if not said.echo and said.automatic in (None, THANKS):
            key = (one.event.workspace, one.person, said.channel, said.account)
            newest[key] = max(newest.get(key, said.accepted_at), said.accepted_at)
    rows = [(*key, newest[key]) for key in sorted(newest)]
    if rows:
        await tx.execute(_HEAR, *(list(column) for column in zip(*rows, strict=True)))


async def last(connection: asyncpg.Connection, workspace: str, ticket: UUID) -> tuple[str, str, datetime] | None:
    """Channel and account that an answer on the ticket would leave on, and when its recipient was heard there."""
    row = await connection.fetchrow(_LAST, workspace, ticket)
    return (row["channel"], row["account"], row["at"]) if row else None

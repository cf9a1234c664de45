"""Words on all messages to a customer that were sent up to a moment: which they are, and those recorded later.

Kept under the same lock as early receipts (`receipts.py`), so that a send which is recorded meanwhile is not missed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from services.notify.repo.receipts import NAMELESS, Kept
from services.notify.repo.sends import Key
from shared.contracts.inbound_receipts import Receipt

_REACHED = """
    select u.place, s.workspace, s.message
    from unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[])
        as u(place, workspace, channel, account, conversation, state, through)
    join sends s on s.workspace = u.workspace and s.channel = u.channel and s.account = u.account
        and s.conversation = u.conversation and s.state in ('sent', 'delivered') and s.state <> u.state
    where coalesce(s.tried_at, s.queued_at) <= u.through
"""
_KEEP = """
    insert into watermarks as w (workspace, channel, account, conversation, state, through, at, id, trace)
    select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[],
                         $7::timestamptz[], $8::uuid[], $9::text[])
    on conflict (workspace, channel, account, conversation, state) do update set
        through = excluded.through, at = excluded.at, id = excluded.id, trace = excluded.trace, kept_at = now()
    where excluded.through > w.through
"""
_PASSED = """
    select s.workspace, s.message, w.state, w.id, w.at, w.trace
    from unnest($1::text[], $2::uuid[]) as u(workspace, message)
    join sends s on s.workspace = u.workspace and s.message = u.message and s.state in ('sent', 'delivered')
    join watermarks w on w.workspace = s.workspace and w.channel = s.channel and w.account = s.account
        and w.conversation = s.conversation and w.state <> s.state
    where coalesce(s.tried_at, s.queued_at) <= w.through
    order by w.at, w.id
"""
_FORGET = """
    delete from watermarks where (workspace, channel, account, conversation, state) in (
        select workspace, channel, account, conversation, state from watermarks
        where kept_at < now() - make_interval(days => $1) limit $2 for update skip locked)
"""


@dataclass(frozen=True, slots=True)
class Mark:
    """A word on everything sent in a conversation up to `through`; `conversations` are its names, the newest first."""

    workspace: str
    channel: str
    account: str
    conversations: Sequence[str]
    state: Receipt
    through: datetime
    id: UUID
    at: datetime
    trace: str | None


async def reached(tx: asyncpg.Connection, marks: Sequence[Mark]) -> list[tuple[Mark, Key]]:
    """The recorded sends that these are about and that may be below them."""
    asked = [
        (place, m.workspace, m.channel, m.account, conversation, m.state, m.through)
        for place, m in enumerate(marks)
        for conversation in m.conversations
    ]
    rows = await tx.fetch(_REACHED, *(list(column) for column in zip(*asked, strict=True))) if asked else []
    return [(marks[row["place"]], (row["workspace"], row["message"])) for row in rows]


async def keep(tx: asyncpg.Connection, marks: Sequence[Mark]) -> None:
    """Keep these for what is recorded later. Call `receipts.wait_for_recorders` and `reached` before."""
    newest: dict[tuple[str, ...], Mark] = {}
    for m in sorted(marks, key=lambda mark: mark.through):
        newest[m.workspace, m.channel, m.account, m.conversations[0], m.state] = m
    rows = [(*key, newest[key].through, newest[key].at, newest[key].id, newest[key].trace) for key in sorted(newest)]
    if rows:
        await tx.execute(_KEEP, *(list(column) for column in zip(*rows, strict=True)))


async def passed(tx: asyncpg.Connection, keys: Sequence[Key]) -> list[tuple[Key, Kept]]:
    """What was said of these sends before they were recorded, in order."""
    if not keys:
        return []
    rows = await tx.fetch(_PASSED, [key[0] for key in keys], [key[1] for key in keys])
    return [
        ((row["workspace"], row["message"]), Kept(NAMELESS, row["state"], row["id"], row["at"], None, row["trace"]))
        for row in rows
    ]


async def forget(tx: asyncpg.Connection, *, days: int, most: int) -> None:
    """Delete marks that are too old to be about anything recorded later."""
    await tx.execute(_FORGET, days, most)

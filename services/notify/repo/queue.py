"""The queue within the ledger: which accounts have work, which rows may go now, and whose leases have lapsed."""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from services.notify.domain.send import Send
from services.notify.repo.sends import COLUMNS, read

Account = tuple[str, str, str]
"""Workspace, channel, account."""

_HEADS = """
    with recursive heads as (
        (select workspace, channel, account, next_at from sends
         where step = 'queued' order by workspace, channel, account, next_at limit 1)
        union all
        select n.* from heads h cross join lateral (
            select workspace, channel, account, next_at from sends
            where step = 'queued' and (workspace, channel, account) > (h.workspace, h.channel, h.account)
            order by workspace, channel, account, next_at limit 1
        ) as n
    )
    select workspace, channel, account, extract(epoch from next_at - now())::float8 as due_s from heads
"""
"""One step of the index for each account, however long its queue is."""
_PICK = """
    select p.workspace, p.message from unnest($1::text[], $2::text[], $3::text[], $4::int[])
        as u(workspace, channel, account, room)
    cross join lateral (
        select q.workspace, q.message from sends q
        where (q.workspace, q.channel, q.account) = (u.workspace, u.channel, u.account)
            and q.step = 'queued' and q.next_at <= now()
            and (
                select true from sends o
                where (o.workspace, o.channel, o.account, o.recipient)
                        = (q.workspace, q.channel, q.account, q.recipient)
                    and o.step <> 'done' and o.message <> q.message
                    and (o.step = 'sending' or (o.number < q.number
                        and (o.step = 'queued' or o.hold_until > now())))
                limit 1
            ) is null
        order by q.next_at, q.number limit u.room for update of q skip locked
    ) as p
"""
"""A subquery with a limit and not an anti join: it looks each conversation up, whatever the statistics say."""
_CLAIM = f"""
    update sends s set step = 'sending', claim = gen_random_uuid(), attempts = s.attempts + 1,
        lease_until = now() + make_interval(secs => $3), tried_at = now()
    from unnest($1::text[], $2::uuid[]) as u(workspace, message)
    where s.workspace = u.workspace and s.message = u.message
    returning {COLUMNS}
"""
_LAPSED = f"""
    select {COLUMNS} from sends s where s.step = 'sending' and s.lease_until < now()
    order by s.workspace, s.message limit $1 for update skip locked
"""
_TOO_OLD = f"""
    select {COLUMNS} from sends s
    where s.step = 'queued' and s.queued_at < now() - make_interval(secs => $1) and s.next_at <= now()
    order by s.queued_at limit $2 for update skip locked
"""


@dataclass(frozen=True, slots=True)
class Head:
    """An account with queued rows, and the seconds until the first of them is due (past: negative)."""

    account: Account
    due_s: float


async def heads(tx: asyncpg.Connection) -> list[Head]:
    """The accounts that have queued rows."""
    rows = await tx.fetch(_HEADS)
    return [Head((row["workspace"], row["channel"], row["account"]), row["due_s"]) for row in rows]


async def claim(tx: asyncpg.Connection, rooms: Sequence[tuple[Account, int]], lease_s: float) -> list[Send]:
    """Claim due rows, of each account at most its room, of each conversation only the oldest unfinished.

    The accounts' paces are locked, so no one else claims for them meanwhile, and what this statement sees stays so.
    """
    if not rooms:
        return []
    columns = [[account[place] for account, _ in rooms] for place in range(3)]
    picked = await tx.fetch(_PICK, *columns, [room for _, room in rooms])
    if not picked:
        return []
    rows = await tx.fetch(_CLAIM, [row["workspace"] for row in picked], [row["message"] for row in picked], lease_s)
    return [read(row) for row in rows]


async def lapsed(tx: asyncpg.Connection, most: int) -> list[Send]:
    """Rows whose lease ended without an outcome: whoever held it died, and nobody knows what it did."""
    return [read(row) for row in await tx.fetch(_LAPSED, most)]


async def too_old(tx: asyncpg.Connection, give_up_s: float, most: int) -> list[Send]:
    """Queued rows that nobody could send for too long."""
    return [read(row) for row in await tx.fetch(_TOO_OLD, give_up_s, most)]

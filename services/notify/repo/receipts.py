"""Receipts that come before their send is recorded: they wait here and are applied when it is.

Two transactions may miss each other: one records the provider's id of a send and does not see the receipt that the
other is about to keep, and that one does not see the id. So whoever records sends takes a lock that such transactions
share, and whoever keeps receipts takes it alone, then looks once more. Both take it after all their row locks, so
neither waits in a ring.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from services.notify.repo.sends import Key
from shared.contracts.inbound_receipts import Receipt

RECORDING = "select pg_advisory_xact_lock_shared(hashtext('notify_receipts'), 2)"
"""Whoever records sends shares this lock."""
_KEEPING = "select pg_advisory_xact_lock(hashtext('notify_receipts'), 2)"
_FIND = """
    select u.workspace, u.channel, u.account, u.provider_id, s.message
    from unnest($1::text[], $2::text[], $3::text[], $4::text[]) as u(workspace, channel, account, provider_id)
    join sends s on (s.workspace, s.channel, s.account) = (u.workspace, u.channel, u.account)
        and s.provider_id = u.provider_id
    union
    select u.workspace, u.channel, u.account, u.provider_id, s.message
    from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::uuid[])
        as u(workspace, channel, account, provider_id, message)
    join sends s on s.workspace = u.workspace and s.message = u.message
        and (s.channel, s.account) = (u.channel, u.account)
"""
"""By the provider's id, or by ours where the provider gives ours back."""
_KEEP = """
    insert into receipts(workspace, channel, account, provider_id, state, id, at, reason, trace)
    select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::uuid[], $7::timestamptz[],
                         $8::text[], $9::text[])
    on conflict do nothing
"""
_TAKE = """
    delete from receipts r
    using unnest($1::text[], $2::text[], $3::text[], $4::text[]) as u(workspace, channel, account, provider_id)
    where (r.workspace, r.channel, r.account, r.provider_id) = (u.workspace, u.channel, u.account, u.provider_id)
    returning r.*
"""
_FORGET = """
    delete from receipts where (workspace, channel, account, provider_id, state) in (
        select workspace, channel, account, provider_id, state from receipts
        where kept_at < now() - make_interval(days => $1) limit $2 for update skip locked)
    returning true
"""

Name = tuple[str, str, str, str]
"""Workspace, channel, account, and the provider's id of a message (or ours)."""


NAMELESS: Name = ("", "", "", "")
"""Of a word that names no message, since it is about several."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A provider's word on a message."""

    name: Name
    state: Receipt
    id: UUID
    at: datetime
    reason: str | None
    trace: str | None


async def find(tx: asyncpg.Connection, names: Sequence[Name]) -> dict[Name, Key]:
    """The sends that these names are of, so far as they are recorded."""
    if not names:
        return {}
    rows = await tx.fetch(_FIND, *_columns(names), [_ours(name[3]) for name in names])
    return {tuple(row.values())[:4]: (row["workspace"], row["message"]) for row in rows}


async def keep(tx: asyncpg.Connection, receipts: Sequence[Kept]) -> None:
    """Keep these until their sends are recorded. Call `wait_for_recorders` and `find` before."""
    if receipts:
        rows = [(*r.name, r.state, r.id, r.at, r.reason, r.trace) for r in receipts]
        await tx.execute(_KEEP, *map(list, zip(*rows, strict=True)))


async def wait_for_recorders(tx: asyncpg.Connection) -> None:
    """Until the transaction ends nobody records a send; the last lock to take."""
    await tx.execute(_KEEPING)


async def take(tx: asyncpg.Connection, names: Sequence[Name]) -> list[Kept]:
    """What waited for sends of these names, which this transaction has recorded; the last lock to take."""
    if not names:
        return []
    await tx.execute(RECORDING)
    rows = await tx.fetch(_TAKE, *_columns(names))
    kept = [
        Kept(
            (row["workspace"], row["channel"], row["account"], row["provider_id"]),
            row["state"], row["id"], row["at"], row["reason"], row["trace"],
        )
        for row in rows
    ]  # fmt: skip
    return sorted(kept, key=lambda one: (one.at, one.id))


async def forget(tx: asyncpg.Connection, *, days: int, most: int) -> int:
    """Delete words on messages that were never ours; gives how many."""
    return len(await tx.fetch(_FORGET, days, most))


def _columns(names: Sequence[Name]) -> list[list[str]]:
    return [[name[place] for name in names] for place in range(4)]


def _ours(provider_id: str) -> UUID | None:
    """The id as one of our messages', where it can be one."""
    try:
        return UUID(provider_id)
    except ValueError:
        return None

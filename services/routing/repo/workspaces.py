"""The one lock of a workspace, its dirty mark, and the moment by the database's clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter

import asyncpg

# Positions are those from before the wait for the lock; the time, which is volatile, is that of each row's update.
_LOCK = """
    with locked as materialized (
        select workspace from workspaces where workspace = any($1::text[]) order by workspace for update
    )
    update workspaces w set seq = w.seq + 1 from locked where w.workspace = locked.workspace
    returning w.workspace, w.dirty, w.news, w.due_at, w.seq, clock_timestamp() as now,
        (select array_agg(partition order by partition) from consumed where grp = $2) as partitions,
        (select array_agg(next_offset order by partition) from consumed where grp = $2) as next_offsets
"""
_LOCK_ALONE = """
    with elected as materialized (select pg_try_advisory_xact_lock(hashtext($1), 2) as mine), locked as materialized (
        select workspace from workspaces where workspace = $1 and (select mine from elected) for update
    )
    update workspaces w set seq = w.seq + 1 from locked where w.workspace = locked.workspace
    returning w.workspace, w.dirty, w.news, w.due_at, w.seq, clock_timestamp() as now,
        (select array_agg(partition order by partition) from consumed where grp = $2) as partitions,
        (select array_agg(next_offset order by partition) from consumed where grp = $2) as next_offsets
"""
_ADD = "insert into workspaces(workspace) select unnest($1::text[]) on conflict do nothing"
_MARK = "update workspaces set dirty = true where workspace = any($1::text[]) and not dirty"
_MARK_NEWS = "update workspaces set news = true where workspace = any($1::text[]) and not news and not dirty"
_MATCHED = """
    update workspaces set dirty = dirty and not $3, news = news and not $4, due_at = $2 where workspace = $1
"""
_TO_MATCH = "select workspace from workspaces where dirty or news or due_at <= clock_timestamp()"

OWN_LOG_GROUP = "routing.routing-events"


@dataclass(frozen=True, slots=True)
class Workspace:
    """A locked workspace."""

    id: str
    dirty: bool
    """Room came free, or agents or settings changed: the whole queue is to be matched."""
    news: bool
    """Tickets wait that no match has looked at."""
    due_at: datetime | None
    seq: int
    """Counts the transactions that held the lock, this one included."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The locked workspaces, now by the database's clock, and how far our own log was consumed before, by partition."""

    now: datetime
    workspaces: dict[str, Workspace]
    own_log: dict[int, int]


async def lock(tx: asyncpg.Connection, workspaces: Sequence[str]) -> Opened:
    """Lock the workspaces' rows, in order, waiting for each; unknown ones are made."""
    wanted = sorted(set(workspaces))
    rows = await tx.fetch(_LOCK, wanted, OWN_LOG_GROUP)
    if len(rows) < len(wanted):
        await tx.execute(_ADD, wanted)
        rows = await tx.fetch(_LOCK, wanted, OWN_LOG_GROUP)
    return _opened(rows)


async def lock_alone(tx: asyncpg.Connection, workspace: str) -> Opened | None:
    """Lock one workspace to match it, or None where another replica matches it now, or there is no such workspace.

    The second key is only tried; who has it waits for the row as everybody does (architecture.md §6).
    """
    rows = await tx.fetch(_LOCK_ALONE, workspace, OWN_LOG_GROUP)
    return _opened(rows) if rows else None


def _opened(rows: Sequence[asyncpg.Record]) -> Opened:
    last = max(rows, key=itemgetter("now"))
    return Opened(
        now=last["now"],
        workspaces={
            row["workspace"]: Workspace(row["workspace"], row["dirty"], row["news"], row["due_at"], row["seq"])
            for row in rows
        },
        own_log=dict(zip(last["partitions"] or (), last["next_offsets"] or (), strict=True)),
    )


async def mark_dirty(tx: asyncpg.Connection, workspaces: Sequence[str]) -> None:
    """Something changed that any waiting ticket may use; committed with the change."""
    if workspaces:
        await tx.execute(_MARK, sorted(set(workspaces)))


async def mark_news(tx: asyncpg.Connection, workspaces: Sequence[str]) -> None:
    """Tickets are new to the queue; committed with them."""
    if workspaces:
        await tx.execute(_MARK_NEWS, sorted(set(workspaces)))


async def matched(tx: asyncpg.Connection, workspace: str, *, due_at: datetime | None, whole: bool, head: bool) -> None:
    """A part of the queue, or of what is new in it, is matched and the next match is due then.

    Marks are taken away only by the part that began with the `head`, since what changes while the parts behind it are
    matched asks for another match from the head on; and the mark for the `whole` queue only where that was looked at.
    """
    await tx.execute(_MATCHED, workspace, due_at, whole and head, head)


async def to_match(connection: asyncpg.Connection) -> list[str]:
    """Workspaces that are dirty or due."""
    return [row["workspace"] for row in await connection.fetch(_TO_MATCH)]

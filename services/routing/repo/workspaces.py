"""The one lock of a workspace, its dirty mark, and the moment by the database's clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

_LOCK = """
    with locked as materialized (
        select workspace from workspaces where workspace = any($1::text[]) order by workspace for update
    )
    update workspaces w set seq = w.seq + 1 from locked where w.workspace = locked.workspace
    returning w.workspace, w.dirty, w.news, w.due_at, w.seq
"""
_ADD = "insert into workspaces(workspace) select unnest($1::text[]) on conflict do nothing"
# A statement of its own after the lock: in one with it, time and positions would be those from before the wait.
_MOMENT = """
    select clock_timestamp() as now,
           (select array_agg(partition order by partition) from consumed where grp = $1) as partitions,
           (select array_agg(next_offset order by partition) from consumed where grp = $1) as next_offsets
"""
_MARK = "update workspaces set dirty = true where workspace = any($1::text[]) and not dirty"
_MARK_NEWS = "update workspaces set news = true where workspace = any($1::text[]) and not news and not dirty"
_MATCHED = """
    update workspaces set dirty = dirty and not $3, news = news and not $4, due_at = $2 where workspace = $1
"""
_ELECT = "select pg_try_advisory_xact_lock(hashtext($1), 2)"
_TO_MATCH = "select workspace from workspaces where dirty or news or due_at <= clock_timestamp()"

OWN_LOG_GROUP = "routing.routing-events"


@dataclass(frozen=True, slots=True)
class Moment:
    """Now by the database's clock, read under the lock, and how far our own log is consumed, by partition."""

    now: datetime
    own_log: dict[int, int]


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


async def lock(tx: asyncpg.Connection, workspaces: Sequence[str]) -> dict[str, Workspace]:
    """Lock the workspaces' rows, in order, waiting for each; unknown ones are made."""
    wanted = sorted(set(workspaces))
    rows = await tx.fetch(_LOCK, wanted)
    if len(rows) < len(wanted):
        await tx.execute(_ADD, wanted)
        rows = await tx.fetch(_LOCK, wanted)
    return {
        row["workspace"]: Workspace(row["workspace"], row["dirty"], row["news"], row["due_at"], row["seq"])
        for row in rows
    }


async def moment(tx: asyncpg.Connection) -> Moment:
    """Now, and the positions of our own log."""
    row = await tx.fetchrow(_MOMENT, OWN_LOG_GROUP)
    assert row is not None
    return Moment(row["now"], dict(zip(row["partitions"] or (), row["next_offsets"] or (), strict=True)))


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


async def elect_matcher(tx: asyncpg.Connection, workspace: str) -> bool:
    """Whether this transaction may match the workspace: of several replicas one does it at a time."""
    return bool(await tx.fetchval(_ELECT, workspace))


async def to_match(connection: asyncpg.Connection) -> list[str]:
    """Workspaces that are dirty or due."""
    return [row["workspace"] for row in await connection.fetch(_TO_MATCH)]

"""How every transaction of routing begins: lock, learn the moment, and make sure that the own log is known."""

from collections.abc import Sequence

import asyncpg

from services.routing.live import LIVE
from services.routing.repo import workspaces
from services.routing.repo.workspaces import Opened
from shared.bus import Context

__all__ = ["Opened", "open_to_match", "open_workspaces"]


async def open_workspaces(tx: asyncpg.Connection, ctx: Context, wanted: Sequence[str]) -> Opened:
    """Lock the workspaces in order; raises CatchingUp where the database may have forgotten what routing said."""
    seen = LIVE.own_log.seen()
    return _known(ctx, seen, await workspaces.lock(tx, wanted))


async def open_to_match(tx: asyncpg.Connection, ctx: Context, workspace: str) -> Opened | None:
    """The same for the one workspace that is to be matched; None where another replica does."""
    seen = LIVE.own_log.seen()
    opened = await workspaces.lock_alone(tx, workspace)
    return None if opened is None else _known(ctx, seen, opened)


def _known(ctx: Context, seen: dict[int, int], opened: Opened) -> Opened:
    counted = {workspace.id: workspace.seq for workspace in opened.workspaces.values()}
    LIVE.own_log.require(seen, opened.own_log, counted)
    ctx.after_commit(lambda: LIVE.own_log.remember(counted))
    return opened

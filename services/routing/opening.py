"""How every transaction of routing begins: lock, learn the moment, and make sure that the own log is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from services.routing.live import LIVE
from services.routing.repo import workspaces
from services.routing.repo.workspaces import Workspace
from shared.bus import Context


@dataclass(frozen=True, slots=True)
class Opened:
    """The locked workspaces, and now by the database's clock."""

    now: datetime
    workspaces: dict[str, Workspace]


async def open_workspaces(tx: asyncpg.Connection, ctx: Context, wanted: Sequence[str]) -> Opened:
    """Lock the workspaces in order; raises CatchingUp where the database may have forgotten what routing said."""
    locked = await workspaces.lock(tx, wanted)
    moment = await workspaces.moment(tx)
    counted = {workspace.id: workspace.seq for workspace in locked.values()}
    LIVE.own_log.require(moment.own_log, counted)
    ctx.after_commit(lambda: LIVE.own_log.remember(counted))
    return Opened(moment.now, locked)

"""Agents' presence and load, kept from match to match so that the next one need not read them.

They are those of one transaction of the workspace, told by its count (`Workspace.seq`). Only the next transaction may
go on from them; whoever changes presence or load without saying so here leaves a gap, and the next match reads them.
"""

from collections.abc import Mapping

import asyncpg

from services.routing.domain.floor import Seat
from services.routing.live import LIVE
from services.routing.repo import agents
from services.routing.repo.workspaces import Workspace

_kept: dict[str, tuple[int, int, Mapping[str, Seat]]] = {}
"""By workspace: the transaction's count, how often the own log was lost by then, the seats."""


async def seats(tx: asyncpg.Connection, workspace: Workspace) -> Mapping[str, Seat]:
    """The seats as they are in this transaction."""
    known = _kept.get(workspace.id)
    if known is not None and known[:2] == (workspace.seq - 1, LIVE.own_log.lost):
        return known[2]
    return await agents.seats(tx, workspace.id)


def keep(workspace: Workspace, seats: Mapping[str, Seat]) -> None:
    """The seats after this transaction, once it is committed."""
    _kept[workspace.id] = (workspace.seq, LIVE.own_log.lost, seats)


def untouched(workspace: Workspace) -> None:
    """This transaction, now committed, has changed neither presence nor load."""
    known = _kept.get(workspace.id)
    if known is not None and known[0] == workspace.seq - 1:
        _kept[workspace.id] = (workspace.seq, *known[1:])

"""Tickets solve and close by themselves: pending ones whose customer is silent, solved ones that nobody reopened.

A sweep, and no timers: how long is a setting, and where it is changed all tickets follow at once; what is due is told
by the tickets' own columns, so a restart or a restored database has nothing to catch up with.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from services.tickets.acting import Act, Actor, keep
from services.tickets.domain.editing import Edit, Edited
from services.tickets.domain.ticket import Ticket, close, solve
from services.tickets.repo import tickets
from services.tickets.telling import Because
from shared.bus import SettingsReader
from shared.contracts.settings import Workspace
from shared.contracts.ticket_events import State
from shared.ids import derived_id
from shared.service import Runtime

EVERY_S = 30
AT_ONCE = 200
DEFAULT_DAYS = Workspace.model_fields["auto_close_days"].default


@dataclass(frozen=True, slots=True)
class Sweep:
    """What becomes of tickets that are due; `due` finds and locks them."""

    reason: str
    state: State
    due: Callable[[asyncpg.Connection, str, timedelta, int], Awaitable[list[Ticket]]]
    step: Callable[[Ticket, datetime], Ticket]
    after: Callable[[SettingsReader, str], timedelta | None]


def reopen_for(settings: SettingsReader, workspace: str) -> timedelta:
    """For how long after the solve a reply reopens a ticket."""
    document = settings.get("workspace", workspace, workspace)
    return timedelta(days=document.auto_close_days if isinstance(document, Workspace) else DEFAULT_DAYS)


def solve_after(settings: SettingsReader, workspace: str) -> timedelta | None:
    """How long a customer is waited for; None: for ever."""
    document = settings.get("workspace", workspace, workspace)
    days = document.auto_solve_days if isinstance(document, Workspace) else None
    return timedelta(days=days) if days is not None else None


SWEEPS = (
    Sweep("auto-solve", "solved", tickets.due_to_solve, solve, solve_after),
    Sweep("auto-close", "closed", tickets.due_to_close, close, reopen_for),
)


async def close_by_time(runtime: Runtime) -> None:
    """Look for due tickets for as long as the service runs; several replicas share them."""
    await runtime.settings.wait_ready()
    while True:
        done = 0
        for workspace in runtime.settings.workspaces():
            for sweep in SWEEPS:
                done += await _sweep(runtime, workspace, sweep)
        if done == 0:
            await asyncio.sleep(EVERY_S)


async def _sweep(runtime: Runtime, workspace: str, sweep: Sweep) -> int:
    """Move the workspace's due tickets, at most AT_ONCE; gives how many."""
    after = sweep.after(runtime.settings, workspace)
    if after is None:
        return 0
    async with runtime.work() as (tx, ctx):
        due = await sweep.due(tx, workspace, after, AT_ONCE)
        await keep(tx, ctx, _moved(sweep, due, ctx.now))
    return len(due)


def _moved(sweep: Sweep, due: Sequence[Ticket], now: datetime) -> list[tuple[Act, Edited]]:
    """Each with the id of its event, which is that of the moment since when it was due."""
    actor = Actor(f"timer/{sweep.reason}")
    moved = []
    for ticket in due:
        since = ticket.solved_at or ticket.pending_since
        assert since is not None
        id_ = derived_id(ticket.id, sweep.reason, since.isoformat())
        act = Act(actor, ticket.workspace, ticket.id, Edit(state=sweep.state), sweep.reason, Because(None, id_))
        moved.append((act, Edited(ticket, ticket, sweep.step(ticket, now), {})))
    return moved

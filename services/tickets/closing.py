"""Solved tickets close by themselves when the time to reopen them has passed (definitions.md, states)."""

import asyncio
from datetime import timedelta

from services.tickets import facts
from services.tickets.domain.ticket import Ticket, change_state
from services.tickets.repo import tickets
from shared.contracts.settings import Workspace
from shared.ids import derived_id
from shared.service import Runtime

EVERY_S = 30
AT_ONCE = 200
DEFAULT_DAYS = 7


async def close_solved(runtime: Runtime) -> None:
    """Look for due tickets for as long as the service runs; several replicas share them."""
    await runtime.settings.wait_ready()
    while True:
        closed = 0
        for workspace in runtime.settings.workspaces():
            closed += await _close(runtime, workspace)
        if closed == 0:
            await asyncio.sleep(EVERY_S)


async def _close(runtime: Runtime, workspace: str) -> int:
    """Close the workspace's due tickets, at most AT_ONCE; gives how many."""
    settings = runtime.settings.get("workspace", workspace, workspace)
    days = settings.auto_close_days if isinstance(settings, Workspace) else DEFAULT_DAYS
    async with runtime.work() as (tx, ctx):
        due = await tickets.due_to_close(tx, workspace, timedelta(days=days), AT_ONCE)
        closed: list[Ticket] = []
        for ticket in due:
            now = ctx.now
            after = change_state(ticket, "closed", now)
            told = facts.changed(after, was=ticket.state, reason="auto-close")
            assert ticket.solved_at is not None
            id_ = derived_id(ticket.id, "auto-close", ticket.solved_at.isoformat())
            ctx.begin(told, workspace=workspace, shop=after.shop, version=after.version, id=id_, trace=after.trace)
            closed.append(after)
        await tickets.update(tx, closed)
    return len(due)

"""Solved tickets close by themselves when the time to reopen them has passed (definitions.md, states)."""

import asyncio
from datetime import datetime, timedelta

from services.tickets import facts
from services.tickets.domain.ticket import Ticket, close
from services.tickets.repo import messages, tickets
from services.tickets.repo.messages import Happening
from shared.contracts.settings import Workspace
from shared.ids import derived_id
from shared.service import Runtime

EVERY_S = 30
AT_ONCE = 200
DEFAULT_DAYS = 7
REASON = "auto-close"


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
        closed = [close(ticket, ctx.now) for ticket in due]
        for ticket in closed:
            told = facts.changed(ticket, was="solved", reason=REASON)
            assert ticket.solved_at is not None
            id_ = derived_id(ticket.id, REASON, ticket.solved_at.isoformat())
            ctx.begin(told, workspace=workspace, shop=ticket.shop, version=ticket.version, id=id_, trace=ticket.trace)
        await tickets.update(tx, closed)
        await messages.happened(tx, [_line(ticket, ctx.now) for ticket in closed])
    return len(due)


def _line(ticket: Ticket, now: datetime) -> Happening:
    detail = {"was": "solved", "state": ticket.state, "reason": REASON}
    return Happening(ticket.workspace, ticket.id, ticket.version, "state", detail, now)

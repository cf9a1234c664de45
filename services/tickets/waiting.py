"""Rules that wait for a time without an event: nobody has replied, nothing has moved."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import asyncpg

from services.tickets.domain.rules.engine import Known
from services.tickets.domain.rules.triggers import OVER, Happened, Timed, name_of
from services.tickets.domain.ticket import Ticket
from services.tickets.repo import rules as repo
from services.tickets.repo.rules import Said
from services.tickets.repo.timers import Due
from services.tickets.rulebook import rules_of
from services.tickets.running import ANSWERS_WITHIN, Job, run_jobs
from shared.bus import Context
from shared.contracts.rules import InState
from shared.service import Runtime

KEPT = timedelta(days=30)
AT_ONCE = 1000
EVERY_S = 600


async def start_rules(tx: asyncpg.Connection, ctx: Context, due: Sequence[Due]) -> None:
    """Run the rules whose time has come; one that was changed, switched off or overtaken by a reply is left alone."""
    said = await repo.said(tx, sorted({(one.timer.workspace, one.ticket.id) for one in due}), ANSWERS_WITHIN)
    jobs = []
    for one in due:
        key = (one.timer.workspace, one.ticket.id)
        found = _rule_of(ctx, one)
        if found is None or not _still(found[1], one.ticket, said.get(key, Said())):
            continue
        what = Happened(frozenset({found[1].event}), timed=name_of(found[1]))
        jobs.append(Job(key, one.timer.id, what, found[1].event, (found[0],), one.timer.id))
    await run_jobs(tx, ctx, jobs, {(one.timer.workspace, one.ticket.id): one.ticket for one in due})


def _rule_of(ctx: Context, one: Due) -> tuple[Known, Timed] | None:
    timed = rules_of(ctx.settings, one.timer.workspace).timed
    named = ((known, trigger) for known, trigger in timed if one.timer.name == f"{known.id}/{name_of(trigger)}")
    return next(named, None)


def _still(trigger: Timed, ticket: Ticket, said: Said) -> bool:
    """Whether it is still so: what was said just now may not have reached this rule's timer yet."""
    if isinstance(trigger, InState):
        return ticket.state == trigger.state
    if ticket.state in OVER:
        return False
    first, then = (said.customer_at, said.desk_at) if trigger.by == "agent" else (said.desk_at, said.customer_at)
    if first is None:
        return trigger.by == "customer" and ticket.clock == "agent-began" and then is None
    return then is None or then < first


async def forget_runs(runtime: Runtime) -> None:
    """Delete what rules did long ago, for as long as the service runs."""
    while True:
        async with runtime.work() as (tx, _):
            gone = await repo.forget(tx, KEPT, AT_ONCE)
        if gone < AT_ONCE:
            await asyncio.sleep(EVERY_S)

"""What is done when something on a ticket becomes due: one runner, and a line here for each kind of timer."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from itertools import groupby

import asyncpg

from services.tickets import ringing, waking
from services.tickets.acting import SNOOZE
from services.tickets.automating import RULE
from services.tickets.repo import tickets, timers
from services.tickets.repo.timers import Due, Timer
from services.tickets.ringing import SLA
from services.tickets.waiting import start_rules
from shared.bus import Context
from shared.db.pool import connection, may_pass
from shared.service import Runtime

log = logging.getLogger(__name__)

EVERY_S = 0.2
AT_ONCE = 500
AGAIN_AFTER = timedelta(minutes=1)


Handle = Callable[[asyncpg.Connection, Context, Sequence[Due]], Awaitable[None]]
"""Does what is due in the transaction that takes the timers away; it may set new ones."""

KINDS: Mapping[str, Handle] = {
    SNOOZE: waking.wake,
    SLA: ringing.ring,
    RULE: start_rules,
}


async def run_timers(runtime: Runtime) -> None:
    """Do what is due for as long as the service runs; several replicas share it."""
    await runtime.settings.wait_ready()
    while True:
        async with connection(runtime.pool) as one:
            found = await timers.due(one, AT_ONCE)
        for kind, some in groupby(sorted(found, key=lambda timer: timer.kind), lambda timer: timer.kind):
            await _run(runtime, KINDS[kind], list(some))
        if len(found) < AT_ONCE:
            await asyncio.sleep(EVERY_S)


async def _run(runtime: Runtime, handle: Handle, found: Sequence[Timer]) -> None:
    """Together, else one by one: what fails alone is put off, and the others are not held up by it."""
    try:
        async with runtime.work() as (tx, ctx):
            known = {(t.workspace, t.id): t for t in await tickets.by_id(tx, sorted({t.key[:2] for t in found}))}
            due = [Due(t, known[t.key[:2]]) for t in await timers.take(tx, found) if t.key[:2] in known]
            await handle(tx, ctx, due)
    except Exception as error:
        if may_pass(error):
            raise
        if len(found) > 1:
            for timer in found:
                await _run(runtime, handle, [timer])
            return
        log.exception("a timer failed and is tried again later", extra={"kind": found[0].kind})
        async with runtime.work() as (tx, _):
            await timers.later(tx, found[0], AGAIN_AFTER)

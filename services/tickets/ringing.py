"""A ticket's timer rings: a warning is given, or a clock is due, which is told once all that was known then is read."""

import logging
from collections.abc import Sequence
from datetime import timedelta

import asyncpg

from services.tickets.abreast import ABREAST
from services.tickets.announcing import Teller
from services.tickets.clocking import Clocked, carry, keep, standing, work_out
from services.tickets.repo import timers
from services.tickets.repo.timers import Due
from shared.bus import Context

log = logging.getLogger(__name__)

SLA = "sla"
"""The kind of the timers of clocks: one for each ticket, at the moment that comes first."""
LOOK_AGAIN = timedelta(milliseconds=100)


async def ring(tx: asyncpg.Connection, ctx: Context, due: Sequence[Due]) -> None:
    """Tell what has become due; what may still be answered by a record that is not read yet waits for that."""
    ready = [one for one in due if ABREAST.of(one.timer.due_at)]
    await timers.postpone(tx, [one.timer for one in due if not ABREAST.of(one.timer.due_at)], LOOK_AGAIN)
    by_key = {(one.timer.workspace, one.timer.ticket): one for one in ready}
    work = [
        Clocked(key, Teller.of(ctx, by_key[key].ticket), known, before, rung_at=by_key[key].timer.due_at)
        for key, (known, before) in (await standing(tx, sorted(by_key))).items()
    ]
    await work_out(tx, work)
    carry(ctx, work)
    if work:
        await keep(tx, work)

"""A snooze that is over: the ticket is back where it was, and everybody sees it."""

from collections.abc import Sequence

import asyncpg

from services.tickets.acting import Act, Actor, act
from services.tickets.domain.editing import Edit
from services.tickets.repo.timers import Due
from services.tickets.telling import Because
from shared.bus import Context

ACTOR = Actor("timer/snooze")


async def wake(tx: asyncpg.Connection, ctx: Context, due: Sequence[Due]) -> None:
    """End the snoozes that are over; one that was moved meanwhile has another timer."""
    over = [one for one in due if one.ticket.snoozed_until == one.timer.due_at]
    await act(
        tx,
        ctx,
        [
            Act(
                ACTOR,
                one.timer.workspace,
                one.ticket.id,
                Edit(snoozed_until=None),
                "snooze-over",
                Because(None, one.timer.id),
            )
            for one in over
        ],
    )

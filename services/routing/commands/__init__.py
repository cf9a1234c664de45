"""What agents ask of routing: accept, decline, the next ticket, presence; many at once under one lock."""

from collections.abc import Sequence

import asyncpg

from services.routing.changes import Changes
from services.routing.commands.asked import Accept, Answered, Asked, Decline, Next, Tell
from services.routing.commands.next_ticket import take_next
from services.routing.commands.offers import Offers
from services.routing.commands.presence import Presences
from services.routing.live import LIVE
from services.routing.opening import Opened
from services.routing.repo import agents
from shared.bus import Context
from shared.errors import Refused

__all__ = ["Accept", "Answered", "Asked", "Decline", "Next", "Tell", "run_commands"]


async def run_commands(
    tx: asyncpg.Connection, ctx: Context, workspace: str, opened: Opened, asked: Sequence[Asked]
) -> list[Answered]:
    """Each command's answer or refusal, in the order in which they came; a refused one changes nothing.

    Requests for the next ticket are answered last: what the others free may be what they get.
    """
    answers: list[Answered | None] = [None] * len(asked)
    changes = Changes(ctx, opened.now)
    offers = await Offers.read(tx, changes, workspace, asked)
    presences = await Presences.read(tx, changes, workspace, asked)
    for n, one in enumerate(asked):
        try:
            if isinstance(one.command, Tell):
                answers[n] = presences.tell(one, one.command)
            elif not isinstance(one.command, Next):
                answers[n] = offers.answer(one, one.command)
        except Refused as refusal:
            answers[n] = refusal
    await presences.save(tx, ctx)
    await agents.answered(tx, workspace, offers.answered_by())
    dirty = await changes.save(tx)
    for n, one in enumerate(asked):
        if isinstance(one.command, Next):
            try:
                answers[n] = await take_next(tx, ctx, workspace, opened.now, one, one.command)
            except Refused as refusal:
                answers[n] = refusal
    if dirty:
        ctx.after_commit(lambda: LIVE.wake(dirty))
    return [answer for answer in answers if answer is not None]

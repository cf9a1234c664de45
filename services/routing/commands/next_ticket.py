"""An agent asks for the next ticket: same order of service, same eligibility, and nothing was reserved for anybody."""

from datetime import datetime

import asyncpg

from services.routing.changes import Changes
from services.routing.commands.asked import Answer, Asked, Next, ticket_answer
from services.routing.decided import Told, as_waiting, step_of
from services.routing.domain.engine import Given, Match
from services.routing.domain.floor import Floor
from services.routing.live import LIVE
from services.routing.repo import agents, decisions, tickets
from services.routing.repo.tickets import FIRST, Place
from shared.bus import Context
from shared.errors import Conflict

PAGE = 500


async def take_next(
    tx: asyncpg.Connection, ctx: Context, workspace: str, now: datetime, asked: Asked, command: Next
) -> Answer:
    """Give the agent the first ticket on request that he may take, or none; raises Conflict where he is not there."""
    agent = asked.agent
    desk = LIVE.desk(workspace)
    floor = Floor(desk.crew, await agents.seats(tx, workspace), now)
    if not floor.available & desk.crew.bits([agent]):
        raise Conflict(f"agent {agent} is not available; say so first (PUT /v1/presence)", reason="not_available")
    excluded = await decisions.excluded(tx, workspace, now)
    run, changes = Match(floor), Changes(ctx, now)
    after: Place = FIRST
    while page := await tickets.waiting(tx, workspace, after=after, limit=PAGE):
        changes.know(page)
        for waiting in as_waiting(page, desk.needs, excluded, now):
            wanted = waiting.need.mode == "next" and command.channel in (None, waiting.need.channel)
            given = run.choose_for(waiting, agent) if wanted and asked.may_see(waiting.need.shop) else None
            if given is not None:
                return await _give(tx, changes, workspace, given)
        last = page[-1]
        assert last.enqueued_at is not None
        after = (last.rank, last.enqueued_at, last.id)
    return {"ticket": None}


async def _give(tx: asyncpg.Connection, changes: Changes, workspace: str, given: Given) -> Answer:
    known = changes.get(workspace, given.ticket.id)
    assert known is not None
    step = step_of(known, given, changes.now)
    changes.step(step, why=Told().why(given))
    await changes.save(tx)
    return ticket_answer(step.ticket)

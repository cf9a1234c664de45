"""Leases end by the database's clock: what was not answered comes back, and who misses too often is made away."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

import asyncpg

from services.routing.absence import recall, say_presence
from services.routing.changes import Changes
from services.routing.config import Config
from services.routing.domain.lifecycle import end_offer
from services.routing.domain.presence import miss
from services.routing.domain.ticket import Ticket
from services.routing.live import LIVE
from services.routing.opening import open_workspaces
from services.routing.repo import agents, tickets
from shared.bus import Context
from shared.contracts.settings import Routing
from shared.db.pool import connection
from shared.service import Runtime

AT_ONCE = 500
"""Leases ended in one transaction."""


async def end_leases(runtime: Runtime) -> None:
    """End leases that are over, until cancelled; a late one is ended late, never lost."""
    config = runtime.config
    assert isinstance(config, Config)
    await runtime.settings.wait_ready()
    up_since: datetime | None = None
    while True:
        if LIVE.own_log.read():
            async with connection(runtime.pool) as one:
                up_since = up_since or await one.fetchval("select clock_timestamp()")
                due = await tickets.with_lapsed(one)
            for workspace in due:
                await end_leases_of(runtime, workspace, up_since)
        await asyncio.sleep(config.lease_poll_s)


async def end_leases_of(runtime: Runtime, workspace: str, up_since: datetime) -> None:
    """End a workspace's leases; another replica may have done it while we waited for the lock."""
    async with runtime.work() as (tx, ctx):
        opened = await open_workspaces(tx, ctx, [workspace])
        over = await tickets.lapsed(tx, workspace, opened.now, AT_ONCE)
        policy = LIVE.desk(workspace).policy
        changes = Changes(ctx, opened.now, {(ticket.workspace, ticket.id): ticket for ticket in over})
        until = opened.now + timedelta(seconds=policy.excluded_s)
        for ticket in over:
            changes.step(end_offer(ticket, "expired", reason="expired", excluded_until=until))
        await _count_misses(tx, ctx, changes, over, policy, up_since)
        dirty = await changes.save(tx)
        ctx.after_commit(lambda: LIVE.wake(dirty))


async def _count_misses(
    tx: asyncpg.Connection,
    ctx: Context,
    changes: Changes,
    over: Sequence[Ticket],
    policy: Routing,
    up_since: datetime,
) -> None:
    """A miss counts if the agent's stream lived and routing was up for the whole lease (definitions.md, "Lease")."""
    whole = [ticket for ticket in over if ticket.given_at is not None and ticket.given_at >= up_since]
    misses = Counter(ticket.agent for ticket in whole if ticket.agent is not None)
    if not misses:
        return
    workspace, grace = over[0].workspace, timedelta(seconds=policy.offline_grace_s)
    known = await agents.read(tx, workspace, misses)
    reached = {name: agent for name, agent in known.items() if changes.now - agent.heartbeat_at < grace}
    after = [
        miss(agent, misses[name], most=policy.away_after_misses, now=changes.now) for name, agent in reached.items()
    ]
    await agents.save(tx, after, known)
    made_away = [agent.agent for agent in after if agent.presence != known[agent.agent].presence]
    say_presence(ctx, known, after)
    await recall(tx, changes, workspace, made_away, reason="missed-offers")

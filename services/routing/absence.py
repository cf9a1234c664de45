"""Agents who vanish: offers come back at once, live work after grace, what waits for the customer stays theirs."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime

import asyncpg

from services.routing.changes import Changes
from services.routing.config import Config
from services.routing.domain.lifecycle import end_offer, release
from services.routing.domain.presence import Agent, vanish
from services.routing.live import LIVE
from services.routing.opening import open_workspaces
from services.routing.repo import agents, decisions, tickets
from shared.bus import Context
from shared.contracts.agent_events import PresenceChanged
from shared.db.pool import connection
from shared.ids import derived_id, inbound_id
from shared.service import Runtime

OFFLINE, REMOVED = "agent-offline", "agent-removed"
CLEAN_EVERY = 60
"""Rounds between two looks at exclusions to forget."""


async def release_absent(runtime: Runtime) -> None:
    """Release the work of agents who are silent past grace or removed from settings, until cancelled.

    Grace begins anew with each start, and after an outage of the database, since nobody could tell us anything then.
    """
    config = runtime.config
    assert isinstance(config, Config)
    await runtime.settings.wait_ready()
    async with connection(runtime.pool) as one:
        up_since: datetime = await one.fetchval("select clock_timestamp()")
    rounds = 0
    for workspace in runtime.settings.workspaces():
        LIVE.check_agents(workspace)
    while True:
        await asyncio.sleep(config.presence_poll_s)
        if LIVE.own_log.read():
            await _release_silent(runtime, up_since)
            await _release_removed(runtime)
            rounds += 1
        if rounds % CLEAN_EVERY == 1:
            async with connection(runtime.pool) as one:
                await decisions.forget_exclusions(one)


async def _release_silent(runtime: Runtime, up_since: datetime) -> None:
    names = runtime.settings.workspaces()
    graces = {name: LIVE.desk(name).policy.offline_grace_s for name in names}
    async with connection(runtime.pool) as one:
        silent = await agents.silent(one, graces, up_since)
    for workspace, found in silent.items():
        await _let_go(runtime, workspace, found, OFFLINE)


async def _release_removed(runtime: Runtime) -> None:
    for workspace in sorted(LIVE.agents_changed()):
        async with connection(runtime.pool) as one:
            there = await agents.not_gone(one, workspace)
        enabled = LIVE.desk(workspace).crew.index
        removed = [agent for agent in there if agent not in enabled]
        if removed:
            await _let_go(runtime, workspace, removed, REMOVED)


async def _let_go(runtime: Runtime, workspace: str, names: Sequence[str], reason: str) -> None:
    async with runtime.work() as (tx, ctx):
        opened = await open_workspaces(tx, ctx, [workspace])
        known = await agents.read(tx, workspace, names)
        if reason == OFFLINE:  # who came back while we waited for the lock stays
            found = await agents.silent(tx, {workspace: LIVE.desk(workspace).policy.offline_grace_s}, agents.EVER)
            known = {name: agent for name, agent in known.items() if name in found.get(workspace, ())}
        after = [vanish(agent, reason, opened.now) for agent in known.values() if not agent.gone]
        await agents.save(tx, after, known)
        say_presence(ctx, known, after)
        changes = Changes(ctx, opened.now)
        gone = [agent.agent for agent in after]
        await recall(tx, changes, workspace, gone, reason=reason)
        for ticket in changes.tickets():
            if ticket.place == "held" and ticket.live and ticket.agent in gone:
                changes.step(release(ticket, reason))
        dirty = await changes.save(tx)
        ctx.after_commit(lambda: LIVE.wake(dirty))


async def recall(
    tx: asyncpg.Connection, changes: Changes, workspace: str, names: Sequence[str], *, reason: str
) -> None:
    """Take the offers of these agents back; nobody is excluded, they just are not there."""
    if not names:
        return
    changes.know(await tickets.of_agents(tx, workspace, names))
    for ticket in changes.tickets():
        if ticket.place == "offered" and ticket.workspace == workspace and ticket.agent in names:
            changes.step(end_offer(ticket, "withdrawn", reason=reason))


def say_presence(ctx: Context, known: Mapping[str, Agent], after: Sequence[Agent]) -> None:
    """Tell changes of presence; the id comes from the agent and the version of his presence."""
    for agent in after:
        before = known.get(agent.agent)
        if before is not None and before.version == agent.version:
            continue
        event = PresenceChanged(
            agent=agent.agent,
            presence=agent.presence,
            was=before.presence if before else "offline",
            reason=agent.reason,
        )
        subject = inbound_id(agent.workspace, "presence", agent.agent, "")
        ctx.begin(
            event,
            workspace=agent.workspace,
            version=agent.version,
            id=derived_id(subject, event.TYPE, f"{agent.version}:{agent.since.isoformat()}"),
        )

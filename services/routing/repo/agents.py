"""Agents at run time: presence as they last told it, and what weighs on them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from services.routing.domain.floor import EPOCH, Seat
from services.routing.domain.presence import Agent

_READ = """
    select workspace, agent, presence, reason, channels, heartbeat_at, since, misses, gone, version
    from agents where workspace = $1 and agent = any($2::text[])
"""
_SAVE = """
    insert into agents(workspace, agent, presence, reason, heartbeat_at, since, misses, gone, version)
    select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[],
                         $7::int[], $8::boolean[], $9::int[])
    on conflict (workspace, agent) do update
    set presence = excluded.presence, reason = excluded.reason, heartbeat_at = excluded.heartbeat_at,
        since = excluded.since, misses = excluded.misses, gone = excluded.gone, version = excluded.version
"""
# An array of arrays must be rectangular, so the channels of each agent are written one by one where they changed.
_CHANNELS = "update agents set channels = $3 where workspace = $1 and agent = $2"
_ANSWERED = "update agents set misses = 0 where workspace = $1 and agent = any($2::text[]) and misses > 0"
# Two scans one after the other: joined, and with no statistics yet, every agent is compared with every load.
_SEATS = """
    select agent, presence, channels, since, null as channel, 0 as tickets, 0 as weight, null as changed_at
    from agents where workspace = $1
    union all
    select agent, null, null, null, channel, tickets, weight, changed_at from loads where workspace = $1
"""
_ADD_LOADS = """
    insert into loads(workspace, agent, channel, tickets, weight, changed_at)
    select * from unnest($1::text[], $2::text[], $3::text[], $4::int[], $5::int[], $6::timestamptz[])
    on conflict (workspace, agent, channel) do update
    set tickets = loads.tickets + excluded.tickets, weight = loads.weight + excluded.weight,
        changed_at = greatest(loads.changed_at, excluded.changed_at)
"""
# Grace begins anew after an outage of our own: nobody could tell us anything meanwhile.
_SILENT = """
    select a.workspace, a.agent from unnest($1::text[], $2::int[]) as u(workspace, grace_s)
    join agents a on a.workspace = u.workspace
    where not a.gone and greatest(a.heartbeat_at, $3) <= clock_timestamp() - make_interval(secs => u.grace_s)
    order by 1, 2
"""
# A row that somebody holds is being written just now; the next report comes well within grace.
_ALIVE = """
    with live as (
        select a.workspace, a.agent from unnest($1::text[], $2::text[]) as u(workspace, agent)
        join agents a on a.workspace = u.workspace and a.agent = u.agent
        where not a.gone and (a.presence <> 'offline' or a.reason = 'restored')
        order by 1, 2 for no key update of a skip locked
    )
    update agents a set heartbeat_at = clock_timestamp() from live
    where a.workspace = live.workspace and a.agent = live.agent
"""
_PRESENT = "select agent from agents where workspace = $1 and not gone order by agent"
_EXPECT = """
    insert into agents(workspace, agent, presence, reason, heartbeat_at, since)
    select u.workspace, u.agent, 'offline', 'restored', clock_timestamp(), clock_timestamp()
    from unnest($1::text[], $2::text[]) as u(workspace, agent) on conflict do nothing
"""
_GONE = """
    select u.workspace, u.agent from unnest($1::text[], $2::text[]) as u(workspace, agent)
    left join agents a on a.workspace = u.workspace and a.agent = u.agent
    where a.gone is not false
"""


EVER = EPOCH
"""As `up_since`: we were always there."""


@dataclass(frozen=True, slots=True)
class LoadChange:
    """What was put on, or taken from, an agent on one channel."""

    workspace: str
    agent: str
    channel: str
    tickets: int
    weight: int
    at: datetime


async def read(tx: asyncpg.Connection, workspace: str, agents: Iterable[str]) -> dict[str, Agent]:
    """Those of the agents who ever told their presence."""
    rows = await tx.fetch(_READ, workspace, sorted(set(agents)))
    return {
        row["agent"]: Agent(**{**row, "channels": None if row["channels"] is None else tuple(row["channels"])})
        for row in rows
    }


async def save(tx: asyncpg.Connection, agents: Sequence[Agent], known: dict[str, Agent]) -> None:
    """Write presence; `known` is what `read` gave before."""
    if not agents:
        return
    await tx.execute(
        _SAVE,
        [a.workspace for a in agents],
        [a.agent for a in agents],
        [a.presence for a in agents],
        [a.reason for a in agents],
        [a.heartbeat_at for a in agents],
        [a.since for a in agents],
        [a.misses for a in agents],
        [a.gone for a in agents],
        [a.version for a in agents],
    )
    for agent in agents:
        before = known.get(agent.agent)
        if agent.channels != (before.channels if before else None):
            await tx.execute(_CHANNELS, agent.workspace, agent.agent, agent.channels)


async def answered(tx: asyncpg.Connection, workspace: str, agents: Sequence[str]) -> None:
    """These agents answered an offer: their misses in a row end."""
    if agents:
        await tx.execute(_ANSWERED, workspace, agents)


async def seats(tx: asyncpg.Connection, workspace: str) -> dict[str, Seat]:
    """Every agent's presence, load and idle time."""
    rows = await tx.fetch(_SEATS, workspace)
    heads = {row["agent"]: row for row in rows if row["channel"] is None}
    held: dict[str, dict[str, int]] = {agent: {} for agent in heads}
    load = dict.fromkeys(heads, 0)
    idle = {agent: head["since"] for agent, head in heads.items()}
    for agent, _, _, _, channel, tickets, weight, changed_at in rows:
        if channel is not None and agent in heads:
            held[agent][channel] = tickets
            load[agent] += weight
            idle[agent] = max(idle[agent], changed_at)
    return {
        agent: Seat(agent, head["presence"], _limits(head["channels"]), load[agent], held[agent], idle[agent])
        for agent, head in heads.items()
    }


def _limits(channels: list[str] | None) -> tuple[str, ...] | None:
    return None if channels is None else tuple(channels)


async def change_loads(tx: asyncpg.Connection, changes: Sequence[LoadChange]) -> None:
    """Add to and take from loads; each (workspace, agent, channel) once."""
    if not changes:
        return
    await tx.execute(
        _ADD_LOADS,
        [c.workspace for c in changes],
        [c.agent for c in changes],
        [c.channel for c in changes],
        [c.tickets for c in changes],
        [c.weight for c in changes],
        [c.at for c in changes],
    )


async def silent(connection: asyncpg.Connection, graces_s: dict[str, int], up_since: datetime) -> dict[str, list[str]]:
    """Agents without a heartbeat for their workspace's grace, counted from `up_since` at the earliest."""
    found: dict[str, list[str]] = {}
    for workspace, agent in await connection.fetch(_SILENT, list(graces_s), list(graces_s.values()), up_since):
        found.setdefault(workspace, []).append(agent)
    return found


async def alive(tx: asyncpg.Connection, agents: Sequence[tuple[str, str]]) -> None:
    """These (workspace, agent) hold a live stream now: their grace begins anew."""
    await tx.execute(_ALIVE, [workspace for workspace, _ in agents], [agent for _, agent in agents])


async def not_gone(connection: asyncpg.Connection, workspace: str) -> list[str]:
    """Agents who are not offline past grace."""
    return [row["agent"] for row in await connection.fetch(_PRESENT, workspace)]


async def expect(tx: asyncpg.Connection, agents: Sequence[tuple[str, str]]) -> None:
    """Count agents whom a restored database has forgotten as offline since now: they have a grace to come back."""
    if agents:
        await tx.execute(_EXPECT, [workspace for workspace, _ in agents], [agent for _, agent in agents])


async def gone(tx: asyncpg.Connection, agents: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those of (workspace, agent) who are offline past grace, or were never there."""
    if not agents:
        return set()
    rows = await tx.fetch(_GONE, [workspace for workspace, _ in agents], [agent for _, agent in agents])
    return {(row["workspace"], row["agent"]) for row in rows}

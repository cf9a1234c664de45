"""Loops around the streams: read the log, beat, end what may not go on, and tell routing who is there."""

import asyncio
import logging

import orjson

from services.gateway.config import Config
from services.gateway.forward import Forwarder
from services.gateway.repo import keys, sessions
from services.gateway.stream.hub import HUB, Hub
from services.gateway.stream.tail import Tail
from shared.db.pool import connection, may_pass
from shared.errors import SwitchboardError
from shared.identity import Identity
from shared.service import Runtime

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.25
CHECK_EVERY_S = 1.5
"""With the two seconds of the gate's memory out of the way, who is put out loses his stream as fast as his key."""
JOINING_S = 0.05
"""Agents who open a stream together are told together."""


async def tail_events(runtime: Runtime) -> None:
    """Read the log into the streams, until cancelled."""
    await Tail(runtime.config, HUB).run()


async def keep_streams(runtime: Runtime) -> None:
    """Beat, end streams whose token lapsed or whose holder was put out, close all when draining; until cancelled."""
    loop = asyncio.get_running_loop()
    check_at = 0.0
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        if runtime.draining:
            HUB.close("draining")
            continue
        HUB.beat()
        now = runtime.clock()
        HUB.end("lapsed", lambda listener, now=now: listener.lapsed(now))  # type: ignore[misc]
        if loop.time() >= check_at:
            check_at = loop.time() + CHECK_EVERY_S
            await end_revoked(runtime, HUB)


async def end_revoked(runtime: Runtime, hub: Hub) -> None:
    """End the streams of keys and sessions that are not in force any more, or stand for something else now."""
    whos = [listener.who for listener in hub.listeners()]
    if not whos:
        return
    try:
        async with connection(runtime.pool) as one:
            known_keys = await keys.those_in_force(one, [who.key for who in whos if who.key is not None])
            known_sessions = await sessions.in_force(one, [who.session for who in whos if who.session is not None])
    except Exception as error:
        if not may_pass(error):
            raise
        return  # nobody is put out because the database does not answer
    standing = {id_: (one.role, one.agent, one.shops) for id_, one in known_sessions.items() if one.live}
    hub.end(
        "revoked",
        lambda listener: (
            listener.who.key not in known_keys
            if listener.who.session is None
            else standing.get(listener.who.session)
            != (listener.who.identity.role, listener.who.identity.agent, listener.who.identity.shops)
        ),
    )


async def report_presence(runtime: Runtime) -> None:
    """Tell routing which agents hold a stream here: all in one call, every few seconds and when one joins."""
    config = runtime.config
    assert isinstance(config, Config)
    forwarder = Forwarder.of(config, runtime.clock)
    while True:
        try:
            async with asyncio.timeout(config.presence_report_s):
                await HUB.joined.wait()
            await asyncio.sleep(JOINING_S)
        except TimeoutError:
            pass
        HUB.joined.clear()
        if agents := HUB.live_agents():
            await report(forwarder, agents)


async def report(forwarder: Forwarder, agents: list[tuple[str, str]]) -> None:
    """One report; where routing does not take it the next one comes soon, well within its grace."""
    gateway = Identity(principal="gateway", role="installation", workspace="")
    body = orjson.dumps({"agents": [{"workspace": workspace, "agent": agent} for workspace, agent in agents]})
    try:
        status = await forwarder.tell("routing", gateway, "/internal/presence", body)
    except SwitchboardError as error:
        log.warning("presence was not told", extra={"agents": len(agents), "error": str(error)})
        return
    if status >= 300:
        log.warning("presence was not taken", extra={"agents": len(agents), "status": status})

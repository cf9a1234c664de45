"""The matcher's loop: whoever changed something marks its workspace dirty; replicas choose who matches it."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator

from services.routing.config import Config
from services.routing.live import LIVE
from services.routing.matching import Pass, match_part
from services.routing.repo import workspaces
from shared.db.pool import connection, may_pass
from shared.service import Runtime
from shared.telemetry import metrics

log = logging.getLogger(__name__)

FAILED_PAUSE_S = 2.0
"""A workspace whose match failed is tried again after this long; it stays dirty meanwhile."""
REST_MAX_S = 0.05
"""After a match a workspace rests for as long as the match took, up to this: under load, tickets and commands that come
meanwhile are matched together, and whoever else waits for the workspace's lock gets it."""


async def match_tickets(runtime: Runtime) -> None:
    """Match every workspace that was woken, is dirty, or is due, until cancelled."""
    await runtime.settings.wait_ready()
    rests: dict[str, float] = {}
    async for workspace, forced in _wanted(runtime):
        started = time.monotonic()
        if rests.get(workspace, 0.0) > started:
            _later(workspace, rests[workspace] - started, forced=forced)
            continue
        try:
            await _match(runtime, workspace, forced=forced)
            took = time.monotonic() - started
            rests[workspace] = started + took + min(took, REST_MAX_S)
        except Exception as error:
            if may_pass(error):
                if forced:
                    LIVE.force(workspace)
                raise
            metrics.MATCH_FAILURES.inc()
            log.error("a match failed; the workspace stays dirty", extra={"workspace": workspace}, exc_info=error)
            rests[workspace] = time.monotonic() + FAILED_PAUSE_S


def _later(workspace: str, seconds: float, *, forced: bool) -> None:
    again = LIVE.force if forced else LIVE.wake_one
    asyncio.get_running_loop().call_later(seconds, again, workspace)


async def _match(runtime: Runtime, workspace: str, *, forced: bool) -> None:
    walk = Pass(workspace, forced)
    while not walk.done:
        await match_part(runtime, walk)


async def _wanted(runtime: Runtime) -> AsyncIterator[tuple[str, bool]]:
    """Workspaces to match, with whether to match them even if they are clean."""
    config = runtime.config
    assert isinstance(config, Config)
    looked = 0.0
    while True:
        await LIVE.wait(config.match_poll_s)
        if not LIVE.own_log.read():
            continue
        wanted = LIVE.woken()
        if time.monotonic() - looked >= config.match_poll_s:
            looked = time.monotonic()
            async with connection(runtime.pool) as one:
                wanted = dict.fromkeys(await workspaces.to_match(one), False) | wanted
        for workspace in sorted(wanted):
            yield workspace, wanted[workspace]

"""Commands of a workspace that come together take one lock, one transaction, one round of writes."""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg
import orjson

from services.routing.commands import Asked, run_commands
from services.routing.commands.asked import Answered
from services.routing.config import Config
from services.routing.live import LIVE
from services.routing.opening import Opened, open_workspaces
from shared.bus import Context
from shared.db.idempotency import Answer as Stored
from shared.db.idempotency import once
from shared.errors import Refused
from shared.gathering import Gathering
from shared.service import Runtime

Result = Stored | Exception


@dataclass(frozen=True, slots=True)
class Request:
    """A command with the key under which it takes effect once."""

    asked: Asked
    key: str | None
    hash: bytes


class Commands:
    """Runs requests, those of one workspace in batches."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._gathering = Gathering(self._together, lane=lambda request: request.asked.who.workspace)

    async def run(self, request: Request) -> Stored:
        """Run one command with whatever else comes; gives its answer or raises its refusal."""
        return await self._gathering.run(request)

    async def _together(self, requests: Sequence[Request]) -> list[Result]:
        config = self._runtime.config
        assert isinstance(config, Config)
        await LIVE.own_log.wait(config.catching_up_s)
        workspace = requests[0].asked.who.workspace
        results: dict[int, Result] = {}
        plain = [n for n, request in enumerate(requests) if request.key is None]
        async with self._runtime.work() as (tx, ctx):
            opened = await open_workspaces(tx, ctx, [workspace])
            answered = await run_commands(tx, ctx, workspace, opened, [requests[n].asked for n in plain])
            results.update((n, _result(one)) for n, one in zip(plain, answered, strict=True))
            for n, request in enumerate(requests):
                if request.key is not None:
                    results[n] = await _once(tx, ctx, workspace, opened, request)
        return [results[n] for n in range(len(requests))]


async def _once(tx: asyncpg.Connection, ctx: Context, workspace: str, opened: Opened, request: Request) -> Result:
    """One command under its Idempotency-Key; a refusal is not kept, so that the command may be sent again."""

    async def effect() -> Stored:
        result = _result((await run_commands(tx, ctx, workspace, opened, [request.asked]))[0])
        if isinstance(result, Exception):
            raise result
        return result

    who = request.asked.who
    try:
        async with tx.transaction():
            return await once(
                tx, principal=f"{workspace}/{who.principal}", key=request.key, request_hash=request.hash, run=effect
            )
    except Refused as refusal:
        return refusal


def _result(answered: Answered) -> Result:
    return answered if isinstance(answered, Refused) else Stored(200, orjson.dumps(answered, default=str))

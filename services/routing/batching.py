"""Commands of a workspace that come together are committed together: one lock, one transaction, one round of writes."""

import asyncio
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
from shared.service import Runtime

MOST = 200
"""Commands of one transaction."""
Result = Stored | Exception


@dataclass(frozen=True, slots=True)
class Request:
    """A command with the key under which it takes effect once."""

    asked: Asked
    key: str | None
    hash: bytes


class Commands:
    """Collects requests: while one batch of a workspace runs, the next one gathers."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._gathering: dict[str, list[tuple[Request, asyncio.Future[Stored]]]] = {}
        self._running: dict[str, asyncio.Task[None]] = {}

    async def run(self, request: Request) -> Stored:
        """Run one command with whatever else comes; gives its answer or raises its refusal."""
        workspace = request.asked.who.workspace
        answer: asyncio.Future[Stored] = asyncio.get_running_loop().create_future()
        self._gathering.setdefault(workspace, []).append((request, answer))
        if workspace not in self._running:
            self._running[workspace] = asyncio.create_task(self._work(workspace))
        return await answer

    async def _work(self, workspace: str) -> None:
        try:
            await asyncio.sleep(0)  # requests that were read from their sockets in the same round come along
            while gathered := self._gathering.pop(workspace, None):
                for start in range(0, len(gathered), MOST):
                    await self._settle(workspace, gathered[start : start + MOST])
        finally:
            del self._running[workspace]

    async def _settle(self, workspace: str, batch: Sequence[tuple[Request, asyncio.Future[Stored]]]) -> None:
        results = await self._results(workspace, [request for request, _ in batch])
        for (_, answer), result in zip(batch, results, strict=True):
            if answer.done():  # the caller went away
                continue
            if isinstance(result, Exception):
                answer.set_exception(result)
            else:
                answer.set_result(result)

    async def _results(self, workspace: str, requests: Sequence[Request]) -> Sequence[Result]:
        """Together in one transaction; where that fails, each in its own, so that only the culprit fails."""
        try:
            return await self._together(workspace, requests)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is each caller's answer
            if len(requests) == 1:
                return [error]
        return [(await self._results(workspace, [request]))[0] for request in requests]

    async def _together(self, workspace: str, requests: Sequence[Request]) -> list[Result]:
        config = self._runtime.config
        assert isinstance(config, Config)
        await LIVE.own_log.wait(config.catching_up_s)
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

"""Commands that come together are committed together: while one batch runs, the next one gathers."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

MOST = 200
"""Commands of one batch."""

Command = TypeVar("Command")
Answer = TypeVar("Answer")


class Gathering(Generic[Command, Answer]):
    """Collects commands and runs them in batches; commands of different lanes run beside each other.

    `together` gives an answer or a refusal for each command of a batch; where it fails as a whole each command is run
    on its own, so that only the culprit fails.
    """

    def __init__(
        self,
        together: Callable[[Sequence[Command]], Awaitable[Sequence[Answer | Exception]]],
        *,
        lane: Callable[[Command], Hashable],
    ) -> None:
        self._together = together
        self._lane = lane
        self._waiting: dict[Hashable, list[tuple[Command, asyncio.Future[Answer]]]] = {}
        self._running: dict[Hashable, asyncio.Task[None]] = {}

    async def run(self, command: Command) -> Answer:
        """Run one command with whatever else comes; gives its answer or raises its refusal."""
        lane = self._lane(command)
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(lane, []).append((command, answer))
        if lane not in self._running:
            self._running[lane] = asyncio.create_task(self._work(lane))
        return await answer

    async def _work(self, lane: Hashable) -> None:
        try:
            await asyncio.sleep(0)  # commands that were read from their sockets in the same round come along
            while waiting := self._waiting.pop(lane, None):
                for start in range(0, len(waiting), MOST):
                    await self._settle(waiting[start : start + MOST])
        finally:
            del self._running[lane]

    async def _settle(self, batch: Sequence[tuple[Command, asyncio.Future[Answer]]]) -> None:
        results = await self._results([command for command, _ in batch])
        for (_, answer), result in zip(batch, results, strict=True):
            if answer.done():  # the caller went away
                continue
            if isinstance(result, Exception):
                answer.set_exception(result)
            else:
                answer.set_result(result)

    async def _results(self, commands: Sequence[Command]) -> Sequence[Answer | Exception]:
        try:
            return await self._together(commands)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is each caller's answer
            if len(commands) == 1:
                return [error]
        return [(await self._results([command]))[0] for command in commands]

"""Answers and notes that come together are written together, each once per Idempotency-Key."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg
from pydantic import BaseModel

from services.tickets import answers
from services.tickets.answers import Command
from services.tickets.views import TicketView
from shared.bus import Context
from shared.db.idempotency import Answer, Keyed, claim, keep, release
from shared.gathering import Gathering
from shared.service import Runtime

LANES = 2
"""Batches of one process that run beside each other: a ticket that is locked keeps only half of the others waiting."""

Result = Answer | Exception


class Written(BaseModel):
    """A message that was written, and its ticket after it."""

    message: UUID
    ticket: TicketView


@dataclass(frozen=True, slots=True)
class Request:
    """A command with the key under which it takes effect once."""

    command: Command
    keyed: Keyed | None


class Writing:
    """Runs requests in batches, one transaction for each."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._gathering = Gathering(self._together, lane=lambda request: request.command.ticket.int % LANES)

    async def run(self, request: Request) -> Answer:
        """Write one message with whatever else comes; gives the answer or raises the refusal."""
        return await self._gathering.run(request)

    async def _together(self, requests: Sequence[Request]) -> list[Result]:
        results: dict[int, Result] = {}
        async with self._runtime.work() as (tx, ctx):
            for part in rounds(requests):
                results |= await _write(tx, ctx, part)
        return [results[n] for n in range(len(requests))]


def rounds(requests: Sequence[Request]) -> Iterator[dict[int, Request]]:
    """The requests by their places, in their order, no two of a round on one ticket or under one key."""
    waiting = dict(enumerate(requests))
    while waiting:
        taken: set[object] = set()
        part: dict[int, Request] = {}
        for n, request in waiting.items():
            names = {request.command.key, request.keyed and (request.keyed.principal, request.keyed.key)} - {None}
            if taken.isdisjoint(names):
                part[n] = request
            taken |= names
        yield part
        waiting = {n: request for n, request in waiting.items() if n not in part}


async def _write(tx: asyncpg.Connection, ctx: Context, part: Mapping[int, Request]) -> dict[int, Result]:
    """Write what was not written before; a refusal is not kept, so that the command may be sent again."""
    keyed = {n: request.keyed for n, request in part.items() if request.keyed is not None}
    before = await claim(tx, keyed.values())
    results: dict[int, Result] = {n: before[key] for n, key in keyed.items() if key in before}
    fresh = {n: request.command for n, request in part.items() if n not in results}
    for (n, command), after in zip(fresh.items(), await answers.write(tx, ctx, list(fresh.values())), strict=True):
        results[n] = after if isinstance(after, Exception) else _written(command, TicketView.of(after))
    answered = {key: result for n, key in keyed.items() if n in fresh and isinstance(result := results[n], Answer)}
    await keep(tx, answered)
    await release(tx, [key for n, key in keyed.items() if n in fresh and key not in answered])
    return results


def _written(command: Command, ticket: TicketView) -> Answer:
    return Answer(201, Written(message=command.message, ticket=ticket).model_dump_json().encode())

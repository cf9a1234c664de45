"""Answers: accepted through the gateway and delivered to a far end, beside a bare proxy and one insert."""

import itertools
import time
from argparse import Namespace
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import asyncpg
import orjson

from bench import bare
from bench.asking import Asked, ask_all, request
from bench.desk import SECRET, agent_keys, close_desk, fill, open_desk
from bench.pipeline import medians
from bench.processes import cpu_by_process, cpu_since
from tests.eventually import eventually
from tests.providers.callback import Callback
from tests.providers.web import Got, Reply
from tests.stack import Stack

CONNECTIONS = 16
KEYS = 16
WARM_UP = 200
DELIVERING = ("notify", "routing")
TEXT = "Your order arrives tomorrow before noon. " + "x" * 300


class FarEnd(Callback):
    """Knows when it had each message first."""

    def __init__(self) -> None:
        super().__init__(SECRET)
        self.last_at = 0.0

    async def take(self, got: Got) -> Reply:
        """As a shop's program does."""
        known = len(self.received)
        reply = await super().take(got)
        if len(self.received) > known:
            self.last_at = time.time()
        return reply


def _requests(tickets: list[str], keys: list[str]) -> Iterator[bytes]:
    body = orjson.dumps({"text": TEXT})
    for ticket, key in zip(tickets, itertools.cycle(keys), strict=False):
        headers = {"authorization": f"Bearer {key}", "idempotency-key": uuid4().hex}
        yield request("POST", f"/v1/tickets/{ticket}/answers", headers, body)


async def _ask(port: int, tickets: list[str], keys: list[str]) -> Asked:
    return await ask_all(port, _requests(tickets, keys), connections=CONNECTIONS, status=201)


async def measure(stack: Stack, given: Namespace) -> dict[str, Any]:
    """Bare, ours, bare, ours, bare; medians and their ratio."""
    ours, others = [], [await _floor(stack, given.answers)]
    for _ in range(given.runs):
        ours.append(await _product(stack, given.answers))
        others.append(await _floor(stack, given.answers))
    product, floor = medians(ours), medians(others)
    ratio = {
        "answers_accepted_per_s": round(product["per_s"] / floor["per_s"], 3),
        "answers_undelivered_per_s": round(product["undelivered"]["per_s"] / floor["per_s"], 3),
    }
    return {"answers": product, "answers_floor": floor, "ratio": ratio}


async def _product(stack: Stack, answers: int) -> dict[str, Any]:
    """As many answers as fast as they are accepted, each to a ticket of its own, until the far end has them all.

    `undelivered` is the same once more while nobody takes them further, as the bare route's rows go no further.
    """
    far = FarEnd()
    await far.start()
    desk = await open_desk(stack, far.url)
    try:
        keys, port = await agent_keys(desk, KEYS), desk.processes["gateway"].port
        tickets = await fill(desk, WARM_UP + 2 * answers)
        warm_up, first, second = tickets[:WARM_UP], tickets[WARM_UP:-answers], tickets[-answers:]
        await _ask(port, warm_up, keys)
        await _received(far, WARM_UP)
        before = cpu_by_process(desk)
        asked = await _ask(port, first, keys)
        await _received(far, WARM_UP + answers)
        figures = {
            "answers": answers,
            **asked.figures(),
            "delivered_per_s": round(answers / (far.last_at - asked.began), 1),
            "calls": len(far.got) - WARM_UP,
            "cpu_s_per_1000": cpu_since(desk, before, per=answers / 1000),
        }
        desk.stop(DELIVERING)
        return figures | {"undelivered": (await _ask(port, second, keys)).figures()}
    finally:
        await close_desk(desk)
        await far.stop()


async def _received(far: FarEnd, count: int) -> None:
    async def there() -> bool:
        return len(far.received) >= count

    await eventually(there, timeout_s=60 + count / 10, what=f"{count} answers at the far end")


async def _floor(stack: Stack, answers: int) -> dict[str, Any]:
    """The same requests to a bare proxy before a bare route that inserts one row."""
    database = await stack.create_database()
    connection = await asyncpg.connect(stack.dsn(database))
    await connection.execute(bare.TABLE)
    await connection.close()
    try:
        async with (
            bare.running("owner", stack.dsn(database)) as (owner, _),
            bare.running("proxy", str(owner)) as (proxy, _),
        ):
            tickets = [str(uuid4()) for _ in range(WARM_UP + answers)]
            await _ask(proxy, tickets[:WARM_UP], ["none"])
            asked = await _ask(proxy, tickets[WARM_UP:], ["none"])
        return {"answers": answers, **asked.figures()}
    finally:
        await stack.drop_database(database)

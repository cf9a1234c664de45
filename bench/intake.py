"""Ingest alone: webhooks of a messenger taken in, beside a bare route that produces the same two records."""

import asyncio
import itertools
import random
from argparse import Namespace
from collections.abc import Iterator
from typing import Any

import orjson

from bench import bare
from bench.asking import ask_all, request
from bench.pipeline import medians
from bench.processes import cpu_s
from tests.integration.ingests import Ingest, start_ingest
from tests.shop import BOT, SECRET
from tests.stack import Stack

CONNECTIONS = 64
WARM_UP = 500
PATH = f"/v1/inbound/telegram/{BOT}"
TEXT = "Where is my order 10{}? It should have come last week, and the page of the carrier says nothing at all. "


async def measure(stack: Stack, given: Namespace) -> dict[str, Any]:
    """Bare, ours, bare, ours, bare: requests a second, and the CPU of the one process that takes them."""
    ingest = await asyncio.to_thread(start_ingest, stack)
    numbers = itertools.count(1)
    try:
        port, pid = ingest.desk.processes["ingest"].port, ingest.desk.processes["ingest"].pid
        async with bare.running("accept", _of(ingest)) as (floor, floor_pid):
            ours, others = [], [await _run(floor, floor_pid, numbers, given.requests)]
            for _ in range(given.runs):
                ours.append(await _run(port, pid, numbers, given.requests))
                others.append(await _run(floor, floor_pid, numbers, given.requests))
    finally:
        ingest.desk.stop()
    product, alone = medians(ours), medians(others)
    ratio = {
        "ingest_per_s": round(product["per_s"] / alone["per_s"], 3),
        "ingest_cpu": round(alone["cpu_us"] / product["cpu_us"], 3),
    }
    return {"ingest": {"product": product, "bare": alone}, "ratio": ratio}


def _of(ingest: Ingest) -> str:
    return f"{ingest.desk.stack.kafka.bootstrap} {ingest.desk.prefix}"


async def _run(port: int, pid: int, numbers: Iterator[int], count: int) -> dict[str, Any]:
    await ask_all(port, _updates(numbers, WARM_UP), connections=CONNECTIONS, status=202)
    before = cpu_s(pid)
    asked = await ask_all(port, _updates(numbers, count), connections=CONNECTIONS, status=202)
    return {**asked.figures(), "cpu_us": round((cpu_s(pid) - before) / count * 1e6, 1)}


def _updates(numbers: Iterator[int], count: int) -> Iterator[bytes]:
    """Messages to a bot, each of its own, as the messenger sends them."""
    headers = {"X-Telegram-Bot-Api-Secret-Token": SECRET}
    for number in itertools.islice(numbers, count):
        person = random.randrange(10**6)
        chat = {"id": person, "first_name": "Ada", "last_name": "Byron", "username": f"ada{person}"}
        message = {
            "message_id": number,
            "from": {**chat, "is_bot": False, "language_code": "en"},
            "chat": {**chat, "type": "private"},
            "date": 1_790_000_000 + number,
            "text": TEXT.format(random.randrange(10**4)) * 3,
        }
        yield request("POST", PATH, headers, orjson.dumps({"update_id": number, "message": message}))

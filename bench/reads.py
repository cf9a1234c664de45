"""Reads: asked at their owner beside a bare route with the same SQL; and what the gateway adds to one of them."""

import statistics
import time
from argparse import Namespace
from typing import Any

from bench import bare
from bench.asking import Line, ask_all, repeated, request
from bench.desk import BenchDesk, agent_keys, close_desk, fill, open_desk, signed
from bench.pipeline import medians
from tests.stack import Stack

CONNECTIONS = 16
WARM_UP_S = 0.5
TICKETS = 1_000
LIST = "/v1/tickets?limit=50"


async def measure(stack: Stack, given: Namespace) -> dict[str, Any]:
    """The figures of one desk: the bare runs stand around the owner's."""
    seconds, runs = given.read_seconds, given.runs
    desk = await open_desk(stack)
    try:
        tickets = await fill(desk, TICKETS)
        one = f"/v1/tickets/{tickets[len(tickets) // 2]}"
        async with bare.running("owner", desk.dsn) as (floor, _):
            beside = {
                "list": await _beside(desk, floor, LIST, seconds, runs),
                "one": await _beside(desk, floor, one, seconds, runs),
            }
        ratio = {f"reads_{name}": of["ratio"] for name, of in beside.items()}
        (key,) = await agent_keys(desk, 1)
        return {"reads": beside, **await _gateway_adds(desk, one, key, given.alone), "ratio": ratio}
    finally:
        await close_desk(desk)


async def _beside(desk: BenchDesk, floor: int, path: str, seconds: float, runs: int) -> dict[str, Any]:
    """Bare, ours, bare, ours, bare; medians and their ratio."""
    port = desk.processes["tickets"].port
    ours, others = [], [await _run(floor, path, seconds)]
    for _ in range(runs):
        ours.append(await _run(port, path, seconds))
        others.append(await _run(floor, path, seconds))
    owner, alone = medians(ours), medians(others)
    return {"owner": owner, "bare": alone, "ratio": round(owner["per_s"] / alone["per_s"], 3)}


async def _run(port: int, path: str, seconds: float) -> dict[str, Any]:
    what = request("GET", path, signed("admin"))
    await ask_all(port, repeated(what, WARM_UP_S), connections=CONNECTIONS)
    asked = await ask_all(port, repeated(what, seconds), connections=CONNECTIONS)
    return asked.figures()


async def _gateway_adds(desk: BenchDesk, path: str, key: str, count: int) -> dict[str, Any]:
    """One client that asks one at a time, in turn through the gateway and at the owner."""
    ways = {
        "gateway": (desk.processes["gateway"].port, {"authorization": f"Bearer {key}"}),
        "owner": (desk.processes["tickets"].port, signed("admin")),
    }
    lines = {way: (await Line.to(port), request("GET", path, headers)) for way, (port, headers) in ways.items()}
    waits: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(count):
        for way, (line, what) in lines.items():
            began = time.perf_counter()
            status, body = await line.ask(what)
            waits[way].append(1000 * (time.perf_counter() - began))
            if status != 200:
                raise RuntimeError(f"the {way} answered {status}: {body[:500].decode()}")
    for line, _ in lines.values():
        line.close()
    p50 = {way: statistics.median(of) for way, of in waits.items()}
    alone = {way: round(value, 2) for way, value in p50.items()}
    return {"one_at_a_time_ms_p50": alone, "gateway_added_ms_p50": round(p50["gateway"] - p50["owner"], 2)}

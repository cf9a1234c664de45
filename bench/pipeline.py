"""The pipeline beside the bare floor, in turn on one stack: floor, product, floor, product, floor."""

import asyncio
import json
import statistics
import subprocess
import sys
from argparse import Namespace
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from bench import product
from tests.stack import Stack

Run = dict[str, Any]


async def measure(stack: Stack, given: Namespace) -> dict[str, Any]:
    """Throughput, then latency at 100/s and at 1/s; without the floor's script the product is measured alone."""
    floor = given.floor
    throughput = await _in_turn(
        stack, floor, given.runs, ["throughput", str(given.messages)], lambda: product.throughput(stack, given.messages)
    )
    at_100 = await _in_turn(
        stack,
        floor,
        given.runs,
        ["latency", "100", str(given.seconds)],
        lambda: product.latency(stack, 100, given.seconds),
    )
    slow = None
    if given.slow_seconds:
        _say("product, 1 message/s")
        slow = await product.latency(stack, 1, given.slow_seconds)
    return {
        "product": {"throughput": throughput[0], "at_100_per_s": at_100[0], "at_1_per_s": slow},
        "floor": {"throughput": throughput[1], "at_100_per_s": at_100[1]},
        "ratio": _ratios(throughput, at_100, slow),
    }


async def _in_turn(
    stack: Stack, floor: Path | None, runs: int, arguments: list[str], run: Callable[[], Awaitable[Run]]
) -> tuple[Run, Run | None]:
    """Medians of the product's runs and of the floor's around them."""
    ours: list[Run] = []
    bare: list[Run] = []
    for number in range(runs):
        if floor is not None:
            bare.append(await _floor(stack, floor, arguments))
        _say(f"product, {' '.join(arguments)}, run {number + 1} of {runs}")
        ours.append(await run())
        _say(json.dumps(ours[-1]))
    if floor is not None:
        bare.append(await _floor(stack, floor, arguments))
    return medians(ours), medians(bare) if bare else None


async def _floor(stack: Stack, floor: Path, arguments: list[str]) -> Run:
    _say(f"floor, {' '.join(arguments)}")
    dsn = stack.dsn(await stack.create_database())
    command = [sys.executable, str(floor), stack.kafka.bootstrap, dsn, *arguments]
    done = await asyncio.to_thread(subprocess.run, command, stdout=subprocess.PIPE, check=True)
    result: Run = json.loads(done.stdout.splitlines()[-1])
    _say(json.dumps(result))
    return result


def medians(runs: list[Run]) -> Run:
    """Each figure's median."""
    return {name: _median([run[name] for run in runs]) for name in runs[0]}


def _median(values: list[Any]) -> Any:
    if isinstance(values[0], dict):
        return {name: _median([value[name] for value in values]) for name in values[0]}
    if isinstance(values[0], int | float) and all(value is not None for value in values):
        return round(statistics.median(values), 3)
    return values[0]


def _ratios(throughput: tuple[Run, Run | None], at_100: tuple[Run, Run | None], slow: Run | None) -> dict[str, Any]:
    """Of the product to the floor; `one_per_s_p99` is ours at 1/s to the floor's at 100/s."""
    if throughput[1] is None or at_100[1] is None:
        return {}
    names = ("e2e_ms_p50", "e2e_ms_p99", "accept_ms_p50", "accept_ms_p99")
    ratios = {name: round(at_100[0][name] / at_100[1][name], 2) for name in names}
    for name in ("end_to_end_per_s", "accepted_per_s"):
        ratios[name] = round(throughput[0][name] / throughput[1][name], 3)
    if slow is not None:
        ratios["one_per_s_p99"] = round(slow["e2e_ms_p99"] / at_100[1]["e2e_ms_p99"], 2)
    return ratios


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)

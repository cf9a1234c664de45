"""The pipeline bench: the product and the bare floor in turn on one stack; the last line on stdout is the JSON result.

    script/bench [--messages N] [--seconds S] [--runs N] [--floor PATH] [--save]

Ratios are of medians: floor, product, floor, product, floor. Without the floor's script the product is measured alone.
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import product
from tests.stack import Stack

ROOT = Path(__file__).parent.parent
Run = dict[str, Any]


def main() -> None:
    """Measure, print, and keep the figures where asked."""
    given = _arguments()
    stack = Stack()
    _say("starting Kafka and PostgreSQL")
    stack.start()
    try:
        given.floor = given.floor if given.floor.exists() else None
        result = asyncio.run(_measure(stack, given))
    finally:
        stack.stop()
    if given.save:
        _save(result)
    print(json.dumps(result))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--messages", type=int, default=10_000, help="messages of a throughput run")
    parser.add_argument("--seconds", type=float, default=25, help="length of a run at 100/s, its first 5 s left out")
    parser.add_argument("--slow-seconds", type=float, default=60, help="length of the run at 1/s; 0 leaves it out")
    parser.add_argument("--runs", type=int, default=2, help="runs of the product; the floor runs once more")
    parser.add_argument(
        "--floor", type=Path, default=os.environ.get("SWITCHBOARD_FLOOR", ROOT.parent / "shared/bench/floor.py")
    )
    parser.add_argument("--save", action="store_true", help="keep the figures in bench/results/DATE.json")
    return parser.parse_args()


async def _measure(stack: Stack, given: argparse.Namespace) -> dict[str, Any]:
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
        "machine": {"cpus": os.cpu_count(), "arch": platform.machine(), "python": platform.python_version()},
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
    return _medians(ours), _medians(bare) if bare else None


async def _floor(stack: Stack, floor: Path, arguments: list[str]) -> Run:
    _say(f"floor, {' '.join(arguments)}")
    dsn = stack.dsn(await stack.create_database())
    command = [sys.executable, str(floor), stack.kafka.bootstrap, dsn, *arguments]
    done = await asyncio.to_thread(subprocess.run, command, stdout=subprocess.PIPE, check=True)
    result: Run = json.loads(done.stdout.splitlines()[-1])
    _say(json.dumps(result))
    return result


def _medians(runs: list[Run]) -> Run:
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


def _save(result: dict[str, Any]) -> None:
    file = ROOT / "bench" / "results" / f"{datetime.now(UTC):%Y-%m-%d}.json"
    kept = json.loads(file.read_text()) if file.exists() else {}
    kept["pipeline"] = result
    file.write_text(json.dumps(kept, indent=2) + "\n")
    _say(f"kept in {file.relative_to(ROOT)}")


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()

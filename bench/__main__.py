"""The bench: figures of the product, each beside something bare on the same stack; the last line printed is the JSON.

    script/bench [--only PART] [--save] [--messages N] [--seconds S] [--runs N] …

Ratios are of medians; the bare runs stand around the product's own: bare, product, bare, product, bare.
"""

import argparse
import asyncio
import json
import os
import platform
import sys
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvloop

from bench import answers, intake, intents, parsers, pipeline, reads, rules, stream
from tests.stack import Stack

ROOT = Path(__file__).parent.parent
Measure = Callable[[Stack, argparse.Namespace], Coroutine[Any, Any, dict[str, Any]]]
PARTS: dict[str, Measure] = {
    "pipeline": pipeline.measure,
    "answers": answers.measure,
    "reads": reads.measure,
    "stream": stream.measure,
    "rules": rules.measure,
    "ingest": intake.measure,
}
OWN_LOOP = frozenset({"pipeline", "rules"})
"""Parts that run on the loop of asyncio itself, and print as they go."""
ALONE: dict[str, Callable[[argparse.Namespace], Coroutine[Any, Any, dict[str, Any]]]] = {
    "parsers": parsers.measure,
    "intents": intents.measure,
}
"""Parts that need no servers."""


def main() -> None:
    """Measure, print, and keep the figures where asked."""
    given = _arguments()
    given.floor = given.floor if given.floor.exists() else None
    given.corpora = given.corpora if given.corpora.is_dir() else None
    machine = {"cpus": os.cpu_count(), "arch": platform.machine(), "python": platform.python_version()}
    result: dict[str, Any] = {"machine": machine}
    asked = given.only or [*PARTS, *ALONE]
    for part in (part for part in asked if part in ALONE):
        _say(part)
        _add(result, asyncio.run(ALONE[part](given)))
    _with_servers([part for part in asked if part in PARTS], given, result)
    if given.save:
        _save(result)
    print(json.dumps(result))


def _with_servers(parts: list[str], given: argparse.Namespace, result: dict[str, Any]) -> None:
    """The parts that are measured on a stack, on one for all of them."""
    if not parts:
        return
    stack = Stack()
    _say("starting Kafka and PostgreSQL")
    stack.start()
    try:
        for part in parts:
            _say(part)
            own = part in OWN_LOOP
            run = asyncio.run if own else uvloop.run
            _add(result, run(PARTS[part](stack, given)))
            if not own:
                _say(json.dumps(result))
    finally:
        stack.stop()


def _add(result: dict[str, Any], more: dict[str, Any]) -> None:
    """Put a part's figures beside the others; all ratios stand together."""
    ratios = result.get("ratio", {}) | more.get("ratio", {})
    result.update(more | {"ratio": ratios})


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__.splitlines()[0] if __doc__ else "")
    add = parser.add_argument
    add("--only", action="append", choices=[*PARTS, *ALONE], help="just this part; may be repeated")
    add("--save", action="store_true", help="keep the figures in bench/results/DATE.json")
    add("--runs", type=int, default=2, help="runs of the product; the bare ones run once more")
    add("--messages", type=int, default=10_000, help="pipeline: messages of a throughput run")
    add("--seconds", type=float, default=25, help="pipeline: length of a run at 100/s, its first 5 s left out")
    add("--slow-seconds", type=float, default=60, help="pipeline: length of the run at 1/s; 0 leaves it out")
    floor = os.environ.get("SWITCHBOARD_FLOOR", ROOT.parent / "shared/bench/floor.py")
    add("--floor", type=Path, default=floor, help="pipeline: the script of the bare floor")
    corpora = os.environ.get("SWITCHBOARD_CORPORA", ROOT.parent / "shared/corpora")
    add("--corpora", type=Path, default=corpora, help="parsers: the folder of recorded payloads")
    add("--requests", type=int, default=10_000, help="ingest: how many in a run")
    add("--answers", type=int, default=3_000, help="answers: how many in a run")
    add("--read-seconds", type=float, default=8, help="reads: length of a run")
    add("--alone", type=int, default=1_000, help="reads: how often one client asks each way, for what the gateway adds")
    add("--streams", type=int, default=500, help="stream: how many are open")
    add("--stream-rate", type=float, default=20, help="stream: messages/s that arrive meanwhile")
    add("--stream-seconds", type=float, default=15, help="stream: for how long")
    return parser.parse_args()


def _save(result: dict[str, Any]) -> None:
    file = ROOT / "bench" / "results" / f"{datetime.now(UTC):%Y-%m-%d}.json"
    file.parent.mkdir(exist_ok=True)
    kept = json.loads(file.read_text()) if file.exists() else {}
    _add(kept.setdefault("bench", {}), result)
    file.write_text(json.dumps(kept, indent=2) + "\n")
    _say(f"kept in {file.relative_to(ROOT)}")


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()

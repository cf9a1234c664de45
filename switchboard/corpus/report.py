"""Tells what became of recorded payloads: a line for each folder, and the names of those not as expected."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from switchboard.corpus.judging import OUTCOMES, Result, judge, reading
from switchboard.corpus.layout import Folder, Item

SHOWN_CHARS = 160
_PLACE = re.compile(r"\.\d+\.")


@dataclass(frozen=True, slots=True)
class Judged:
    """A folder and what became of its payloads; of `skipped` nobody reads the kind."""

    name: str
    by: tuple[str, ...]
    results: tuple[Result, ...]
    skipped: tuple[Item, ...]

    @property
    def unexpected(self) -> tuple[Result, ...]:
        """Those that are not as their class asks."""
        return tuple(result for result in self.results if not result.expected)

    def count(self, outcome: str) -> int:
        """How many came to that."""
        return sum(result.outcome == outcome for result in self.results)

    @property
    def valid(self) -> tuple[int, int]:
        """Of how many must be parsed, and how many of these were, with every fact right."""
        must = [result for result in self.results if result.item.expectation == "parsed"]
        return len(must), sum(result.outcome == "parsed" for result in must)

    @property
    def not_compared(self) -> dict[str, int]:
        """How often nothing of ours answered to a fact, by its name."""
        return dict(Counter(_PLACE.sub(".", name) for result in self.results for name in result.left).most_common())

    @property
    def why_skipped(self) -> str:
        """Why some were not read."""
        kinds = sorted({item.provider for item in self.skipped})
        shown = ", ".join(kinds[:4]) + (" …" if len(kinds) > 4 else "")
        return f"{len(self.skipped)} skipped: no channel for {self.name}" + (f" ({shown})" if shown else "")


def judged(folder: Folder) -> Judged:
    """Read all payloads of the folder."""
    results, skipped = judge(folder)
    how = (reading(item) for item in folder.items)
    return Judged(folder.name, tuple(sorted({one.by for one in how if one})), tuple(results), tuple(skipped))


def tell(folders: Iterable[Judged], out: Console, *, verbose: bool) -> None:
    """A table, then the names of what is not read and of what is not as expected; with `verbose` of everything."""
    all_ = list(folders)
    out.print(_table(all_))
    for one in all_:
        if one.skipped:
            out.print(escape(one.why_skipped), soft_wrap=True)
        for reason, named in _kept(one).items():
            out.print(escape(f"{one.name}: quarantined, {reason}: {', '.join(named)}"), soft_wrap=True)
        if verbose and one.not_compared:
            left = ", ".join(f"{name} {count}" for name, count in one.not_compared.items())
            out.print(escape(f"{one.name}: facts not compared: {left}"), soft_wrap=True)
        for result in one.results:
            if verbose or not result.expected or result.wrong:
                _tell_one(one.name, result, out)
    out.print(_summary(all_), soft_wrap=True)


def _table(folders: list[Judged]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("folder", no_wrap=True)
    for column in ("payloads", *OUTCOMES, "must parse", "right", "facts", "not compared", "µs"):
        table.add_column(column, justify="right", no_wrap=True)
    for one in folders:
        if one.results:
            table.add_row(one.name, *_figures(one))
    return table


def _figures(one: Judged) -> list[str]:
    must, right = one.valid
    took = median(result.took_us for result in one.results)
    outcomes = [str(one.count(outcome) or "·") for outcome in OUTCOMES]
    share = f"{100 * right / must:.1f} %" if must else "·"
    facts = sum(result.compared for result in one.results)
    return [
        str(len(one.results)),
        *outcomes,
        str(must),
        share,
        str(facts),
        str(sum(one.not_compared.values())),
        f"{took:.0f}",
    ]


def _kept(one: Judged) -> dict[str, list[str]]:
    """Names of those that somebody has to look at, by reason."""
    found: dict[str, list[str]] = defaultdict(list)
    for result in one.results:
        if result.outcome == "quarantined":
            found[result.reason].append(result.item.name)
    return found


def _summary(folders: list[Judged]) -> str:
    read = sum(len(one.results) for one in folders)
    unexpected = sum(len(one.unexpected) for one in folders)
    must, right = (sum(column) for column in zip((0, 0), *(one.valid for one in folders), strict=True))
    told = f"{unexpected} not as expected" if unexpected else "all as expected"
    share = (
        f"; of {must} that must be parsed {right} are, with all facts right ({100 * right / must:.2f} %)"
        if must
        else ""
    )
    return f"{read} payloads read, {told}{share}"


def _tell_one(folder: str, result: Result, out: Console) -> None:
    mark = "[red]✗[/]" if not result.expected else "[yellow]~[/]" if result.wrong else "[green]✓[/]"
    came_to = f"{result.outcome}{f' ({result.reason})' if result.reason else ''}"
    said = f"{folder}/{result.item.name}: {result.item.expectation}, came to {came_to}"
    out.print(f"{mark} {escape(said)}", soft_wrap=True)
    for name, (wanted, found) in result.wrong:
        out.print(f"    {escape(name)}: wanted {escape(_short(wanted))}, found {escape(_short(found))}", soft_wrap=True)


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= SHOWN_CHARS else f"{shown[:SHOWN_CHARS]}…"


def as_json(folders: Iterable[Judged], *, verbose: bool) -> dict[str, Any]:
    """The same for programs."""
    folders = list(folders)
    return {
        "payloads": sum(len(one.results) for one in folders),
        "unexpected": sum(len(one.unexpected) for one in folders),
        "folders": [
            {
                "folder": one.name,
                "read_by": list(one.by),
                "payloads": len(one.results),
                "outcomes": {outcome: one.count(outcome) for outcome in OUTCOMES},
                "reasons": dict(Counter(result.reason for result in one.results if result.reason)),
                "facts_compared": sum(result.compared for result in one.results),
                "facts_not_compared": one.not_compared,
                "must_parse": one.valid[0],
                "right": one.valid[1],
                "skipped": len(one.skipped),
                "why_skipped": one.why_skipped if one.skipped else None,
                "unexpected": [_as_json(result) for result in one.unexpected],
                **({"items": [_as_json(result) for result in one.results]} if verbose else {}),
            }
            for one in folders
        ],
    }


def _as_json(result: Result) -> dict[str, Any]:
    return {
        "file": result.item.name,
        "kind": result.item.kind,
        "expectation": result.item.expectation,
        "outcome": result.outcome,
        "reason": result.reason or None,
        "wrong": {name: {"wanted": _short(wanted), "found": _short(found)} for name, (wanted, found) in result.wrong},
    }

"""What a KPI is: the definition people read, and SQL that says which facts are counted and how.

`observed` gives one row for each thing counted: workspace, counted (one of the KPI's words), ticket, shop, channel,
team, agent, at (for the day it is counted on), and columns of its own. `measures` are aggregates over those rows, one
for each of `values`. The frame around both (`repo/asking.py`) lets only rows of the caller's workspace and shops pass,
applies the filters and groups. Parameters: $2 the window's begin, $3 its end, $4 now.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

Cut = Literal["shop", "channel", "team", "agent", "day"]
CUTS: tuple[Cut, ...] = get_args(Cut)


@dataclass(frozen=True, slots=True)
class Value:
    """A number of a KPI; `unit` is `s` (integer seconds), `moment`, or what is counted."""

    unit: str
    words: str


@dataclass(frozen=True, slots=True)
class Kpi:
    """One KPI; its name is that of its file."""

    name: str
    title: str
    definition: str
    values: Mapping[str, Value]
    counted: tuple[str, ...]
    """What its rows are, for the list of tickets behind a number; the first is meant where none is named."""
    observed: str
    measures: str
    by: tuple[Cut, ...] = CUTS
    windowed: bool = True
    """False where it is of this moment, so that a window makes no sense."""

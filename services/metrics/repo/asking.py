"""The frame around every KPI: only the caller's workspace and shops, the filters asked for, and the groups.

It stands here once, so that no KPI can forget it. Conditions on `workspace` and the like reach the tables' indexes:
`observed` is a plain subquery, which PostgreSQL flattens.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.metrics.domain.window import Window
from services.metrics.kpis.base import CUTS, Cut, Kpi
from services.metrics.repo.shadow import share
from shared.errors import Invalid

MOST_GROUPS = 10_000

_PASSES = """
    where o.workspace = $1 and $2::timestamptz < $3::timestamptz and $4::timestamptz is not null
        and ($5::text[] is null or o.shop = any($5)) and ($6::text is null or o.channel = $6)
        and ($7::text is null or o.team = $7) and ($8::text is null or o.agent = $8)
"""
_KEYS = ", ".join(f"case when '{cut}' = any($9::text[]) then o.{cut} end as key_{cut}" for cut in CUTS if cut != "day")


def _groups(kpi: Kpi) -> str:
    return f"""
        select {_KEYS}, case when 'day' = any($9::text[]) then (o.at at time zone $10::text)::date end as key_day,
            {kpi.measures}
        from ({kpi.observed}) as o {_PASSES}
        group by 1, 2, 3, 4, 5 order by 5 nulls first, 1 nulls first, 2 nulls first, 3 nulls first, 4 nulls first
        limit $11
    """


def _tickets(kpi: Kpi) -> str:
    return f"""
        select distinct o.ticket from ({kpi.observed}) as o {_PASSES} and o.counted = $9 and o.ticket > $10
        order by o.ticket limit $11
    """


@dataclass(frozen=True, slots=True)
class Asked:
    """Which rows; `shops` None is all, and what belongs to no shop. A None of the others leaves a filter out."""

    workspace: str
    window: Window
    now: datetime
    shops: Sequence[str] | None
    channel: str | None = None
    team: str | None = None
    agent: str | None = None

    @property
    def arguments(self) -> tuple[Any, ...]:
        """As the frame's first parameters."""
        shops = None if self.shops is None else list(self.shops)
        edges = (self.window.begin, self.window.end, self.now)
        return (self.workspace, *edges, shops, self.channel, self.team, self.agent)


@dataclass(frozen=True, slots=True)
class Group:
    """One group: its place in each cut asked for, and its numbers."""

    key: Mapping[Cut, Any]
    values: Mapping[str, Any]


async def groups(tx: asyncpg.Connection, kpi: Kpi, asked: Asked, *, by: Sequence[Cut], zone: str) -> list[Group]:
    """The KPI by these cuts, in order of day, shop, channel, team, agent; without a cut exactly one group.

    Raises Invalid where there are more groups than anybody can read.
    """
    await share(tx)
    rows = await tx.fetch(_groups(kpi), *asked.arguments, list(by), zone, MOST_GROUPS + 1)
    if len(rows) > MOST_GROUPS:
        raise Invalid(f"more than {MOST_GROUPS} groups; ask for a shorter window or fewer cuts", reason="too_many")
    found = [
        Group({cut: row[f"key_{cut}"] for cut in CUTS if cut in by}, {name: row[name] for name in kpi.values})
        for row in rows
    ]
    return found or ([] if by else [Group({}, _nothing(kpi))])


def _nothing(kpi: Kpi) -> dict[str, Any]:
    """The numbers over no rows: counts and sums are 0, the rest is not there."""
    return {name: 0 if name.endswith(("_n", "_sum_s")) or name == "n" else None for name in kpi.values}


async def tickets(
    tx: asyncpg.Connection, kpi: Kpi, asked: Asked, *, counted: str, after: UUID, most: int
) -> list[UUID]:
    """Tickets behind a number, in order of their ids."""
    await share(tx)
    rows = await tx.fetch(_tickets(kpi), *asked.arguments, counted, after, most)
    return [row["ticket"] for row in rows]

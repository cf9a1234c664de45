"""The API of the numbers: which KPIs there are, one of them over a window, and the tickets behind a number."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import Depends, FastAPI, Path, Query

from services.metrics.domain.window import Window, window
from services.metrics.kpis import KPIS
from services.metrics.kpis.base import Cut, Kpi
from services.metrics.repo import asking
from services.metrics.repo.asking import Asked
from services.metrics.scope import shops_of, zone_of
from services.metrics.views import GroupView, KpiList, KpiView, Numbers, TicketPage, WindowView
from shared.contracts.fields import Slug, Token
from shared.db.pool import transaction
from shared.errors import Invalid, NotFound
from shared.http import Caller, create_app, problems
from shared.identity import Identity
from shared.service import Runtime

Name = Annotated[str, Path(max_length=60, description="A name that GET /v1/metrics lists")]
FIRST = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Filters:
    """What narrows a KPI."""

    begin: Annotated[str | None, Query(alias="from", max_length=40, description="A day of the zone, or a moment")] = (
        None
    )
    to: Annotated[str | None, Query(max_length=40, description="A day, included whole, or a moment")] = None
    shop: Slug | None = None
    channel: Token | None = None
    team: Slug | None = None
    agent: Slug | None = None


Narrowed = Annotated[Filters, Depends(Filters)]


def create_api(runtime: Runtime) -> FastAPI:
    """The routes."""
    app = create_app(runtime, "Switchboard metrics", description="The numbers, computed from facts.")

    @app.get("/v1/metrics", responses=problems())
    async def list_metrics(_who: Caller) -> KpiList:
        """Every KPI, with its definition and its units."""
        return KpiList(items=[KpiView.of(kpi) for kpi in KPIS.values()])

    @app.get("/v1/metrics/{kpi}", responses=problems(404))
    async def read_metric(
        who: Caller,
        kpi: Name,
        narrowed: Narrowed,
        by: Annotated[list[Cut] | None, Query(description="Repeat it to cut by several")] = None,
    ) -> Numbers:
        """A KPI over a window of time, as a whole or in groups; the caller's workspace and shops only."""
        found, now = _kpi(kpi), runtime.clock()
        _check_cuts(found, narrowed, by or ())
        zone = zone_of(runtime.settings, who, narrowed.shop)
        asked = _asked(found, who, narrowed, zone, now)
        async with transaction(runtime.pool) as tx:
            groups = await asking.groups(tx, found, asked, by=by or (), zone=zone.key)
        shown = WindowView.of(asked.window) if found.windowed else None
        return Numbers(
            kpi=found.name, title=found.title, definition=found.definition, window=shown, at=now, zone=zone.key,
            groups=[GroupView.of(group) for group in groups],
        )  # fmt: skip

    @app.get("/v1/metrics/{kpi}/tickets", responses=problems(404))
    async def list_metric_tickets(
        who: Caller,
        kpi: Name,
        narrowed: Narrowed,
        counted: Annotated[str | None, Query(max_length=60, description="Which; the KPI's first without it")] = None,
        after: Annotated[UUID, Query(alias="cursor", description="`next` of the page before")] = FIRST,
        limit: Annotated[int, Query(ge=1, le=200, description="Most items of a page")] = 50,
    ) -> TicketPage:
        """The tickets behind a number."""
        found = _kpi(kpi)
        _check_cuts(found, narrowed, ())
        chosen = _counted(found, counted)
        zone = zone_of(runtime.settings, who, narrowed.shop)
        asked = _asked(found, who, narrowed, zone, runtime.clock())
        async with transaction(runtime.pool) as tx:
            ids = await asking.tickets(tx, found, asked, counted=chosen, after=after, most=limit + 1)
        return TicketPage(items=ids[:limit], next=str(ids[limit - 1]) if len(ids) > limit else None)

    return app


def _kpi(name: str) -> Kpi:
    if name not in KPIS:
        raise NotFound(f"there is no KPI {name!r}; there are {', '.join(KPIS)}")
    return KPIS[name]


def _check_cuts(kpi: Kpi, narrowed: Filters, by: Sequence[Cut]) -> None:
    filters: dict[Cut, str | None] = {
        "shop": narrowed.shop, "channel": narrowed.channel, "team": narrowed.team, "agent": narrowed.agent
    }  # fmt: skip
    wanted = {*by, *(cut for cut, value in filters.items() if value is not None)}
    if unknown := sorted(wanted - set(kpi.by)):
        raise Invalid(f"{kpi.name} is not known by {', '.join(unknown)}; it is by {', '.join(kpi.by)}")


def _counted(kpi: Kpi, counted: str | None) -> str:
    if counted is not None and counted not in kpi.counted:
        raise Invalid(f"{kpi.name} counts {', '.join(kpi.counted)}, not {counted!r}")
    return counted or kpi.counted[0]


def _asked(kpi: Kpi, who: Identity, narrowed: Filters, zone: ZoneInfo, now: datetime) -> Asked:
    if not kpi.windowed and (narrowed.begin or narrowed.to):
        raise Invalid(f"{kpi.name} is of this moment; leave `from` and `to` out", reason="bad_window")
    span: Window = window(narrowed.begin, narrowed.to, zone, now)
    shops = shops_of(who, narrowed.shop)
    return Asked(who.workspace, span, now, shops, narrowed.channel, narrowed.team, narrowed.agent)

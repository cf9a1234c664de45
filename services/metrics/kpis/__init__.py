"""The registry of KPIs: one line for each file beside this one (docs/add-a-kpi.md)."""

from services.metrics.kpis import backlog, first_reply, sla, volume
from services.metrics.kpis.base import Kpi

KPIS: dict[str, Kpi] = {
    kpi.name: kpi
    for kpi in (
        first_reply.KPI,
        volume.KPI,
        sla.KPI,
        backlog.KPI,
    )
}

"""The status as a table for people and as JSON for programs."""

import asyncio
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from switchboard.installation import Installation
from switchboard.status import ANSWERED, HANDLED, SENT, ServiceStatus, Status, look


def as_json(status: Status) -> dict[str, Any]:
    """Plain values, stable names; addresses of databases are left out, they may hold a password."""
    return {
        "ready": status.ready,
        "pid": status.running.pid,
        "started_at": status.running.started_at,
        "restarting": status.running.restarting,
        "urls": status.running.urls,
        "customers": status.running.customers,
        "services": {
            service.name: {
                **{key: value for key, value in asdict(service).items() if key not in ("name", "counts", "rates")},
                "records": int(service.counts.get(HANDLED, 0)),
                "records_per_s": _rate(service, HANDLED),
                "requests_per_s": _rate(service, ANSWERED),
                "events_sent_per_s": _rate(service, SENT),
            }
            for service in status.services
        },
        "queues": status.queues,
    }


def as_table(status: Status) -> RenderableType:
    """Services above, queues and agents below."""
    parts: list[RenderableType] = [_headline(status), _services(status.services)]
    if status.queues:
        parts.append(_queues(status.queues))
    if status.running.customers:
        parts.append(Text(f"what the demo's customers got: {status.running.customers['kept_in']}"))
    return Group(*parts)


async def watch(installation: Installation, console: Console) -> None:
    """Show the table anew every two seconds, until interrupted."""
    seen = await look(installation)
    with Live(as_table(seen), console=console, auto_refresh=False) as live:
        while True:
            await asyncio.sleep(2)
            seen = await look(installation, seen)
            live.update(as_table(seen), refresh=True)


def _headline(status: Status) -> Text:
    since = datetime.fromisoformat(status.running.started_at)
    minutes = int((datetime.now(UTC) - since).total_seconds() // 60)
    words = "ready" if status.ready else "not ready"
    again = f"; {', '.join(status.running.restarting)} ended and is being started again"
    return Text(
        f"The desk is {words}; up for {minutes // 60} h {minutes % 60:02} min, pid {status.running.pid}"
        f"{again if status.running.restarting else ''}"
    )


def _services(services: list[ServiceStatus]) -> Table:
    table = Table(title="services", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("service", no_wrap=True)
    table.add_column("state", min_width=7)
    for heading in ("lag", "oldest", "records/s", "requests/s", "sent/s", "outbox", "dead", "restarts"):
        table.add_column(heading, justify="right", no_wrap=True)
    for service in services:
        table.add_row(
            service.name,
            _state(service),
            str(sum(service.lag.values())) if service.lag else "–",
            _seconds(service.oldest_s),
            _number(_rate(service, HANDLED)),
            _number(_rate(service, ANSWERED)),
            _number(_rate(service, SENT)),
            _seconds(service.outbox_oldest_s),
            " ".join(f"{state} {count}" for state, count in service.dead_letters.items()) or "0",
            str(service.restarts),
        )
    return table


def _state(service: ServiceStatus) -> Text:
    if service.stopped_topics:
        return Text(f"stopped on {', '.join(service.stopped_topics)} (dlq resume)", style="red")
    return Text("ready", style="green") if service.ready else Text(service.reason or "not ready", style="red")


def _queues(rows: list[dict[str, Any]]) -> Table:
    table = Table(title="queues and agents", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    columns = list(dict.fromkeys(key for row in rows for key in row))
    for column in columns:
        table.add_column(column.replace("_", " "), justify="left" if column == "workspace" else "right")
    for row in rows:
        table.add_row(*(_cell(row.get(column)) for column in columns))
    return table


def _cell(value: object) -> str:
    if isinstance(value, dict):
        return " ".join(f"{key} {_cell(inner)}" for key, inner in value.items()) or "–"
    if isinstance(value, float):
        return _number(value)
    return "–" if value is None else str(value)


def _rate(service: ServiceStatus, metric: str) -> float | None:
    rate = service.rates.get(metric)
    return None if rate is None else round(rate, 2)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} s"

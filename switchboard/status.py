"""How the desk goes right now, read from what every service tells about itself; what is not told is left open."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from switchboard.installation import Installation, Running

Sample = tuple[str, dict[str, str], float]

_TIMEOUT_S = 2.0
_QUEUES_OF = "routing"
HANDLED = "switchboard_records_total"
ANSWERED = "switchboard_http_seconds_count"
SENT = "switchboard_outbox_sent_total"


@dataclass(frozen=True)
class ServiceStatus:
    """One service: whether it is ready and why not, what waits before it, what it has done."""

    name: str
    url: str
    ready: bool
    reason: str | None = None
    pid: int | None = None
    restarts: int = 0
    lag: dict[str, int] = field(default_factory=dict)
    """Records not handled yet, by topic."""
    oldest_s: float | None = None
    outbox_oldest_s: float | None = None
    dead_letters: dict[str, int] = field(default_factory=dict)
    """Since the service started, by what became of them."""
    stopped_topics: list[str] = field(default_factory=list)
    counts: dict[str, float] = field(default_factory=dict)
    """Records handled, requests answered, events sent since the service started."""
    rates: dict[str, float] = field(default_factory=dict)
    """The same a second, between this look and the one before."""


@dataclass(frozen=True)
class Status:
    """The whole desk at one moment."""

    at: float
    running: Running
    services: list[ServiceStatus]
    queues: list[dict[str, Any]]
    """A row for each workspace, as routing tells it: waiting tickets, offers, agents by presence."""

    @property
    def ready(self) -> bool:
        """Whether the desk has come up, every service is ready, and neither Kafka nor PostgreSQL is being restarted."""
        return self.running.ready and not self.running.restarting and all(service.ready for service in self.services)


async def look(installation: Installation, before: Status | None = None) -> Status:
    """Ask every service at once; rates are counted from `before`."""
    running = installation.require_running()
    now = time.monotonic()
    earlier = {service.name: service for service in before.services} if before else {}
    since_s = now - before.at if before else 0.0
    async with httpx.AsyncClient(timeout=_TIMEOUT_S, trust_env=False) as client:
        asked = [_ask(client, running, name, url) for name, url in running.urls.items()]
        answers = await asyncio.gather(*asked)
    services = [_with_rates(service, earlier.get(service.name), since_s) for service, _ in answers]
    return Status(now, running, services, [row for _, rows in answers for row in rows])


async def two_looks(installation: Installation) -> Status:
    """The second a moment after the first, so that there are rates."""
    before = await look(installation)
    await asyncio.sleep(1)
    return await look(installation, before)


async def _ask(
    client: httpx.AsyncClient, running: Running, name: str, url: str
) -> tuple[ServiceStatus, list[dict[str, Any]]]:
    ready, reason = False, "does not answer"
    samples: list[Sample] = []
    queues: list[dict[str, Any]] = []
    try:
        answer = await client.get(f"{url}/readyz")
        ready, reason = answer.status_code == 200, _reason(answer)
        samples = _samples((await client.get(f"{url}/metrics")).text)
        if name == _QUEUES_OF:
            queues = _rows(await client.get(f"{url}/internal/queues"))
    except httpx.HTTPError:
        pass
    told = _Told(samples)
    service = ServiceStatus(
        name=name,
        url=url,
        ready=ready,
        reason=None if ready else reason,
        pid=running.pids.get(name),
        restarts=running.restarts.get(name, 0),
        lag={topic: int(value) for topic, value in told.by("switchboard_consumer_lag_records", "topic").items()},
        oldest_s=told.largest("switchboard_oldest_unhandled_seconds"),
        outbox_oldest_s=told.largest("switchboard_outbox_oldest_seconds"),
        dead_letters={state: int(n) for state, n in told.by("switchboard_dead_letters_total", "state").items()},
        stopped_topics=told.topics_where("switchboard_consumer_stopped"),
        counts={metric: told.total(metric) for metric in (HANDLED, ANSWERED, SENT)},
    )
    return service, queues


def _reason(answer: httpx.Response) -> str:
    try:
        return str(answer.json().get("detail") or answer.status_code)
    except (ValueError, AttributeError):
        return f"answers {answer.status_code}"


def _rows(answer: httpx.Response) -> list[dict[str, Any]]:
    try:
        rows = answer.json()
    except ValueError:
        return []
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _samples(text: str) -> list[Sample]:
    try:
        families = list(text_string_to_metric_families(text))
    except ValueError:
        return []
    return [(sample.name, sample.labels, sample.value) for family in families for sample in family.samples]


class _Told:
    """What one service's metrics say."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._samples = list(samples)

    def by(self, metric: str, label: str) -> dict[str, float]:
        """The metric's sums by one label."""
        found: dict[str, float] = {}
        for name, labels, value in self._samples:
            if name == metric:
                found[labels.get(label, "")] = found.get(labels.get(label, ""), 0) + value
        return found

    def topics_where(self, metric: str) -> list[str]:
        """The topics for which the metric is not 0."""
        return [topic for topic, value in self.by(metric, "topic").items() if value]

    def total(self, metric: str) -> float:
        """The metric's sum over all labels."""
        return sum(value for name, _, value in self._samples if name == metric)

    def largest(self, metric: str) -> float | None:
        """The metric's largest value; None where it is not told."""
        return max((value for name, _, value in self._samples if name == metric), default=None)


def _with_rates(service: ServiceStatus, before: ServiceStatus | None, since_s: float) -> ServiceStatus:
    if before is None or since_s <= 0:
        return service
    grown = {metric: service.counts[metric] - before.counts.get(metric, 0) for metric in service.counts}
    rates = {metric: max(0.0, growth) / since_s for metric, growth in grown.items()}
    return ServiceStatus(**{**vars(service), "rates": rates})

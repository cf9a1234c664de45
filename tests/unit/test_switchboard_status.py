"""The status: read from what services tell, tolerant of what they do not."""

import json
from dataclasses import replace

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from rich.console import Console

from switchboard.installation import Running
from switchboard.status import HANDLED, ServiceStatus, Status, _samples, _Told, _with_rates
from switchboard.status_view import as_json, as_table

RUNNING = Running(1, True, "k", "postgresql://u:secret@h/d", "b", "", {}, "2026-01-01T00:00:00+00:00")


def status(*services: ServiceStatus, queues: list[dict[str, object]] | None = None) -> Status:
    return Status(0.0, RUNNING, list(services), queues or [])


def told() -> _Told:
    registry = CollectorRegistry()
    lag = Gauge("switchboard_consumer_lag_records", "lag", ["topic"], registry=registry)
    lag.labels("ticket-events").set(7)
    records = Counter("switchboard_records_total", "records", ["topic", "outcome"], registry=registry)
    records.labels("ticket-events", "handled").inc(5)
    records.labels("settings", "ignored").inc(2)
    return _Told(_samples(generate_latest(registry).decode()))


def test_metrics_are_summed_by_label_and_in_all() -> None:
    assert told().by("switchboard_consumer_lag_records", "topic") == {"ticket-events": 7}
    assert told().total(HANDLED) == 7


def test_a_metric_that_is_not_told_is_left_open() -> None:
    assert told().largest("switchboard_outbox_oldest_seconds") is None
    assert told().total("switchboard_nothing") == 0


def test_metrics_that_are_none_are_no_error() -> None:
    assert _samples("<html>not metrics</html>") == []


def test_rates_are_counted_between_two_looks_and_never_negative_after_a_restart() -> None:
    before = ServiceStatus("tickets", "u", ready=True, counts={HANDLED: 100})
    after = ServiceStatus("tickets", "u", ready=True, counts={HANDLED: 150})
    assert _with_rates(after, before, 2.0).rates == {HANDLED: 25.0}
    restarted = ServiceStatus("tickets", "u", ready=True, counts={HANDLED: 3})
    assert _with_rates(restarted, before, 2.0).rates == {HANDLED: 0.0}


def test_the_desk_is_ready_only_when_every_service_is() -> None:
    good, bad = ServiceStatus("a", "u", ready=True), ServiceStatus("b", "u", ready=False, reason="settings are read")
    assert status(good).ready
    assert not status(good, bad).ready


def test_the_desk_is_not_ready_while_a_server_is_started_again() -> None:
    again = Status(0.0, replace(RUNNING, restarting=["kafka"]), [ServiceStatus("a", "u", ready=True)], [])
    assert not again.ready


def test_json_holds_no_address_of_a_database() -> None:
    assert "secret" not in json.dumps(as_json(status(ServiceStatus("a", "u", ready=True))))


def test_a_demo_says_where_its_customers_keep_what_they_got() -> None:
    customers = {"web_port": 1, "mail_port": 2, "kept_in": "/kept/here"}
    seen = Status(0.0, replace(RUNNING, customers=customers), [], [])
    console = Console(width=200)
    with console.capture() as captured:
        console.print(as_table(seen))
    assert "/kept/here" in captured.get()
    assert as_json(seen)["customers"] == customers


def test_the_table_shows_why_a_service_is_not_ready_and_what_waits() -> None:
    console = Console(width=200, record=True, file=None, quiet=False)
    with console.capture() as captured:
        rows: list[dict[str, object]] = [{"workspace": "demo", "waiting": 4, "agents": {"available": 2}}]
        console.print(as_table(status(ServiceStatus("b", "u", ready=False, reason="settings are read"), queues=rows)))
    text = captured.get()
    assert "settings are read" in text
    assert "available 2" in text

"""Windows of time: whole days of a reporting zone, also those of 23 and 25 hours, and moments."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.metrics.domain.window import Window, window
from shared.errors import Invalid

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
NOW = datetime(2026, 3, 29, 12, tzinfo=UTC)
ZONES = st.sampled_from(["Europe/Amsterdam", "America/Sao_Paulo", "America/Havana", "Asia/Kathmandu", "Africa/Cairo"])


def hours(span: Window) -> float:
    return (span.end - span.begin) / timedelta(hours=1)


@pytest.mark.parametrize(("day", "long_h"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-03-30", 24)])
def test_a_day_has_as_many_hours_as_its_zone_gives_it(day: str, long_h: int) -> None:
    assert hours(window(day, day, AMSTERDAM, NOW)) == long_h


def test_a_day_begins_where_its_zone_has_midnight() -> None:
    assert window("2026-07-01", "2026-07-02", AMSTERDAM, NOW) == Window(
        datetime(2026, 6, 30, 22, tzinfo=UTC), datetime(2026, 7, 2, 22, tzinfo=UTC)
    )


def test_where_midnight_is_skipped_the_day_begins_with_the_change() -> None:
    """Cairo put its clocks forward at 0:00 on 2024-04-26."""
    span = window("2024-04-26", "2024-04-26", ZoneInfo("Africa/Cairo"), NOW)
    assert span.begin == datetime(2024, 4, 25, 22, tzinfo=UTC)
    assert span.begin.astimezone(ZoneInfo("Africa/Cairo")).hour == 1
    assert hours(span) == 23


def test_where_midnight_comes_twice_the_day_begins_with_the_first() -> None:
    """Havana sets its clocks back from 1:00 to 0:00."""
    span = window("2025-11-02", "2025-11-02", ZoneInfo("America/Havana"), NOW)
    assert (span.begin, hours(span)) == (datetime(2025, 11, 2, 4, tzinfo=UTC), 25)


def test_moments_are_taken_as_they_are() -> None:
    span = window("2026-03-01T08:00:00Z", "2026-03-01T09:30:00+01:00", AMSTERDAM, NOW)
    assert hours(span) == 0.5


def test_without_edges_it_is_thirty_days_with_today() -> None:
    span = window(None, None, AMSTERDAM, NOW)
    assert (span.begin.astimezone(AMSTERDAM).date(), span.end.astimezone(AMSTERDAM)) == (
        date(2026, 2, 28),
        datetime(2026, 3, 30, tzinfo=AMSTERDAM),
    )


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        ("2026-03-02", "2026-03-01"),
        ("2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z"),
        ("yesterday", None),
        ("2026-02-30", None),
        (None, "2026-03-01T00:00:00"),
        ("0001-01-01", None),
        (None, "9999-12-31T23:59:59-12:00"),
    ],
)
def test_a_bad_window_is_refused_with_what_to_do(begin: str | None, end: str | None) -> None:
    with pytest.raises(Invalid, match=r"give a `from`|such as"):
        window(begin, end, AMSTERDAM, NOW)


@given(st.dates(date(1990, 1, 1), date(2037, 12, 30)), ZONES)
def test_days_follow_each_other_without_gap_and_overlap(day: date, name: str) -> None:
    zone = ZoneInfo(name)
    one = window(day.isoformat(), day.isoformat(), zone, NOW)
    following = (day + timedelta(days=1)).isoformat()
    assert one.end == window(following, following, zone, NOW).begin
    assert one.begin.astimezone(zone).date() == day
    assert (one.begin - timedelta(microseconds=1)).astimezone(zone).date() < day

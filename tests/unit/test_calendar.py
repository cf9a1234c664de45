"""Business time is right to the second, over both changes of the clocks, in any zone."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.calendar import Calendar, NeverOpens
from shared.contracts.settings import WEEKDAYS
from shared.contracts.settings import Calendar as Document

OFFICE = {day: ["09:00-12:30", "13:00-17:30"] for day in WEEKDAYS[:5]}
ZONES = ("UTC", "Europe/Amsterdam", "America/New_York", "Australia/Lord_Howe", "Pacific/Kiritimati", "Etc/GMT+12")


def calendar(week: Any = None, **more: Any) -> Calendar:
    return Calendar.of(Document(name="Office", week=week or OFFICE, **{"zone": "Europe/Amsterdam", **more}))


def at(text: str, zone: str = "Europe/Amsterdam") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("2026-03-02T08:00", "2026-03-02T18:00", 8),  # a Monday with a break
        ("2026-03-02T12:00", "2026-03-02T13:30", 1),
        ("2026-03-06T17:00", "2026-03-09T09:30", 1),  # over a weekend
        ("2026-03-07T09:00", "2026-03-08T17:00", 0),
        ("2026-03-02T10:00", "2026-03-02T10:00", 0),
        ("2026-03-02T11:00", "2026-03-02T10:00", 0),
    ],
)
def test_only_opening_hours_count(start: str, end: str, hours: float) -> None:
    assert calendar().business_seconds(at(start), at(end)) == hours * 3600


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-03-28", 24)])
def test_a_day_on_which_the_clocks_change_is_as_long_as_it_was(day: str, hours: int) -> None:
    round_the_clock = calendar({name: ["00:00-24:00"] for name in WEEKDAYS})
    start = at(f"{day}T00:00")
    end = datetime.combine(start.date() + timedelta(days=1), start.time(), start.tzinfo)
    assert round_the_clock.business_seconds(start, end) == hours * 3600


def test_a_night_shift_crosses_midnight() -> None:
    nights = calendar({"mon": ["22:00-06:00"]})
    assert nights.business_seconds(at("2026-03-02T00:00"), at("2026-03-03T05:00")) == 7 * 3600
    assert nights.add_business(at("2026-03-02T12:00"), 8 * 3600) == at("2026-03-03T06:00")


def test_holidays_are_closed_and_exceptions_win() -> None:
    closed = calendar(holidays=["2026-03-02"])
    assert closed.business_seconds(at("2026-03-02T00:00"), at("2026-03-03T00:00")) == 0
    opened = calendar(
        holidays=["2026-03-02"], exceptions={"2026-03-02": ["10:00-11:00"], "2026-03-08": ["10:00-12:00"]}
    )
    assert opened.business_seconds(at("2026-03-02T00:00"), at("2026-03-03T00:00")) == 3600
    assert opened.business_seconds(at("2026-03-08T00:00"), at("2026-03-09T00:00")) == 7200


def test_a_calendar_that_never_opens_is_refused_when_it_is_saved() -> None:
    with pytest.raises(ValidationError, match="never opens"):
        Document(name="Closed", week={"mon": []})


def test_a_calendar_whose_days_are_all_holidays_says_so_instead_of_searching_for_ever() -> None:
    only = Calendar(ZoneInfo("UTC"), ((),) * 7, exceptions={date(2026, 3, 2): ((540, 600),)})
    assert only.add_business(datetime(2026, 3, 1, tzinfo=UTC), 3600) == datetime(2026, 3, 2, 10, tzinfo=UTC)
    with pytest.raises(NeverOpens):
        only.add_business(datetime(2026, 3, 1, tzinfo=UTC), 3601)


clock = st.integers(0, 23 * 4 + 3).map(lambda quarter: f"{quarter // 4:02}:{quarter % 4 * 15:02}")
hours = st.tuples(clock, clock).map("-".join)
weeks = st.dictionaries(st.sampled_from(WEEKDAYS), st.lists(hours, min_size=1, max_size=3), min_size=1)
moments = st.datetimes(datetime(1996, 1, 1), datetime(2026, 12, 31)).map(lambda moment: moment.replace(tzinfo=UTC))
calendars = st.builds(lambda week, zone: calendar(week, zone=zone), weeks, st.sampled_from(ZONES))


@given(calendars, moments, st.integers(0, 30 * 86_400))
@settings(max_examples=150, deadline=None)
def test_adding_and_counting_are_inverse_to_the_second(one: Calendar, start: datetime, seconds: int) -> None:
    then = one.add_business(start, seconds)
    assert one.business_seconds(start, then) == seconds
    if seconds:
        assert one.business_seconds(start, then - timedelta(microseconds=1)) == seconds - 1


@given(calendars, moments, st.integers(0, 4 * 24 * 60))
@settings(max_examples=60, deadline=None)
def test_counting_minute_by_minute_gives_the_same(one: Calendar, start: datetime, minutes: int) -> None:
    start = start.replace(second=0, microsecond=0)
    open_minutes = sum(_open(one, start + timedelta(minutes=minute)) for minute in range(minutes))
    assert one.business_seconds(start, start + timedelta(minutes=minutes)) == open_minutes * 60


def _open(one: Calendar, moment: datetime) -> bool:
    """Whether a span of the day, or of the day before, holds this minute; compared in UTC."""
    day = moment.astimezone(one.zone).date()
    for began in (day - timedelta(days=1), day):
        for start, end in one.week[began.weekday()]:
            midnight = datetime(began.year, began.month, began.day, tzinfo=one.zone)
            opens, closes = ((midnight + timedelta(minutes=m)).astimezone(UTC) for m in (start, end))
            if opens <= moment < closes:
                return True
    return False

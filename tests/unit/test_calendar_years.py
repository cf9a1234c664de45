"""Holidays of countries, calendars that never open, and thirty years of business time against a count of minutes."""

import random
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.gateway.documents import checked
from shared.calendar import Calendar, NeverOpens, problems
from shared.contracts.settings import WEEKDAYS
from shared.contracts.settings import Calendar as Document
from shared.errors import Invalid
from shared.public_days import public_days

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
ZONES = (
    "UTC", "Europe/Amsterdam", "America/New_York", "America/St_Johns", "Australia/Lord_Howe", "Africa/Casablanca",
    "Pacific/Apia", "Pacific/Kiritimati", "Etc/GMT-14", "Etc/GMT+12", "Asia/Kathmandu", "America/Havana",
)  # fmt: skip
COUNTRIES = ((None, None), ("NL", None), ("DE", "BY"), ("US", "CA"), ("JP", None))
EVERY_DAY = {day: ["00:00-24:00"] for day in WEEKDAYS}


def document(**more: Any) -> Document:
    return Document(**{"name": "Office", "week": {day: ["09:00-17:00"] for day in WEEKDAYS[:5]}} | more)


def test_public_holidays_of_a_country_and_its_parts_are_closed() -> None:
    monday = datetime(2026, 5, 25, tzinfo=ZoneInfo("Europe/Berlin"))  # Whit Monday
    assumption = datetime(2025, 8, 15, tzinfo=ZoneInfo("Europe/Berlin"))  # a Friday, Catholic Bavaria's own
    for place, start, hours in (
        ({}, monday, 8),
        ({"country": "DE"}, monday, 0),
        ({"country": "DE", "subdivision": "BE"}, assumption, 8),
        ({"country": "DE", "subdivision": "SL"}, assumption, 0),
    ):
        one = Calendar.of(document(zone="Europe/Berlin", **place))
        assert one.business_seconds(start, start + DAY) == hours * 3600, place


def test_an_exception_opens_a_public_holiday_and_own_days_are_added() -> None:
    one = Calendar.of(
        document(country="NL", holidays=["2026-04-28"], exceptions={"2026-04-27": ["10:00-11:00"]})
    )  # King's Day
    assert one.business_seconds(datetime(2026, 4, 27, tzinfo=UTC), datetime(2026, 4, 29, tzinfo=UTC)) == 3600


def test_the_days_are_those_of_the_pinned_library() -> None:
    """Another release of it may know other days: then every replica has to have it before it counts."""
    said = [
        f"{country} {part} {day}"
        for country, part in COUNTRIES[1:]
        for year in range(2015, 2041)
        for day in sorted(public_days(country or "", part, year))
    ]
    assert len(said) == 1423
    assert sha256("\n".join(said).encode()).hexdigest()[:16] == "c4b1ed69ac744d9b"


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"week": {"mon": []}}, "/week"),
        ({"week": {}}, "/week"),
        ({"week": {"mon": ["09:00"]}}, "/week/mon/0"),
        ({"week": {"mon": [""]}}, "/week/mon/0"),
        ({"week": {"mon": ["24:00-09:00"]}}, "/week/mon/0"),
        ({"week": {"monday": ["09:00-17:00"]}}, "/week/monday"),
        ({"zone": "Mars/Olympus"}, "/zone"),
        ({"country": "nl"}, "/country"),
        ({"country": "XX"}, "/country"),
        ({"country": "NL", "subdivision": "ZZ"}, "/subdivision"),
        ({"subdivision": "BY"}, "/subdivision"),
        ({"holidays": ["2026-02-30"]}, "/holidays/0"),
        ({"holidays": [str(date(2026, 1, 1) + n * DAY) for n in range(400)]}, "/holidays"),
        ({"exceptions": {str(date(2026, 1, 1) + n * DAY): [] for n in range(400)}}, "/exceptions"),
        ({"exceptions": {"2026-01-01": ["09:00-25:00"]}}, "/exceptions/2026-01-01/0"),
    ],
)
def test_a_calendar_that_cannot_count_is_refused_at_its_field(wrong: dict[str, Any], pointer: str) -> None:
    given_ = {"name": "Office", "week": {"mon": ["09:00-17:00"]}, "zone": "UTC"} | wrong
    with pytest.raises(Invalid) as caught:
        checked("calendar", given_)
    assert [field["pointer"] for field in caught.value.fields] == [pointer]


def test_a_long_closure_that_ends_is_none_of_those() -> None:
    assert not problems(document(holidays=[date(2026, 1, 1) + n * DAY for n in range(300)]))


# The count that knows nothing of the calendar's own arithmetic: which minute each wall-clock minute is, one by one.


def naive_open_minutes(one: Document, start: datetime, minutes: int) -> int:
    before = 6 * 24 * 60
    walls = _walls(ZoneInfo(one.zone), start - before * MINUTE, before + minutes + 4 * 24 * 60)
    is_open = bytearray(before + minutes)
    day = (start - 3 * DAY).date()
    while day <= (start + minutes * MINUTE + DAY).date():
        for opens, closes in _walls_of(one, day):
            for minute in range(*((_first(walls, wall) - start) // MINUTE + before for wall in (opens, closes))):
                if minute < len(is_open):
                    is_open[minute] = 1
        day += DAY
    return sum(is_open[before:])


def _walls(zone: ZoneInfo, start: datetime, minutes: int) -> dict[datetime, datetime]:
    """The first moment of each quarter of an hour that the clocks on the wall show."""
    found: dict[datetime, datetime] = {}
    quarter = start.replace(minute=0)
    for moment in (quarter + n * MINUTE for n in range(0, minutes + 60, 15)):
        found.setdefault(moment.astimezone(zone).replace(tzinfo=None, fold=0), moment)
    return found


def _first(walls: dict[datetime, datetime], wall: datetime) -> datetime:
    """A wall-clock minute that was skipped counts on from the last one before it."""
    before = wall
    while before not in walls:
        before -= MINUTE
    return walls[before] + (wall - before)


def _walls_of(one: Document, day: date) -> Iterator[tuple[datetime, datetime]]:
    closed = day in one.holidays or (one.country and day in public_days(one.country, one.subdivision, day.year))
    hours = one.exceptions.get(day, () if closed else one.week.get(WEEKDAYS[day.weekday()], ()))
    for span in hours:
        opens, closes = span.split("-")
        begins = datetime.combine(day, datetime.strptime(opens, "%H:%M").time())
        ends = datetime.combine(day, datetime.min.time()) + int(closes[:2]) * 60 * MINUTE + int(closes[3:]) * MINUTE
        yield begins, ends if ends > begins else ends + DAY


def random_calendar(chance: random.Random) -> Document:
    def hours() -> list[str]:
        found = []
        for _ in range(chance.choice((0, 1, 1, 2, 3))):
            opens, closes = (f"{chance.randrange(24):02}:{chance.choice((0, 15, 30, 59)):02}" for _ in range(2))
            found.append(f"{opens}-{closes}")
        return found

    country, part = chance.choice(COUNTRIES)
    return document(
        zone=chance.choice(ZONES),
        week={day: hours() for day in WEEKDAYS[:6]} | {"sun": ["01:30-02:30"]},
        country=country,
        subdivision=part,
    )


def random_start(chance: random.Random, zone: str) -> datetime:
    """Half of them within a fortnight of a change of the clocks, or of the year."""
    start = datetime(1996, 1, 1, tzinfo=UTC) + chance.randrange(30 * 365 * 24 * 60) * MINUTE
    if chance.random() < 0.5:
        turns = [date(start.year, 3, 29), date(start.year, 10, 29), date(start.year, 11, 3), date(2011, 12, 30)]
        start = datetime.combine(chance.choice(turns), start.time(), UTC) - chance.randrange(7 * 24 * 60) * MINUTE
    return start


def test_business_time_is_what_a_count_minute_by_minute_gives(long_run: bool) -> None:
    chance = random.Random(20261123)
    for _ in range(10_000 if long_run else 300):
        one = random_calendar(chance)
        start, minutes = random_start(chance, one.zone), chance.randrange(14 * 24 * 60)
        counted = Calendar.of(one).business_seconds(start, start + minutes * MINUTE)
        assert counted == 60 * naive_open_minutes(one, start, minutes), (one, start, minutes)


moments = st.datetimes(datetime(1996, 1, 1), datetime(2026, 12, 31)).map(lambda moment: moment.replace(tzinfo=UTC))
KEPT = [Calendar.of(random_calendar(random.Random(seed))) for seed in range(12)]


@given(st.sampled_from(KEPT), moments, st.integers(1, 30 * 365 * 86_400))
@settings(max_examples=100, deadline=None)
def test_adding_and_counting_are_inverse_to_the_second_over_thirty_years(
    one: Calendar, start: datetime, seconds: int
) -> None:
    try:
        then = one.add_business(start, seconds)
    except NeverOpens:
        return
    if then - start < timedelta(days=60 * 365):
        assert one.business_seconds(start, then) == seconds
        assert one.business_seconds(start, then - timedelta(microseconds=1)) == seconds - 1


@given(st.sampled_from(KEPT), moments, st.integers(0, 5 * 10**8), st.integers(0, 5 * 10**8))
@settings(max_examples=100, deadline=None)
def test_business_time_adds_up(one: Calendar, start: datetime, first: int, second: int) -> None:
    middle = start + timedelta(seconds=first)
    end = middle + timedelta(seconds=second)
    parts = one.business_seconds(start, middle) + one.business_seconds(middle, end)
    assert 0 <= one.business_seconds(start, end) - parts <= 1


def test_a_count_over_thirty_years_walks_no_days() -> None:
    one = Calendar.of(document(week=EVERY_DAY, country="NL"))
    start, end = datetime(1996, 5, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC)
    one.business_seconds(start, end)
    began = time.process_time()
    for _ in range(1000):
        one.add_business(start, one.business_seconds(start, end))
    assert time.process_time() - began < 0.5


def test_moments_at_the_ends_of_time_are_no_crash() -> None:
    one = Calendar.of(document(country="NL"))
    early, late = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    assert one.business_seconds(late, early) == 0
    assert one.business_seconds(early, late) > 0
    with pytest.raises(NeverOpens):
        one.add_business(late, 1)

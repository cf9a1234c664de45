"""Business time: how long a shop was open between two moments, and when so much of it has passed (definitions.md).

Pure. Spans are wall-clock times in the calendar's zone; what they last is counted in UTC, so that a night on which the
clocks change is as long as it was. A wall-clock time that the clocks repeat is the first of the two, and one that they
skip is read with the offset from before (RFC 5545, 3.3.5).

A calendar works out a year's openings once and keeps them with a running sum, so that a count over any time is two
searches and a few additions.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from shared.contracts import settings
from shared.public_days import UnknownPlace, parts_of, public_days

Span = tuple[int, int]
"""Minutes after the day's midnight; the end may lie on the next day."""
Problem = tuple[tuple[str, ...], str]
"""The field, and what is wrong with it."""
DAY = timedelta(days=1)
MOST_YEARS = 60
"""Nothing is counted further than so many years."""
YEARS_KEPT = 80
_MICROSECOND = timedelta(microseconds=1)
_SECOND = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_YEAR, _LAST_YEAR = date.min.year + 1, date.max.year - 2
_ANY_DAY = date(2026, 1, 1)
_LONGEST_CLOSED = timedelta(days=366)


class NeverOpens(ValueError):
    """The calendar has no opening so far ahead that there is an answer."""


@dataclass(frozen=True, slots=True)
class Year:
    """A year's openings in seconds since 1970, in order and apart; `open_s[n]` is the time open before the nth."""

    opens: "array[int]"
    closes: "array[int]"
    open_s: "array[int]"

    @staticmethod
    def of(openings: list[tuple[int, int]]) -> "Year":
        """Of openings that are in order and apart."""
        year = Year(array("q"), array("q"), array("q", [0]))
        for opens, closes in openings:
            year.opens.append(opens)
            year.closes.append(closes)
            year.open_s.append(year.open_s[-1] + closes - opens)
        return year

    @property
    def total_us(self) -> int:
        """Microseconds open in the whole year."""
        return self.open_s[-1] * _SECOND

    def before(self, at_us: int) -> int:
        """Microseconds open in this year before a moment, in microseconds since 1970."""
        began = bisect_right(self.opens, at_us // _SECOND)
        if began == 0:
            return 0
        last = began - 1
        return self.open_s[last] * _SECOND + min(at_us, self.closes[last] * _SECOND) - self.opens[last] * _SECOND

    def reached(self, open_us: int) -> int:
        """The moment at which so many microseconds (more than 0, at most all) were open in this year."""
        last = bisect_left(self.open_s, -(-open_us // _SECOND)) - 1
        return self.opens[last] * _SECOND + open_us - self.open_s[last] * _SECOND


@dataclass(frozen=True, slots=True)
class Calendar:
    """Weekly spans (Monday first), days that are closed, and days that are otherwise."""

    zone: ZoneInfo
    week: tuple[tuple[Span, ...], ...]
    holidays: frozenset[date] = frozenset()
    exceptions: Mapping[date, tuple[Span, ...]] = field(default_factory=dict)
    country: str | None = None
    subdivision: str | None = None
    _years: OrderedDict[int, Year] = field(default_factory=OrderedDict, compare=False, repr=False)

    @staticmethod
    def of(document: settings.Calendar) -> "Calendar":
        """The calendar that a settings document describes; keep it, since it remembers what it worked out."""
        return Calendar(
            zone=ZoneInfo(document.zone),
            week=tuple(tuple(map(_span, document.week.get(day, ()))) for day in settings.WEEKDAYS),
            holidays=frozenset(document.holidays),
            exceptions={day: tuple(map(_span, spans)) for day, spans in document.exceptions.items()},
            country=document.country,
            subdivision=document.subdivision,
        )

    def business_seconds(self, start: datetime, end: datetime) -> int:
        """Whole seconds from `start` to `end` within opening hours; 0 where `end` is not later, at most MOST_YEARS."""
        begins, ends = _since_epoch(start), _since_epoch(end)
        if ends <= begins:
            return 0
        first, last = self._year_of(start), self._year_of(end)
        total = -self._year(first).before(begins)
        for year in range(first, min(last, first + MOST_YEARS)):
            total += self._year(year).total_us
        if last <= first + MOST_YEARS:
            total += self._year(last).before(ends)
        return total // _SECOND

    def is_open(self, at: datetime) -> bool:
        """Whether the moment lies within opening hours; the moment of closing does not."""
        return self.business_seconds(at, at + timedelta(seconds=1)) > 0

    def add_business(self, start: datetime, seconds: int) -> datetime:
        """The first moment at which so many seconds of opening hours have passed since `start` (UTC).

        Raises NeverOpens where the calendar does not open that often within MOST_YEARS.
        """
        if seconds <= 0:
            return start.astimezone(UTC)
        first = self._year_of(start)
        left = seconds * _SECOND + self._year(first).before(_since_epoch(start))
        for number in range(first, min(first + MOST_YEARS, _LAST_YEAR) + 1):
            year = self._year(number)
            if left <= year.total_us:
                return _EPOCH + year.reached(left) * _MICROSECOND
            left -= year.total_us
        raise NeverOpens(f"the calendar does not open for {seconds} s within {MOST_YEARS} years of {start.isoformat()}")

    def _year_of(self, moment: datetime) -> int:
        return min(max(moment.astimezone(self.zone).year, _FIRST_YEAR), _LAST_YEAR)

    def _year(self, number: int) -> Year:
        known = self._years.get(number)
        if known is None:
            known = self._years[number] = Year.of(list(self._openings(number)))
            if len(self._years) > YEARS_KEPT:
                self._years.popitem(last=False)
        return known

    def _openings(self, year: int) -> Iterator[tuple[int, int]]:
        """The year's openings in order; those that touch or overlap are one, those over its ends are cut there."""
        begins, ends = (self._moment(date(number, 1, 1), 0) for number in (year, year + 1))
        day, until = date(year, 1, 1) - 2 * DAY, date(year + 1, 1, 2)
        spans: list[tuple[int, int]] = []
        while day < until:
            spans += [(self._moment(day, opens), self._moment(day, closes)) for opens, closes in self._of_day(day)]
            day += DAY
        held: tuple[int, int] | None = None
        for opens, closes in sorted((max(opens, begins), min(closes, ends)) for opens, closes in spans):
            if closes <= opens:
                continue
            if held is not None and opens <= held[1]:
                held = (held[0], max(held[1], closes))
                continue
            if held is not None:
                yield held
            held = (opens, closes)
        if held is not None:
            yield held

    def _of_day(self, day: date) -> tuple[Span, ...]:
        other = self.exceptions.get(day)
        return self._regular(day) if other is None else other

    def _regular(self, day: date) -> tuple[Span, ...]:
        if day in self.holidays:
            return ()
        if self.country is not None and day in public_days(self.country, self.subdivision, day.year):
            return ()
        return self.week[day.weekday()]

    def _moment(self, day: date, minutes: int) -> int:
        later, minute = divmod(minutes, 24 * 60)
        wall = datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=self.zone) + later * DAY
        return _since_epoch(wall) // _SECOND


def problems(document: settings.Calendar) -> list[Problem]:
    """What only its days tell of a calendar: a place that nobody knows, or a year without an opening."""
    unknown = _unknown_place(document)
    if unknown:
        return unknown
    calendar = Calendar.of(document)
    seen: set[date] = set()
    for first in sorted({_ANY_DAY, *document.holidays, *document.exceptions}):
        day = first
        while day not in seen and day.year <= _LAST_YEAR and not calendar._of_day(day):
            seen.add(day)
            day += DAY
            if day - first > _LONGEST_CLOSED:
                own, other = (
                    sum(first <= one <= day for one in days) for days in (document.holidays, document.exceptions)
                )
                named = "exceptions" if other > own else "holidays"
                return [
                    ((named,), f"from {first} on the calendar never opens for more than a year; give it hours then")
                ]
    return []


def _unknown_place(document: settings.Calendar) -> list[Problem]:
    country, part = document.country, document.subdivision
    if country is None:
        return [] if part is None else [(("subdivision",), "a part of a country needs its country")]
    try:
        parts = parts_of(country)
    except UnknownPlace:
        return [(("country",), f"no holidays are known of {country}; give a code of ISO 3166-1, or days of your own")]
    if part is None or part in parts:
        return []
    return [
        (
            ("subdivision",),
            f"{country} has no part {part} with holidays of its own; it has: {', '.join(parts) or 'none'}",
        )
    ]


def _since_epoch(moment: datetime) -> int:
    """Microseconds."""
    return (moment - _EPOCH) // _MICROSECOND


def _span(text: str) -> Span:
    """`09:00-17:30`, `22:00-06:00` (into the next day), `00:00-24:00`."""
    start, end = (int(part[:2]) * 60 + int(part[3:]) for part in text.split("-"))
    return (start, end if end > start else end + 24 * 60)

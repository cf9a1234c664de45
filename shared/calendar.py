"""Business time: how long a shop was open between two moments, and when so much of it has passed (definitions.md).

Pure. Spans are wall-clock times in the calendar's zone; what they last is counted in UTC, so that a night on which the
clocks change is as long as it was. A wall-clock time that the clocks skip or repeat is read as PEP 495's fold 0 says.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from shared.contracts import settings

Span = tuple[int, int]
"""Minutes after the day's midnight; the end may lie on the next day."""
DAY = timedelta(days=1)
_MICROSECOND = timedelta(microseconds=1)
_SECOND = 1_000_000
_MOST_DAYS = 366 * 60


class NeverOpens(ValueError):
    """The calendar has no opening so far ahead that there is an answer."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """Weekly spans (Monday first), days that are closed, and days that are otherwise."""

    zone: ZoneInfo
    week: tuple[tuple[Span, ...], ...]
    holidays: frozenset[date] = frozenset()
    exceptions: dict[date, tuple[Span, ...]] = field(default_factory=dict)

    @staticmethod
    def of(document: settings.Calendar) -> "Calendar":
        """The calendar that a settings document describes."""
        return Calendar(
            zone=ZoneInfo(document.zone),
            week=tuple(tuple(map(_span, document.week.get(day, ()))) for day in settings.WEEKDAYS),
            holidays=frozenset(document.holidays),
            exceptions={day: tuple(map(_span, spans)) for day, spans in document.exceptions.items()},
        )

    def business_seconds(self, start: datetime, end: datetime) -> int:
        """Whole seconds from `start` to `end` within opening hours; 0 where `end` is not later."""
        if end <= start:
            return 0
        total = 0
        for opens, closes in self._openings(start):
            if opens >= end:
                break
            total += (min(closes, end) - max(opens, start)) // _MICROSECOND
        return total // _SECOND

    def add_business(self, start: datetime, seconds: int) -> datetime:
        """The first moment at which so many seconds of opening hours have passed since `start` (UTC).

        Raises NeverOpens where the calendar does not open that often within sixty years.
        """
        left = seconds * _SECOND
        if left <= 0:
            return start.astimezone(UTC)
        for opens, closes in self._openings(start):
            begins = max(opens, start)
            open_for = (closes - begins) // _MICROSECOND
            if open_for >= left:
                return (begins + left * _MICROSECOND).astimezone(UTC)
            left -= open_for
        raise NeverOpens(f"the calendar does not open for {seconds} s within sixty years of {start.isoformat()}")

    def _openings(self, since: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Openings that end after `since`, in UTC, in order; those that touch or overlap are one."""
        day = since.astimezone(self.zone).date() - 2 * DAY
        held: tuple[datetime, datetime] | None = None
        for _ in range(_MOST_DAYS):
            for opens, closes in sorted(self._of_day(day)):
                if closes <= since or closes <= opens:
                    continue
                if held is not None and opens <= held[1]:
                    held = (held[0], max(held[1], closes))
                    continue
                if held is not None:
                    yield held
                held = (opens, closes)
            if day > date.max - 3 * DAY:
                break
            day += DAY
        if held is not None:
            yield held

    def _of_day(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        spans = () if day in self.holidays else self.week[day.weekday()]
        for start, end in self.exceptions.get(day, spans):
            yield self._moment(day, start), self._moment(day, end)

    def _moment(self, day: date, minutes: int) -> datetime:
        later, minute = divmod(minutes, 24 * 60)
        wall = datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=self.zone) + later * DAY
        return wall.astimezone(UTC)


def _span(text: str) -> Span:
    """`09:00-17:30`, `22:00-06:00` (into the next day), `00:00-24:00`."""
    start, end = (int(part[:2]) * 60 + int(part[3:]) for part in text.split("-"))
    return (start, end if end > start else end + 24 * 60)

"""A window of time in a reporting zone: half-open, its edges moments or whole days, which have 23 to 25 hours."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from shared.errors import Invalid

DEFAULT_DAYS = 30
_YEARS = range(1970, 9000)


@dataclass(frozen=True, slots=True)
class Window:
    """From `begin` up to but not including `end`, both UTC."""

    begin: datetime
    end: datetime


def window(begin: str | None, end: str | None, zone: ZoneInfo, now: datetime) -> Window:
    """The window that two edges name; raises Invalid, which says what to give instead.

    An edge is a moment (RFC 3339) or a day, 2026-03-29, of the zone: as `from` its first moment, as `to` its last, so
    that a day alone is from=2026-03-29&to=2026-03-29. Without `to`: today; without `from`: 30 days.
    """
    until = _edge("to", end) if end else now.astimezone(zone).date()
    stop = _first_moment(until + timedelta(days=1), zone) if not isinstance(until, datetime) else until
    last_day = (stop - timedelta(microseconds=1)).astimezone(zone).date()
    since = _edge("from", begin) if begin else last_day - timedelta(days=DEFAULT_DAYS - 1)
    start = since if isinstance(since, datetime) else _first_moment(since, zone)
    if start >= stop:
        raise Invalid(
            f"the window is empty: it begins at {start.isoformat()} and ends at {stop.isoformat()}; "
            "give a `from` that lies before `to`",
            reason="bad_window",
        )
    return Window(start, stop)


def _edge(name: str, text: str) -> date | datetime:
    try:
        found = date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
    except ValueError:
        raise _unreadable(name, text) from None
    if found.year not in _YEARS or (isinstance(found, datetime) and found.tzinfo is None):
        raise _unreadable(name, text)
    return found.astimezone(UTC) if isinstance(found, datetime) else found


def _unreadable(name: str, text: str) -> Invalid:
    return Invalid(
        f"{name}={text[:40]!r} is neither a day such as 2026-03-29 nor a moment such as 2026-03-29T08:00:00Z "
        "(in an address, + is written %2B)",
        reason="bad_window",
    )


def _first_moment(day: date, zone: ZoneInfo) -> datetime:
    """Where midnight is skipped (a clock put forward at 0:00), the moment of the change, which is the day's first."""
    return datetime.combine(day, time(), zone).astimezone(UTC)

"""Public holidays of a country or a part of it, by year: a lead names the country, and the library knows the days.

The library's version is pinned, so that every replica counts the same days (docs/decisions/0023). It is loaded where a
calendar names a country, since it takes some 15 MB.
"""

from datetime import date
from functools import lru_cache
from typing import Any

YEARS = range(1900, 2200)
"""Of other years no holidays are known."""
MOST_YEARS_KEPT = 512
"""Years of countries that stay computed; each is some fifteen days."""


class UnknownPlace(ValueError):
    """The library knows no such country, or no such part of it."""


@lru_cache(MOST_YEARS_KEPT)
def public_days(country: str, subdivision: str | None, year: int) -> frozenset[date]:
    """The days of that year (ISO 3166-1 and 3166-2 codes), with the days off that stand in for those on a weekend.

    Raises UnknownPlace.
    """
    if year not in YEARS:
        return frozenset()
    found = _of_library(country, subdiv=subdivision, years=year, expand=False)
    return frozenset(day for day in found if day.year == year)


def parts_of(country: str) -> list[str]:
    """The parts of a country that have days of their own; raises UnknownPlace."""
    return list(_of_library(country).subdivisions)


def _of_library(country: str, **more: Any) -> Any:
    import holidays  # noqa: PLC0415 - only who needs it pays for it

    try:
        return holidays.country_holidays(country, **more)
    except NotImplementedError as error:  # what the library raises for a place that it does not know
        raise UnknownPlace(str(error)) from error

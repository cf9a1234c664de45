"""The opening hours that settings name, each calendar kept with what it has worked out (shared/calendar.py)."""

from collections import OrderedDict
from dataclasses import dataclass

from shared.bus.settings import SettingsReader
from shared.calendar import Calendar
from shared.contracts import settings

MOST_KEPT = 2_000

_kept: OrderedDict[tuple[str, str, int], tuple[settings.Calendar, Calendar]] = OrderedDict()
"""By workspace, id and version, with the document that it was made from."""


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """A calendar, and which it is."""

    name: str
    version: int
    calendar: Calendar


def named(reader: SettingsReader, workspace: str, name: str | None) -> OpeningHours | None:
    """The calendar in its newest version; None where there is none: every hour counts."""
    document = reader.get("calendar", workspace, name) if name is not None else None
    if name is None or not isinstance(document, settings.Calendar):
        return None
    version = reader.version("calendar", workspace, name)
    return OpeningHours(name, version, calendar(workspace, name, version, document))


def of_shop(reader: SettingsReader, workspace: str, shop: str | None) -> OpeningHours | None:
    """The shop's opening hours; None where every hour counts."""
    document = reader.get("shop", workspace, shop or "")
    return named(reader, workspace, document.calendar if isinstance(document, settings.Shop) else None)


def calendar(workspace: str, name: str, version: int, document: settings.Calendar) -> Calendar:
    """The calendar of a document in this version."""
    key = (workspace, name, version)
    kept = _kept.get(key)
    if kept is None or (kept[0] is not document and kept[0] != document):
        kept = _kept[key] = (document, Calendar.of(document))
        while len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)
    return kept[1]

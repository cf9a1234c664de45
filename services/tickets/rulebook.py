"""The rules of a workspace, sorted once for each version of its settings, and what settings say beside them."""

from datetime import datetime
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from services.tickets.domain.rules.engine import Known, RuleSet
from services.tickets.domain.rules.triggers import KINDS
from services.tickets.domain.ticket import Ticket
from services.tickets.opening_hours import of_shop
from shared.bus.settings import SettingsReader
from shared.contracts.rules import Rule
from shared.contracts.settings import Workspace

NO_RULES = RuleSet()
_BOOKS: WeakKeyDictionary[SettingsReader, dict[str, RuleSet]] = WeakKeyDictionary()
"""The rules of each workspace, until a document changes that they are made from."""


def rules_of(reader: SettingsReader, workspace: str) -> RuleSet:
    """The rules in use: none while the workspace's kill switch is off."""
    book = _BOOKS.get(reader)
    if book is None:
        book = _BOOKS[reader] = {}
        reader.on_change(partial(_forget, book))
    rules = book.get(workspace)
    if rules is None:
        rules = book[workspace] = _read(reader, workspace)
    return rules


def _forget(book: dict[str, RuleSet], workspace: str, kind: str, _id: str) -> None:
    if kind in ("rule", "workspace"):
        book.pop(workspace, None)


def _read(reader: SettingsReader, workspace: str) -> RuleSet:
    if not _enabled(reader, workspace):
        return NO_RULES
    there = reader.all("rule", workspace).items()
    known = ((id_, rule, reader.version("rule", workspace, id_)) for id_, rule in there)
    return RuleSet.of([Known(id_, rule, version) for id_, rule, version in known if isinstance(rule, Rule)])


def heeded(reader: SettingsReader, attributes: dict[str, Any]) -> bool:
    """Whether a rule may wait for what an envelope tells, or count time by it."""
    kinds = KINDS.get(attributes["type"])
    if kinds is None or not reader.ready():
        return kinds is not None
    rules = rules_of(reader, attributes["workspace"])
    if rules is NO_RULES or not rules.by_kind:
        return False
    data = attributes["data"]
    place = (data["channel"], data["account"], attributes.get("shop"))
    return bool(rules.timed_at(place) or rules.heeding(kinds, place))


def _enabled(reader: SettingsReader, workspace: str) -> bool:
    document = reader.get("workspace", workspace, workspace)
    return not isinstance(document, Workspace) or document.rules_enabled


def is_open(reader: SettingsReader, ticket: Ticket, now: datetime) -> bool:
    """Whether the ticket's shop is open at this moment."""
    hours = of_shop(reader, ticket.workspace, ticket.shop)
    return hours is None or hours.calendar.is_open(now)

"""Which records the rules' consumer takes apart at all, and that a changed document is seen at once."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from services.tickets import facts
from services.tickets.handlers import on_ticket
from services.tickets.rulebook import heeded, rules_of
from services.tickets.wording import MissingVariables, text_of, values_of, whole
from shared.bus import codec
from shared.bus.interest import OwnEvents
from shared.bus.settings import SettingsReader
from shared.config import ServiceConfig
from shared.contracts.envelope import Event
from shared.contracts.macros import Macro
from shared.contracts.settings import SettingChanged
from shared.contracts.ticket_events import MessageAdded, ReplyFailed, TicketEvent, TicketOpened
from shared.errors import Invalid
from tests.unit.test_tickets_rules import ticket

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
TAG = {"do": "add-tags", "tags": ["x"]}


class Settings(SettingsReader):
    """Documents as a test gives them."""

    def __init__(self, *, read: bool = True) -> None:
        super().__init__(ServiceConfig(kafka="127.0.0.1:9", postgres="postgresql://127.0.0.1:9/none"), "tickets")
        self._version = 0
        if read:
            self._read_to_end.set()

    def put(self, kind: str, id_: str, document: dict[str, Any]) -> None:
        """A next version of a document."""
        self._version += 1
        data = SettingChanged(kind=kind, document_id=id_, document=document)
        self.apply(Event(uuid4(), "gateway", NOW, "main", data, version=self._version))


def rule(**more: Any) -> dict[str, Any]:
    """A rule that tags what is opened."""
    return {"name": "r", "when": [{"event": "opened"}], "actions": [TAG]} | more


def told(kind: type[TicketEvent] = TicketOpened, **more: Any) -> dict[str, Any]:
    """The record of an event, as its consumer first sees it."""
    data = kind(**facts.carried(ticket()), message=uuid4(), **more)
    attributes: dict[str, Any] = json.loads(codec.encode(Event(uuid4(), "tickets", NOW, "main", data, shop="acme")))
    return attributes


def test_what_no_rule_waits_for_is_passed_by() -> None:
    settings = Settings()
    settings.put("workspace", "main", {"name": "Main"})
    assert not heeded(settings, told())
    settings.put("rule", "r", rule())
    assert heeded(settings, told())
    assert not heeded(settings, told(MessageAdded, author="customer"))
    settings.put("rule", "r", rule(conditions={"field": "channel", "any_of": ["mail"]}))
    assert not heeded(settings, told())
    settings.put("rule", "r", rule(shops=["zest"]))
    assert not heeded(settings, told())
    settings.put("rule", "wait", rule(when=[{"event": "no-reply", "by": "agent", "minutes": 5}]))
    assert heeded(settings, told(MessageAdded, author="customer"))


def test_a_kill_switch_stops_reading_and_rules_are_those_of_the_newest_version() -> None:
    settings = Settings()
    settings.put("rule", "r", rule())
    assert heeded(settings, told())
    settings.put("rule", "r", rule(enabled=False))
    assert not heeded(settings, told())
    settings.put("rule", "r", rule(order=7))
    assert rules_of(settings, "main").by_kind["opened"][0].rule.order == 7
    settings.put("workspace", "main", {"name": "Main", "rules_enabled": False})
    assert not heeded(settings, told())
    settings.put("workspace", "main", {"name": "Main"})
    assert heeded(settings, told())


def test_nothing_is_passed_by_while_settings_are_not_read() -> None:
    concerns = OwnEvents().concern(on_ticket, Settings(read=False))
    assert concerns(told())
    assert not concerns({"type": ReplyFailed.TYPE, "id": str(uuid4())})


def test_a_text_takes_the_language_of_the_ticket_and_is_whole_or_refused() -> None:
    settings = Settings()
    settings.put("workspace", "main", {"name": "Main", "languages": ["nl", "en"], "zone": "Asia/Tokyo"})
    settings.put("shop", "acme", {"name": "Acme"})
    settings.put("agent", "anna", {"name": "Anna Berg"})
    macro = Macro(name="m", texts={"en": "{{ shop.name }}", "nl": "Dag {{ customer.first_name }}, {{ agent.name }}"})
    on = ticket(workspace="main", language="ar")
    language, said = text_of(settings, macro, on, values_of(settings, on, "Ada Lovelace", None, "anna"))
    assert (language, whole(said)) == ("nl", "Dag Ada, Anna Berg")
    _, hole = text_of(settings, macro, on, values_of(settings, on, None, None, None))
    with pytest.raises(MissingVariables, match=r"customer\.first_name, agent\.name"):
        whole(hole)
    empty = Macro(name="m", texts={"nl": "{% if order.name == 'x' %}y{% endif %}"})
    with pytest.raises(Invalid, match="empty"):
        whole(text_of(settings, empty, on, values_of(settings, on, None, None, None))[1])

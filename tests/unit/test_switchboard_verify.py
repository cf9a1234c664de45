"""Which records `switchboard verify` looks for, and by which id."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from shared.contracts.envelope import Event
from shared.contracts.raw_inbound import RawReceived
from shared.contracts.ticket_events import MessageAdded
from shared.ids import new_id
from switchboard.verify import EFFECTS

NOW = datetime(2026, 3, 2, tzinfo=UTC)
NAMES = {(service, topic): name for service, topic, name in EFFECTS}


def event(data: Any) -> Event[Any]:
    return Event(new_id(), "test", NOW, "main", data)


def added(author: Any, message: UUID) -> MessageAdded:
    carried: dict[str, Any] = {"person": new_id(), "channel": "http", "account": "form", "state": "open", "cycle": 1}
    return MessageAdded(ticket=new_id(), message=message, author=author, cycle_started_at=NOW, **carried)


@pytest.mark.parametrize(("author", "looked_for"), [("agent", True), ("rule", True), ("customer", False)])
def test_what_the_desk_wrote_must_stand_on_its_ticket(author: str, looked_for: bool) -> None:
    message = new_id()
    assert NAMES["tickets", "ticket-events"](event(added(author, message))) == (message if looked_for else None)


def test_a_request_that_was_read_needs_no_place_in_quarantine() -> None:
    refused = event(RawReceived(channel="http", account="form", refusal="parser_failed"))
    assert NAMES["ingest", "raw-inbound"](refused) == refused.id
    assert NAMES["ingest", "raw-inbound"](event(RawReceived(channel="http", account="form"))) is None

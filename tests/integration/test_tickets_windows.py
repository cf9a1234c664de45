"""A conversation whose customer has been silent for too long: what its ticket shows, and what may still go out."""

from datetime import UTC, datetime, timedelta
from typing import Any

from shared.contracts.inbound_messages import Sender
from tests.integration.answering import answer, commands, opened
from tests.integration.ticketing import Tickets

DAY = timedelta(hours=24)
TEMPLATE = {"name": "still_there", "language": "en_US", "values": ["Ada"]}


def from_ada(at: datetime, **more: Any) -> dict[str, Any]:
    sender = Sender(kind="phone", value="31612345678", verified=True)
    place = {"channel": "whatsapp", "account": "wa", "thread": None, "sender": sender}
    return {**place, "accepted_at": at, **more}


async def test_within_the_window_an_answer_says_when_its_customer_was_heard(tickets: Tickets) -> None:
    heard_at = datetime.now(UTC) - timedelta(hours=1)
    ticket = await opened(tickets, **from_ada(heard_at))
    closes_at = (await tickets.get(f"/v1/tickets/{ticket}"))["reply_window_closes_at"]
    assert datetime.fromisoformat(closes_at) == heard_at + DAY
    assert (await answer(tickets, ticket)).status_code == 201
    (command,) = await commands(tickets, 1)
    assert (command.data.heard_at, command.data.template) == (heard_at, None)


async def test_after_it_only_a_template_goes_until_the_customer_writes_again(tickets: Tickets) -> None:
    now = datetime.now(UTC)
    ticket = await opened(tickets, **from_ada(now - 2 * DAY))
    refused = await answer(tickets, ticket)
    assert (refused.status_code, refused.json()["type"].rsplit(":", 1)[-1]) == (422, "window_closed")
    assert "template" in refused.json()["detail"]
    assert (await answer(tickets, ticket, template=TEMPLATE)).status_code == 201
    echo = from_ada(now, number=2, echo=True)
    await tickets.publish(tickets.message(**echo))
    await tickets.timeline(ticket, 4)
    assert (await answer(tickets, ticket)).status_code == 422
    await tickets.write(**from_ada(now, number=3))
    await tickets.timeline(ticket, 5)
    assert (await answer(tickets, ticket)).status_code == 201
    with_template, plain = await commands(tickets, 2)
    assert with_template.data.template is not None and with_template.data.template.name == "still_there"
    assert plain.data.heard_at == now


async def test_where_there_are_no_templates_the_writer_is_told(tickets: Tickets) -> None:
    ticket = await opened(tickets)
    refused = await answer(tickets, ticket, template=TEMPLATE)
    assert (refused.status_code, refused.json()["type"].rsplit(":", 1)[-1]) == (422, "no_templates")
    assert (await tickets.get(f"/v1/tickets/{ticket}"))["reply_window_closes_at"] is None

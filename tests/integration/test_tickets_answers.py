"""An agent answers: the customer's address, once per command, never over what was not seen, and how far it came."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from shared.contracts.delivery_events import DeliveryChanged
from shared.contracts.envelope import Event
from shared.contracts.inbound_messages import Sender
from shared.contracts.outbound_commands import SendMessage
from shared.contracts.settings import SettingChanged
from shared.contracts.ticket_events import MessageAdded, ReplyFailed, ReplySent, StateChanged
from shared.ids import derived_id, new_id
from shared.telemetry.trace import child
from tests.desk import Desk
from tests.eventually import eventually
from tests.factories import START
from tests.integration.campaign import database
from tests.integration.ticketing import Tickets, new_workspace, one_desk
from tests.stack import Stack

TEXT = "Your bicycle comes tomorrow."


@pytest.fixture(scope="module")
def desk(stack: Stack) -> Iterator[Desk]:
    """Tickets alone."""
    yield from one_desk(stack)


@pytest.fixture
def tickets(desk: Desk) -> Tickets:
    """A workspace."""
    return new_workspace(desk)


async def ask(tickets: Tickets, path: str, body: Any, *, agent: str | None = "anna", key: str = "") -> httpx.Response:
    async with tickets.client(agent=agent) as client:
        return await client.post(path, json=body, headers={"idempotency-key": key} if key else {})


async def answer(
    tickets: Tickets, ticket: UUID, key: str = "", agent: str | None = "anna", **more: Any
) -> httpx.Response:
    return await ask(tickets, f"/v1/tickets/{ticket}/answers", {"text": TEXT, **more}, agent=agent, key=key)


async def opened(tickets: Tickets, **more: Any) -> UUID:
    ticket = await tickets.write(**more)
    await tickets.timeline(ticket, 1)
    return ticket


async def commands(tickets: Tickets, count: int) -> list[Event[SendMessage]]:
    """What notify is asked to send for this workspace, once it is so many."""
    return await tickets.told(count, "outbound-commands")


def delivered(ticket: UUID, message: str, state: Any, version: int, **more: Any) -> Event[DeliveryChanged]:
    """Notify's word on a message."""
    at = START + timedelta(hours=2)
    fields = {
        "message": message,
        "ticket": ticket,
        "person": UUID(int=1),
        "channel": "telegram",
        "account": "bikes-bot",
    }
    data = DeliveryChanged(**{**fields, "state": state, "at": at, **more})
    id_ = derived_id(UUID(message), data.TYPE, f"{state}:{version}")
    return Event(id_, "notify", at, "", data, shop="bikes", version=version, trace=child(None))


async def line(tickets: Tickets, ticket: UUID, message: str) -> dict[str, Any]:
    found = await shown(tickets, ticket, message)
    assert found is not None
    return found


async def shown(tickets: Tickets, ticket: UUID, message: str) -> dict[str, Any] | None:
    async with tickets.client() as asking:
        try:
            answer = await asking.get(f"/v1/tickets/{ticket}/timeline")
        except httpx.TransportError:
            return None
    lines = answer.json()["items"] if answer.status_code == 200 else []  # else its database is being restored
    return next((one for one in lines if one["id"] == message), None)


async def until(tickets: Tickets, ticket: UUID, message: str, delivery: str) -> dict[str, Any]:
    async def there() -> dict[str, Any] | None:
        found = await shown(tickets, ticket, message)
        return found if found and found["delivery"] == delivery else None

    return await eventually(there, timeout_s=60, what=f"a message that is {delivery}")


async def test_an_answer_goes_where_the_customer_wrote_from_and_it_is_his_turn(tickets: Tickets) -> None:
    ticket = await opened(tickets, person="500", text="Where is my bicycle?")
    answered = await answer(tickets, ticket)
    assert answered.status_code == 201, answered.text
    shown, message = answered.json()["ticket"], answered.json()["message"]
    assert (shown["state"], answered.headers["etag"]) == ("pending", f'"{shown["version"]}"')
    (command,) = await commands(tickets, 1)
    said = command.data
    assert (str(said.message), said.ticket, said.text, said.author) == (message, ticket, TEXT, "anna")
    assert (said.channel, said.account, said.thread, said.in_reply_to) == ("telegram", "bikes-bot", "500", ("500:1",))
    assert (said.recipient.kind, said.recipient.value) == ("telegram", "500")
    first, added, changed = (event.data for event in await tickets.told(3))
    assert isinstance(added, MessageAdded) and isinstance(changed, StateChanged)
    assert (added.author, added.by, added.state, added.note) == ("agent", "anna", first.state, None)
    assert (changed.was, changed.state, changed.by) == ("new", "pending", "anna")
    entry = await line(tickets, ticket, message)
    assert (entry["what"], entry["author"], entry["by"], entry["delivery"]) == ("message", "agent", "anna", "queued")


async def test_the_same_command_again_takes_effect_once(tickets: Tickets) -> None:
    ticket = await opened(tickets)
    answers = await asyncio.gather(*(answer(tickets, ticket, key="once") for _ in range(5)))
    assert {one.status_code for one in answers} == {201}
    assert len({one.json()["message"] for one in answers}) == 1
    other = await answer(tickets, ticket, key="once", state="solved")
    assert (other.status_code, other.headers["content-type"]) == (422, "application/problem+json")
    assert len(await commands(tickets, 1)) == 1


async def test_the_writer_is_asked_where_somebody_wrote_meanwhile(tickets: Tickets) -> None:
    ticket = await opened(tickets, person="501")
    seen = (await tickets.get(f"/v1/tickets/{ticket}"))["version"]
    await tickets.write(person="501", number=2, text="And my helmet?")
    await tickets.timeline(ticket, 2)
    refused = await answer(tickets, ticket, seen_up_to=seen)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:switchboard:problem:newer_messages")
    assert len(refused.json()["errors"]) == 1
    assert (await answer(tickets, ticket, seen_up_to=seen, anyway=True)).status_code == 201
    colleague = await answer(tickets, ticket, agent="bram", seen_up_to=seen + 1)
    assert colleague.status_code == 409
    mine = await answer(tickets, ticket, agent="anna", seen_up_to=seen + 1)
    assert mine.status_code == 201, mine.text


async def test_a_note_stays_in_the_house(tickets: Tickets) -> None:
    ticket = await opened(tickets)
    noted = await ask(tickets, f"/v1/tickets/{ticket}/notes", {"text": "He called before."})
    assert (noted.status_code, noted.json()["ticket"]["state"]) == (201, "new")
    entry = await line(tickets, ticket, noted.json()["message"])
    assert (entry["what"], entry["by"], entry["delivery"]) == ("note", "anna", None)
    told = (await tickets.told(2))[1].data
    assert isinstance(told, MessageAdded) and told.note
    assert (await ask(tickets, f"/v1/tickets/{ticket}/notes", {"text": "x"}, agent=None)).status_code == 403


@pytest.mark.parametrize("body", [{}, {"text": ""}, {"text": " \n"}, {"text": "x", "to": "y"}, {"text": "x" * 50_001}])
async def test_an_answer_without_words_or_with_too_many_is_refused(tickets: Tickets, body: Any) -> None:
    ticket = await opened(tickets)
    assert (await ask(tickets, f"/v1/tickets/{ticket}/answers", body)).status_code == 422


async def test_what_is_closed_or_somebody_elses_is_not_answered(tickets: Tickets) -> None:
    ticket = await opened(tickets)
    async with tickets.client(workspace="another") as client:
        assert (await client.post(f"/v1/tickets/{ticket}/answers", json={"text": TEXT})).status_code == 404
    async with tickets.client(shops=("cars",)) as client:
        assert (await client.post(f"/v1/tickets/{ticket}/answers", json={"text": TEXT})).status_code == 404
    await tickets.become(ticket, "closed")
    refused = await answer(tickets, ticket)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:switchboard:problem:ticket_closed")


async def test_how_far_an_answer_came_only_moves_up_and_changes_no_version(tickets: Tickets) -> None:
    ticket = await opened(tickets)
    shown = (await answer(tickets, ticket)).json()
    message, version = shown["message"], shown["ticket"]["version"]
    words = [("sent", 3), ("queued", 1), ("delivered", 4), ("read", 5), ("delivered", 4)]
    await tickets.publish(*(delivered(ticket, message, state, number) for state, number in words))
    await until(tickets, ticket, message, "read")
    assert (await tickets.get(f"/v1/tickets/{ticket}"))["version"] == version
    replies = [event for event in await tickets.told(4) if isinstance(event.data, ReplySent)]
    assert [(event.data.since_start_s, event.data.by, event.data.reply_cycle) for event in replies] == [
        (7200, "anna", 1)
    ]


async def test_a_reply_counts_in_the_opening_hours_of_its_shop(tickets: Tickets) -> None:
    documents: list[tuple[str, str, dict[str, Any]]] = [
        ("calendar", "office", {"name": "Office", "week": {"fri": ["10:00-12:00"]}}),  # START is a Friday, 9:00
        ("shop", "bikes", {"name": "Bikes", "calendar": "office"}),
        ("agent", "anna", {"name": "Anna", "team": "care"}),
    ]
    now = datetime.now(UTC)
    await tickets.publish(
        *(
            Event(
                new_id(), "gateway", now, "", SettingChanged(kind=kind, document_id=id_, document=document), version=3
            )
            for kind, id_, document in documents
        )
    )
    await tickets.settle({})
    ticket = await opened(tickets)
    message = (await answer(tickets, ticket)).json()["message"]
    await tickets.publish(delivered(ticket, message, "delivered", 2))
    await until(tickets, ticket, message, "delivered")
    (reply,) = [event.data for event in await tickets.told(4) if isinstance(event.data, ReplySent)]
    assert (reply.since_start_s, reply.business_since_start_s) == (7200, 3600)
    assert (reply.calendar, reply.calendar_version, reply.team) == ("office", 3, "care")


async def test_a_reply_that_finally_fails_counts_no_longer(tickets: Tickets) -> None:
    ticket = await opened(tickets)
    message = (await answer(tickets, ticket)).json()["message"]
    await tickets.publish(
        delivered(ticket, message, "sent", 2), delivered(ticket, message, "failed", 3, reason="mailbox-full")
    )
    assert (await until(tickets, ticket, message, "failed"))["delivery_reason"] == "mailbox-full"
    told = [event for event in await tickets.told(5) if isinstance(event.data, ReplySent | ReplyFailed)]
    assert [(type(event.data), event.version) for event in told] == [(ReplySent, 2), (ReplyFailed, 3)]


async def test_an_integrator_answers_automatically(tickets: Tickets) -> None:
    ticket = await opened(tickets, sender=Sender(kind="telegram", value="9", verified=True))
    message = (await answer(tickets, ticket, agent=None)).json()["message"]
    assert (await line(tickets, ticket, message))["author"] == "rule"
    (command,) = await commands(tickets, 1)
    assert command.data.automatic
    await tickets.publish(delivered(ticket, message, "sent", 2))
    await until(tickets, ticket, message, "sent")
    assert not [event for event in await tickets.told(3) if isinstance(event.data, ReplySent)]


async def test_a_bounce_turns_no_answer_away_from_the_customer(tickets: Tickets) -> None:
    ticket = await opened(tickets, person="510")
    machine = Sender(kind="email", value="mailer-daemon@provider.example")
    await tickets.write(person="510", number=2, sender=machine, automatic="bounce", references=("510:1",))
    await tickets.timeline(ticket, 2)
    assert (await answer(tickets, ticket)).status_code == 201
    (command,) = await commands(tickets, 1)
    assert (command.data.recipient.kind, command.data.recipient.value) == ("telegram", "510")


async def test_an_owner_that_is_killed_under_the_command_has_one_answer_when_it_is_repeated(tickets: Tickets) -> None:
    ticket = await opened(tickets)
    process = tickets.desk.processes["tickets"]
    for round_ in range(4):
        key = f"killed-{round_}"
        running = asyncio.create_task(answer(tickets, ticket, key=key, text=key, seen_up_to=None))
        await asyncio.sleep(0.004 * round_)  # somewhere in the request; the assertions hold wherever it was
        process.kill()
        await asyncio.gather(running, return_exceptions=True)
        process.start()
        await process.ready()
        first, second = (
            await answer(tickets, ticket, key=key, text=key),
            await answer(tickets, ticket, key=key, text=key),
        )
        assert (first.status_code, first.content) == (201, second.content)
    sent = await commands(tickets, 4)
    assert sorted(command.data.text for command in sent) == [f"killed-{round_}" for round_ in range(4)]
    lines = (await tickets.get(f"/v1/tickets/{ticket}/timeline"))["items"]
    assert len([one for one in lines if one["author"] == "agent"]) == 4
    assert await tickets.desk.run("services.tickets", "verify") == (0, "")


@pytest.mark.parametrize("back_first", [True, False], ids=["after_the_log_brought_it_back", "at_once"])
async def test_an_answer_that_a_restore_has_lost_is_the_same_when_it_is_repeated(
    tickets: Tickets, back_first: bool
) -> None:
    ticket = await opened(tickets)
    copy = await database.snapshot(tickets.desk)
    first = await eventually(lambda: answered(tickets, ticket, "kept"), what="the first answer")
    message = first["message"]
    await tickets.publish(delivered(ticket, message, "sent", 2), delivered(ticket, message, "delivered", 3))
    await until(tickets, ticket, message, "delivered")
    before = [event.id for event in await tickets.told(4) if isinstance(event.data, ReplySent)]
    await database.restore(tickets.desk, copy)
    if back_first:
        await until(tickets, ticket, message, "delivered")
    again = await eventually(lambda: answered(tickets, ticket, "kept"), timeout_s=60, what="the answer again")
    assert again["message"] == message
    await until(tickets, ticket, message, "delivered")
    assert {command.id for command in await commands(tickets, 2)} == {UUID(message)}
    replies = [event.id for event in await tickets.told(7) if isinstance(event.data, ReplySent)]
    assert before == [replies[0]] and set(replies) == set(before)
    lines = (await tickets.get(f"/v1/tickets/{ticket}/timeline"))["items"]
    assert [one["id"] for one in lines].count(message) == 1


async def answered(tickets: Tickets, ticket: UUID, key: str) -> Any:
    try:
        given = await answer(tickets, ticket, key=key)
    except httpx.TransportError:
        return None
    return given.json() if given.status_code == 201 else None

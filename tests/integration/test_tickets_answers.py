"""An agent answers: the customer's address, once per command, never over what was not seen, and how far it came."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.contracts.envelope import Event
from shared.contracts.inbound_messages import Sender
from shared.contracts.settings import SettingChanged
from shared.contracts.ticket_events import MessageAdded, ReplyFailed, ReplySent, StateChanged
from shared.ids import new_id
from tests.integration.answering import TEXT, answer, ask, commands, delivered, line, opened, until
from tests.integration.ticketing import Tickets


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


async def test_answers_that_come_together_go_each_to_its_own_customer(tickets: Tickets) -> None:
    """They are written in one transaction; the refused one among them takes nobody along and may be sent again."""
    people = [str(number) for number in range(700, 706)]
    opened_by = {person: await opened(tickets, person=person) for person in people}
    closed = opened_by["705"]
    assert (await answer(tickets, closed, state="solved")).status_code == 201
    calls = [answer(tickets, ticket, key=person) for person, ticket in opened_by.items() if ticket != closed]
    again = [answer(tickets, opened_by["700"], key="700"), answer(tickets, opened_by["700"], key="another")]
    refused = answer(tickets, closed, key="705", state="new")
    *said, same, second, not_so = await asyncio.gather(*calls, *again, refused)
    assert {one.status_code for one in (*said, same, second)} == {201}
    assert not_so.status_code == 409, not_so.text
    assert same.json()["message"] == said[0].json()["message"] != second.json()["message"]
    told = await commands(tickets, 7)
    sent = sorted((c.data.recipient.value, str(c.data.message)) for c in told if c.data.ticket != closed)
    wanted = [(person, one.json()["message"]) for person, one in zip(people[:5], said, strict=True)]
    assert sent == sorted([*wanted, ("700", second.json()["message"])])
    assert (await answer(tickets, closed, key="705")).status_code == 201, "a refused command keeps no key"


async def test_an_answer_to_a_mail_names_the_mails_by_their_own_ids(tickets: Tickets) -> None:
    sender = Sender(kind="email", value="ada@example.org")
    mail = {"channel": "postmark", "account": "bikes-mail", "sender": sender, "thread": "a1@x.example"}
    ticket = await opened(tickets, person="900", natural_id="sha-1", message_id="a1@x.example", **mail)
    await tickets.write(person="900", number=2, natural_id="sha-2", message_id="a2@x.example", **mail)
    await tickets.timeline(ticket, 2)
    assert (await answer(tickets, ticket)).status_code == 201
    (command,) = await commands(tickets, 1)
    assert command.data.in_reply_to == ("a1@x.example", "a2@x.example")


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

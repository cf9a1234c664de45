"""Tickets over the real bus: what customers write, and which ticket it becomes part of."""

import asyncio
from datetime import timedelta
from typing import Any

from shared.contracts.inbound_messages import Sender
from tests.eventually import eventually
from tests.factories import START
from tests.integration.ticketing import Tickets

FORM = {"channel": "http", "account": "form", "thread": None}
MAIL = {"channel": "postmark", "thread": None}
DAY = timedelta(days=1)


async def test_what_a_mail_quoted_is_kept_beside_its_words(tickets: Tickets) -> None:
    ticket = await tickets.write(person="95", text="Yes, please.", quoted="> Shall we send it again?")
    (line,) = await tickets.timeline(ticket, 1)
    assert (line["text"], line["quoted"]) == ("Yes, please.", "> Shall we send it again?")


async def test_messages_of_one_person_in_one_batch_stand_on_one_ticket_in_order(tickets: Tickets) -> None:
    later = {"accepted_at": START + timedelta(seconds=5)}
    await tickets.publish(tickets.message(number=1, text="first"), tickets.message(number=2, text="second", **later))
    (ticket,) = await tickets.listed(1)
    lines = await tickets.timeline(ticket["id"], 2)
    assert [(line["text"], line["did"]) for line in lines] == [("first", "opened"), ("second", "added")]
    assert (ticket["state"], ticket["version"], ticket["channel"]) == ("new", 2, "telegram")


async def test_messages_of_one_moment_keep_the_order_they_came_in(tickets: Tickets) -> None:
    await tickets.publish(*[tickets.message(number=number, text=str(number)) for number in range(12)])
    (ticket,) = await tickets.listed(1)
    lines = await tickets.timeline(ticket["id"], 12)
    assert [line["text"] for line in lines] == [str(number) for number in range(12)]


async def test_many_people_get_a_ticket_each(tickets: Tickets) -> None:
    await tickets.publish(*[tickets.message(person=str(number)) for number in range(150)])
    assert len({ticket["person"] for ticket in await tickets.listed(150)}) == 150


async def test_a_form_message_opens_its_own_ticket_and_names_the_open_one(tickets: Tickets) -> None:
    await tickets.publish(tickets.message(number=1, **FORM), tickets.message(number=2, **FORM))
    first, second = sorted(await tickets.listed(2), key=lambda ticket: str(ticket["possible_duplicate_of"] or ""))
    assert (first["possible_duplicate_of"], second["possible_duplicate_of"]) == (None, first["id"])


async def test_an_automatic_message_alone_is_kept_without_disturbing_anybody(tickets: Tickets) -> None:
    await tickets.write(automatic="auto-reply")
    (ticket,) = await tickets.listed(1)
    assert ticket["state"] == "solved"
    (told,) = await tickets.told(1)
    assert told.data.state == "solved"


async def test_one_mail_over_two_routes_is_one_message(tickets: Tickets) -> None:
    mail = {**MAIL, "content_key": "c" * 64}
    await tickets.publish(*[tickets.message(number=n, account=a, **mail) for n, a in ((1, "one"), (2, "two"))])
    await tickets.write(person="last", number=3)
    shown = await tickets.listed(2)
    ticket = next(ticket for ticket in shown if ticket["channel"] == "postmark")
    assert len(await tickets.timeline(ticket["id"], 1)) == 1
    assert (len(shown), ticket["version"]) == (2, 1)


async def test_an_answer_to_a_message_joins_that_messages_ticket(tickets: Tickets) -> None:
    await tickets.publish(tickets.message(person="ada", number=1, **MAIL), tickets.message(person="bob", **MAIL))
    await tickets.write(person="ada", number=2, references=("unknown", "ada:1"), **MAIL)

    async def answered() -> list[dict[str, Any]]:
        return [ticket for ticket in await tickets.listed(2) if ticket["version"] == 2]

    (ticket,) = await eventually(answered, what="the answer")
    assert [line["did"] for line in await tickets.timeline(ticket["id"], 2)] == ["opened", "added"]


async def test_a_solved_ticket_is_reopened_by_its_customer_and_a_closed_one_is_followed_up(tickets: Tickets) -> None:
    await tickets.write(number=1)
    (ticket,) = await tickets.listed(1)
    assert (await tickets.become(ticket["id"], "solved")).status_code == 200
    await tickets.write(number=2, accepted_at=START + DAY)

    async def reopened() -> bool:
        shown = await tickets.get(f"/v1/tickets/{ticket['id']}")
        return (shown["state"], shown["cycle"]) == ("open", 2)

    await eventually(reopened, what="the ticket reopened")
    assert (await tickets.become(ticket["id"], "closed")).status_code == 200
    await tickets.write(number=3, accepted_at=START + 2 * DAY)
    followed = next(t for t in await tickets.listed(2) if t["id"] != ticket["id"])
    assert followed["follow_up_of"] == ticket["id"]
    told = [event for event in await tickets.told(5) if str(event.data.ticket) == ticket["id"]]
    assert [(event.type.split(".")[2], event.version) for event in told] == [
        ("opened", 1), ("state-changed", 2), ("reopened", 3), ("state-changed", 4),
    ]  # fmt: skip


async def test_a_verified_person_who_names_an_order_joins_its_ticket(tickets: Tickets) -> None:
    form = {**FORM, "sender": Sender(kind="email", value="ada@example.org", verified=True), "order": "1001"}
    later = START + timedelta(hours=1)
    await tickets.publish(tickets.message(number=1, **form), tickets.message(number=2, **form, accepted_at=later))
    (ticket,) = await tickets.listed(1)
    assert len(await tickets.timeline(ticket["id"], 2)) == 2


async def test_an_address_is_verified_once_its_provider_proves_it(tickets: Tickets) -> None:
    for number, verified in enumerate((False, True, False)):
        await tickets.write(
            number=number, sender=Sender(kind="email", value="a@example.org", verified=verified), **FORM
        )
    shown = await tickets.listed(3)
    assert len({ticket["person"] for ticket in shown}) == 1
    person = await tickets.get(f"/v1/persons/{shown[0]['person']}")
    proven = {"kind": "email", "scope": "", "value": "a@example.org", "verified": True}
    assert person["identities"] == [{**proven, "own": person["id"]}]


async def test_a_text_says_its_language_and_a_short_one_is_in_that_of_the_text_before(tickets: Tickets) -> None:
    await tickets.settle({"languages": ["en", "nl", "de"]})
    clear = "Waar blijft mijn pakket? Ik wacht nu al een hele week op de bezorger."
    await tickets.publish(
        tickets.message(number=1, text=clear, **FORM), tickets.message(number=2, text="Hallo?", **FORM)
    )
    assert [ticket["language"] for ticket in await tickets.listed(2)] == ["nl", "nl"]


async def test_a_later_clear_text_in_another_language_is_believed(tickets: Tickets) -> None:
    await tickets.settle({"languages": ["en", "nl", "de"]})
    first = "Where is my parcel? I have been waiting for the delivery for a whole week."
    then = "Waar blijft mijn pakket? Ik wacht nu al een hele week op de bezorger."
    await tickets.publish(tickets.message(number=1, text=first, **FORM))
    (ticket,) = await tickets.listed(1)
    await tickets.publish(tickets.message(number=2, text=then, **FORM))
    assert {t["language"] for t in await tickets.listed(2)} == {"en", "nl"}
    assert (await tickets.get(f"/v1/persons/{ticket['person']}"))["language"] == "nl"


async def test_two_replicas_make_one_person_of_one_address_on_two_channels(tickets: Tickets) -> None:
    await tickets.desk.start("services.tickets#2")
    people, events = 60, []
    for number in range(people):
        sender = Sender(kind="email", value=f"p{number}@example.org", verified=True)
        events.append(tickets.message(number=number, sender=sender, **FORM))
        events.append(tickets.message(number=number, sender=sender, account="inbox", **MAIL))
    half = len(events) // 2
    await asyncio.gather(tickets.publish(*events[:half]), tickets.publish(*events[half:]))
    shown = await tickets.listed(2 * people)
    assert len({ticket["person"] for ticket in shown}) == people
    duplicates = {ticket["possible_duplicate_of"] for ticket in shown} - {None}
    assert len(duplicates) == people
    tickets.desk.stop(["tickets#2"])


async def test_verify_finds_nothing_wrong(tickets: Tickets) -> None:
    await tickets.publish(*[tickets.message(person=str(number % 7), number=number) for number in range(50)])
    await tickets.listed(7)
    assert await tickets.desk.run("services.tickets", "verify") == (0, "")

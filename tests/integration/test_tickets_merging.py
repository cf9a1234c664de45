"""Tickets merged, parted and split: their timelines, what comes later, their clocks, and what is refused."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx

from shared import reply_token
from shared.contracts.inbound_messages import Sender
from tests.desk import KEY
from tests.eventually import eventually
from tests.factories import START
from tests.integration.answering import answer, commands
from tests.integration.test_people import ask, clean, customer, refusal, told
from tests.integration.ticketing import Tickets

LATER = START + timedelta(hours=1)


def mail(number: int, **more: Any) -> dict[str, Any]:
    """A mail of one customer's, each in a conversation of its own."""
    sender = Sender(kind="email", value="a@b.example")
    fields = {"channel": "mail", "account": "shop", "sender": sender, "thread": None, "number": number}
    return {**fields, "text": f"Mail {number}", **more}


async def shown(tickets: Tickets, ticket: Any) -> dict[str, Any]:
    return dict(await tickets.get(f"/v1/tickets/{ticket}"))


async def events(tickets: Tickets, count: int, ticket: str) -> list[Any]:
    """What was told of a ticket, once so much was told of all."""
    return [event.data for event in await tickets.told(count) if str(event.data.ticket) == ticket]


async def texts(tickets: Tickets, ticket: Any) -> list[str]:
    items = (await tickets.get(f"/v1/tickets/{ticket}/timeline"))["items"]
    return [one["text"] for one in items if one["what"] == "message"]


async def merge(tickets: Tickets, one: Any, into: Any, **more: Any) -> httpx.Response:
    return await ask(tickets, "POST", f"/v1/tickets/{one}/merge", {"into": str(into), **more})


async def test_a_merge_shows_both_and_keeps_the_oldest_question_and_undoing_gives_back_what_was(
    tickets: Tickets,
) -> None:
    old = await customer(tickets, "a", **mail(1))
    new = await customer(tickets, "a", **mail(2, accepted_at=LATER))
    done = await merge(tickets, old["id"], new["id"])
    assert done.status_code == 200, done.text
    one, into = await shown(tickets, old["id"]), await shown(tickets, new["id"])
    assert (one["state"], one["merged_into"]) == ("closed", new["id"])
    assert into["cycle_started_at"] == old["cycle_started_at"]
    assert await texts(tickets, new["id"]) == ["Mail 1", "Mail 2"]
    assert await texts(tickets, old["id"]) == ["Mail 1"]
    transcript = await tickets.get(f"/v1/tickets/{new['id']}/transcript")
    assert [said["text"] for said in transcript["messages"]] == ["Mail 1", "Mail 2"]
    lines = (await tickets.get(f"/v1/tickets/{new['id']}/timeline"))["items"]
    assert [line["ticket"] for line in lines] == [old["id"], new["id"], new["id"]]
    assert lines[2]["detail"]["changes"]["merged"] == {"was": None, "is": old["id"]}
    (_, merged, closed), (_, took) = await events(tickets, 5, old["id"]), await events(tickets, 5, new["id"])
    assert (str(merged.into), merged.voids, merged.state, closed.state) == (new["id"], True, "new", "closed")
    assert (str(took.took_in), took.waits_since, took.cycle_started_at) == (old["id"], START, START)
    assert refusal(await answer(tickets, old["id"])) == (409, "ticket_closed")

    back = await told(tickets, "DELETE", f"/v1/tickets/{old['id']}/merge")
    changing = ("version", "active_at")
    assert {**await shown(tickets, old["id"]), **{n: old[n] for n in changing}} == old
    assert {**await shown(tickets, new["id"]), **{n: new[n] for n in changing}} == new
    assert back["ticket"] == {"id": old["id"], "version": 5}
    assert await texts(tickets, new["id"]) == ["Mail 2"]
    undone, reopened = (await events(tickets, 8, old["id"]))[3:]
    gave = (await events(tickets, 8, new["id"]))[2]
    assert (undone.undone, undone.voids, reopened.state, gave.undone) == (True, False, "new", True)
    assert refusal(await ask(tickets, "DELETE", f"/v1/tickets/{old['id']}/merge")) == (409, "not_merged")
    await clean(tickets)


async def test_a_question_wakes_the_answered_ticket_it_comes_to_and_goes_with_the_undo(tickets: Tickets) -> None:
    answered = await customer(tickets, "a", **mail(1))
    assert (await answer(tickets, answered["id"])).status_code == 201
    asked = await customer(tickets, "a", **mail(2, accepted_at=LATER))
    assert (await merge(tickets, asked["id"], answered["id"])).status_code == 200
    assert (await shown(tickets, answered["id"]))["state"] == "open"
    await told(tickets, "DELETE", f"/v1/tickets/{asked['id']}/merge")
    assert (await shown(tickets, answered["id"]))["state"] == "pending"
    assert (await shown(tickets, asked["id"]))["state"] == "new"
    await clean(tickets)


async def test_an_answer_goes_where_the_customer_was_heard_last_on_whatever_was_merged(tickets: Tickets) -> None:
    old = await customer(tickets, "a", **mail(1))
    new = await customer(tickets, "a", **mail(2, account="other-shop", accepted_at=LATER))
    assert (await merge(tickets, new["id"], old["id"])).status_code == 200
    assert (await answer(tickets, old["id"])).status_code == 201
    (command,) = await commands(tickets, 1)
    assert (command.data.account, str(command.data.ticket)) == ("other-shop", old["id"])


async def test_what_cannot_be_merged_or_split_is_refused_with_its_reason(tickets: Tickets) -> None:
    moments = [START + timedelta(minutes=number) for number in (1, 2, 3)]
    one, two, three = [
        await customer(tickets, "a", **mail(number, accepted_at=at)) for number, at in enumerate(moments, start=1)
    ]
    other = await customer(tickets, "77")
    nobody = UUID(int=7)
    assert refusal(await merge(tickets, one["id"], one["id"])) == (422, "same_ticket")
    assert refusal(await merge(tickets, one["id"], nobody)) == (404, "not_found")
    assert refusal(await merge(tickets, one["id"], other["id"])) == (409, "other_person")
    hidden = await ask(tickets, "POST", f"/v1/tickets/{one['id']}/merge", {"into": two["id"]}, shops=("x",))
    assert refusal(hidden) == (404, "not_found")
    assert (await merge(tickets, one["id"], two["id"])).status_code == 200
    assert refusal(await merge(tickets, one["id"], three["id"])) == (409, "merged_away")
    assert refusal(await merge(tickets, three["id"], one["id"])) == (409, "merged_away")
    assert (await merge(tickets, two["id"], three["id"])).status_code == 200
    assert await texts(tickets, three["id"]) == ["Mail 1", "Mail 2", "Mail 3"]
    assert refusal(await ask(tickets, "DELETE", f"/v1/tickets/{one['id']}/merge")) == (409, "merged_further")
    assert (await tickets.become(other["id"], "closed")).status_code == 200
    closed = await merge(tickets, other["id"], three["id"], across_persons=True)
    assert refusal(closed) == (409, "ticket_closed")
    split = f"/v1/tickets/{three['id']}/split"
    only = [line["id"] for line in (await tickets.get(f"/v1/tickets/{three['id']}/timeline"))["items"][:3]]
    assert refusal(await ask(tickets, "POST", split, {"messages": [str(nobody)]})) == (422, "not_on_ticket")
    assert refusal(await ask(tickets, "POST", split, {"messages": only[:1]})) == (422, "not_on_ticket")
    assert refusal(await ask(tickets, "POST", split, {"messages": only[2:]})) == (409, "nothing_stays")
    assert refusal(await ask(tickets, "POST", split, {"messages": []})) == (422, "invalid")
    gone = await ask(tickets, "POST", f"/v1/tickets/{one['id']}/split", {"messages": only[:1]})
    assert refusal(gone) == (409, "merged_away")
    connection = await tickets.database()
    try:
        await connection.execute(
            "update ticket_merges set at = at - interval '31 days' where workspace = $1", tickets.workspace
        )
    finally:
        await connection.close()
    assert refusal(await ask(tickets, "DELETE", f"/v1/tickets/{two['id']}/merge")) == (409, "undo_too_late")
    await clean(tickets)


async def test_messages_split_off_are_a_new_ticket_with_a_clock_of_its_own(tickets: Tickets) -> None:
    chat = await customer(tickets, "5", text="Where is my order?")
    second = tickets.message(person="5", number=2, text="And can I have a bell?", accepted_at=LATER)
    third = tickets.message(person="5", number=3, text="A red one", accepted_at=LATER + timedelta(minutes=1))
    await tickets.publish(second, third)
    await tickets.timeline(chat["id"], 3)
    body = {"messages": [str(third.id), str(second.id)]}
    headers = {"idempotency-key": "once"}
    first = await ask(tickets, "POST", f"/v1/tickets/{chat['id']}/split", body, headers=headers)
    again = await ask(tickets, "POST", f"/v1/tickets/{chat['id']}/split", body, headers=headers)
    assert (first.status_code, first.json()) == (200, again.json()), first.text
    new = await shown(tickets, first.json()["into"]["id"])
    assert (new["state"], new["person"], new["cycle_started_at"][:16]) == ("new", chat["person"], "2026-01-02T10:00")
    assert await texts(tickets, new["id"]) == ["And can I have a bell?", "A red one"]
    assert await texts(tickets, chat["id"]) == ["Where is my order?"]
    assert (await shown(tickets, chat["id"]))["cycle_started_at"] == chat["cycle_started_at"]
    opened, added, split = await events(tickets, 7, new["id"])
    assert (str(opened.split_from), opened.message, added.message) == (chat["id"], second.id, third.id)
    assert (await events(tickets, 7, chat["id"]))[3].messages == split.messages == (second.id, third.id)
    assert (await answer(tickets, new["id"])).status_code == 201
    await clean(tickets)


async def test_a_ticket_whose_only_open_question_is_split_off_counts_in_no_clock(tickets: Tickets) -> None:
    mine = await customer(tickets, "a", **mail(1, automatic="auto-reply"))
    assert mine["state"] == "solved"
    asked = tickets.message(person="a", **mail(2, references=("a:1",)))
    await tickets.publish(asked)
    await tickets.timeline(mine["id"], 2)
    assert (await shown(tickets, mine["id"]))["state"] == "open"
    done = await told(tickets, "POST", f"/v1/tickets/{mine['id']}/split", {"messages": [str(asked.id)]})
    assert (await events(tickets, 5, mine["id"]))[-1].voids is True
    assert (await shown(tickets, done["into"]["id"]))["state"] == "new"


async def test_what_comes_for_a_merged_ticket_goes_where_it_went_through_every_merge(tickets: Tickets) -> None:
    chat = await customer(tickets, "5")
    first, second = await customer(tickets, "a", **mail(1)), await customer(tickets, "a", **mail(2))
    away = {"across_persons": True}
    assert (await merge(tickets, chat["id"], first["id"], **away)).status_code == 200
    assert (await merge(tickets, first["id"], second["id"])).status_code == 200
    over_chat = tickets.message(person="5", number=2, text="In the chat", thread=None, accepted_at=LATER)
    by_reference = tickets.message(
        person="a", **mail(3, text="By reference", references=("a:1",), accepted_at=LATER + timedelta(minutes=1))
    )
    connected = reply_token.sign(KEY, tickets.workspace, UUID(first["id"]))
    by_token = tickets.message(
        person="a", **mail(4, text="By token", reply_token=connected, accepted_at=LATER + timedelta(minutes=2))
    )
    by_thread = tickets.message(person="5", number=5, text="By thread", accepted_at=LATER + timedelta(minutes=3))
    await tickets.publish(over_chat, by_reference, by_token, by_thread)
    said = [line for line in await tickets.timeline(second["id"], 9) if line["what"] == "message"]
    assert [line["text"] for line in said[3:]] == ["In the chat", "By reference", "By token", "By thread"]
    assert {line["ticket"] for line in said[3:]} == {second["id"]}
    assert len(await tickets.listed(3)) == 3
    await clean(tickets)


async def test_messages_that_come_while_tickets_are_merged_and_parted_are_all_kept_once(tickets: Tickets) -> None:
    one, two = await customer(tickets, "a", **mail(1)), await customer(tickets, "a", **mail(2))
    answers = [
        tickets.message(person="a", **mail(number, references=(f"a:{1 + number % 2}",))) for number in range(3, 63)
    ]

    async def write() -> None:
        for message in answers:
            await tickets.publish(message)

    async def change() -> None:
        for _ in range(8):
            assert (await merge(tickets, one["id"], two["id"])).status_code in (200, 409, 503)
            assert (await ask(tickets, "DELETE", f"/v1/tickets/{one['id']}/merge")).status_code in (200, 409, 503)

    await asyncio.gather(write(), change())
    await merge(tickets, one["id"], two["id"])

    async def all_there() -> bool:
        items = (await tickets.get(f"/v1/tickets/{two['id']}/timeline", limit=200))["items"]
        return sorted(line["text"] for line in items if line["what"] == "message") == sorted(
            f"Mail {number}" for number in range(1, 63)
        )

    await eventually(all_there, what="every message once")
    await clean(tickets)


async def test_two_persons_take_part_where_it_is_said_and_each_is_answered_where_he_wrote(tickets: Tickets) -> None:
    one, two = await customer(tickets, "1"), await customer(tickets, "2")
    assert (await merge(tickets, one["id"], two["id"], across_persons=True)).status_code == 200
    assert (await shown(tickets, one["id"]))["person"] == one["person"]
    await told(tickets, "DELETE", f"/v1/tickets/{one['id']}/merge")
    await clean(tickets)

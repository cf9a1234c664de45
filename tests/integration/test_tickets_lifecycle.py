"""What comes to a ticket and what becomes of it: follow-ups, spam, thanks, snooze, over the bus and the API."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.desk import Desk
from tests.eventually import eventually
from tests.integration.streams import Ear
from tests.integration.ticketing import Tickets, new_workspace
from tests.stack import Stack


async def open_desk(stack: Stack) -> tuple[Desk, str]:
    desk = Desk(stack, await stack.create_database(await stack.migrated()), await stack.create_topics())
    code, output = await desk.run("services.gateway", "bootstrap")
    assert code == 0, output
    await desk.start("services.tickets", "services.routing", "services.gateway")
    return desk, str(json.loads(output.splitlines()[-1])["installation_key"])


@pytest.fixture(scope="module")
def running(stack: Stack) -> Iterator[tuple[Desk, str]]:
    """Tickets with routing behind it, and the gateway before both."""
    desk, key = stack.run(open_desk(stack))
    yield desk, key
    desk.stop()
    stack.run(stack.drop_database(desk.database))


@pytest.fixture
def tickets(running: tuple[Desk, str]) -> Tickets:
    """A workspace."""
    return new_workspace(running[0])


async def post(tickets: Tickets, path: str, **body: Any) -> httpx.Response:
    async with tickets.client() as asking:
        return await asking.post(path, json=body or None)


async def change(tickets: Tickets, ticket: Any, **fields: Any) -> Any:
    async with tickets.client() as asking:
        answer = await asking.patch(f"/v1/tickets/{ticket}", json=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def is_in(tickets: Tickets, ticket: Any, **wanted: Any) -> Any:
    """The ticket, once it is so."""

    async def so() -> Any:
        async with tickets.client() as asking:
            answer = await asking.get(f"/v1/tickets/{ticket}")
        shown = answer.json() if answer.status_code == 200 else {}
        return shown if shown and all(shown[name] == value for name, value in wanted.items()) else None

    return await eventually(so, what=str(wanted))


def reason(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


async def test_a_reply_after_the_window_begins_a_follow_up_and_the_next_joins_it(tickets: Tickets) -> None:
    await tickets.settle({"auto_close_days": 3})
    first = await tickets.write()
    await tickets.listed(1)
    await tickets.become(first, "solved")
    connection = await tickets.database()
    await connection.execute("update tickets set solved_at = now() - interval '3 days' where id = $1", first)
    await connection.close()
    now = datetime.now(UTC)
    second = await tickets.write(number=2, accepted_at=now)
    follow_up = await is_in(tickets, second, state="new", follow_up_of=str(first))
    again = tickets.message(number=3, thread=None, references=("77:1",), accepted_at=now)
    await tickets.publish(again)
    await is_in(tickets, second, version=follow_up["version"] + 1)
    assert len(await tickets.listed(2)) == 2


async def test_what_comes_to_spam_stays_there_until_the_mark_is_taken_away(tickets: Tickets) -> None:
    ticket = await tickets.write()
    await is_in(tickets, ticket, place="waiting")
    marked = await change(tickets, ticket, spam=True)
    assert (marked["state"], marked["spam"]) == ("solved", True)
    await is_in(tickets, ticket, place="done")
    await tickets.write(number=2)
    await tickets.write(number=3, thread="elsewhere")
    await is_in(tickets, ticket, version=marked["version"] + 2)
    assert len(await tickets.listed(1)) == 1
    assert (await tickets.get(f"/v1/tickets/{ticket}"))["state"] == "solved"
    added = [event.data for event in await tickets.told(5) if event.type.endswith("message-added.v1")]
    assert [(one.spam, one.automatic, one.state) for one in added] == [(True, True, "solved")] * 2
    back = await change(tickets, ticket, spam=False)
    assert (back["state"], back["spam"], back["cycle"]) == ("open", False, 1)
    await is_in(tickets, ticket, place="waiting")


async def test_closed_spam_keeps_its_sender_until_the_mark_is_taken_away(tickets: Tickets) -> None:
    ticket = await tickets.write(thread=None)
    await tickets.listed(1)
    marked = await change(tickets, ticket, spam=True, state="closed")
    await tickets.write(number=2, thread=None)
    kept = await is_in(tickets, ticket, version=marked["version"] + 1)
    assert (kept["state"], len(await tickets.listed(1))) == ("closed", 1)
    back = await change(tickets, ticket, spam=False)
    assert (back["state"], back["spam"]) == ("closed", False)
    again = await tickets.write(number=3, thread=None)
    assert (await is_in(tickets, again, state="new"))["follow_up_of"] is None


async def test_what_names_a_merged_ticket_joins_what_it_became(tickets: Tickets) -> None:
    first, second, third = [await tickets.write(person=str(number)) for number in range(3)]
    await tickets.listed(3)
    connection = await tickets.database()
    for merged, into in ((first, second), (second, third)):
        await connection.execute("update tickets set state = 'closed', merged_into = $2 where id = $1", merged, into)
    gone = "update tickets set merged_into = $2 where id = $1"
    await tickets.write(person="0", number=2)
    joined = await is_in(tickets, third, version=2)
    assert (joined["state"], len(await tickets.listed(3))) == ("new", 3)
    await connection.execute(gone, first, UUID(int=9))
    new = await tickets.write(person="0", number=3)
    await is_in(tickets, new, state="new")
    await connection.execute("update tickets set merged_into = null where workspace = $1", tickets.workspace)
    await connection.close()


async def test_thanks_open_nothing_and_count_once_an_agent_says_so(tickets: Tickets) -> None:
    event = tickets.message(text="Thanks a lot!")
    quiet = await tickets.write(text="Thank you very much!")
    (shown,) = await tickets.listed(1)
    assert (shown["state"], shown["cycle"]) == ("solved", 1)
    counts = f"/v1/tickets/{quiet}/messages/{event.id}/counts"
    done = (await post(tickets, counts)).json()
    assert (done["state"], done["cycle"], done["version"]) == ("open", 1, 3)
    assert (await post(tickets, counts)).json()["version"] == 3
    await is_in(tickets, quiet, place="waiting")
    opened, counted, moved = (await tickets.told(3))[:3]
    assert (opened.data.state, counted.data.was, moved.data.reason) == ("solved", "thanks", "message-counts")
    assert (counted.actor, counted.data.by, moved.data.state) == ("key-1", "anna", "open")
    await tickets.become(quiet, "solved")
    thanks = tickets.message(number=2, text="Thanks!")
    await tickets.publish(thanks)
    await is_in(tickets, quiet, version=5, state="solved")
    again = (await post(tickets, f"/v1/tickets/{quiet}/messages/{thanks.id}/counts")).json()
    assert (again["state"], again["cycle"], again["version"]) == ("open", 2, 7)
    lines = await tickets.timeline(quiet, 6)
    assert [line["what"] for line in lines if line["what"] != "message"] == [
        "counted", "state", "state", "counted", "state",
    ]  # fmt: skip


async def test_what_cannot_count_is_refused_with_its_reason(tickets: Tickets) -> None:
    event = tickets.message(automatic="auto-reply")
    ticket = await tickets.write(automatic="auto-reply")
    await tickets.listed(1)
    path = f"/v1/tickets/{ticket}/messages"
    assert reason(await post(tickets, f"{path}/{UUID(int=9)}/counts")) == (404, "not_found")
    assert reason(await post(tickets, f"/v1/tickets/{UUID(int=9)}/messages/{event.id}/counts")) == (404, "not_found")
    answered = (await post(tickets, f"/v1/tickets/{ticket}/answers", text="Hello")).json()["message"]
    assert reason(await post(tickets, f"{path}/{answered}/counts")) == (409, "not_the_customers")
    await change(tickets, ticket, spam=True)
    assert reason(await post(tickets, f"{path}/{event.id}/counts")) == (409, "marked_spam")
    await change(tickets, ticket, spam=False, state="closed")
    assert reason(await post(tickets, f"{path}/{event.id}/counts")) == (409, "ticket_closed")


async def test_where_no_reply_is_needed_the_clocks_are_void(tickets: Tickets) -> None:
    ticket = await tickets.write()
    await tickets.listed(1)
    done = await post(tickets, f"/v1/tickets/{ticket}/state", state="solved", no_reply_needed=True)
    assert (done.status_code, done.json()["state"]) == (200, "solved")
    _, changed, moved = (await tickets.told(3))[:3]
    assert (changed.data.fields, changed.data.voids, moved.data.state) == (("clock",), True, "solved")


async def test_thanks_and_tags_are_in_no_answers_way_and_a_word_of_the_customers_is(tickets: Tickets) -> None:
    ticket = await tickets.write()
    await tickets.listed(1)
    await tickets.write(number=2, text="Thanks!")
    await is_in(tickets, ticket, version=2)
    await change(tickets, ticket, add_tags=["vip"])
    answers = f"/v1/tickets/{ticket}/answers"
    assert (await post(tickets, answers, text="Here you are", seen_up_to=1)).status_code == 201
    version = (await tickets.get(f"/v1/tickets/{ticket}"))["version"]
    await tickets.write(number=3, text="And the bell?")
    await is_in(tickets, ticket, state="open")
    assert reason(await post(tickets, answers, text="Bye", seen_up_to=version)) == (409, "newer_messages")


async def test_a_snoozed_ticket_waits_nowhere_until_it_wakes(tickets: Tickets) -> None:
    ticket = await tickets.write()
    await is_in(tickets, ticket, place="waiting")
    soon = (datetime.now(UTC) + timedelta(seconds=2)).isoformat()
    await change(tickets, ticket, snoozed_until=soon)
    await is_in(tickets, ticket, place="done")
    woken = await is_in(tickets, ticket, place="waiting", snoozed_until=None)
    assert woken["state"] == "new"


async def test_what_was_done_here_leaves_every_invariant_as_it_was(tickets: Tickets) -> None:
    for service in ("services.tickets", "services.routing"):
        assert await tickets.desk.run(service, "verify") == (0, "")


# --- who looks -------------------------------------------------------------------------------------------------------


async def test_colleagues_who_may_see_a_ticket_are_told_who_types_and_nobody_else(running: tuple[Desk, str]) -> None:
    desk, installation = running
    url, tickets = desk.url("gateway"), Tickets(desk, "main")
    keys = {}
    for agent, shops in (("anna", ["bikes"]), ("bram", ["bikes"]), ("cem", ["bells"])):
        headers = {"authorization": f"Bearer {installation}", "switchboard-workspace": "main"}
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=20) as asking:
            made = await asking.post("/v1/keys", json={"role": "agent", "agent": agent, "shops": shops})
        assert made.status_code == 201, made.text
        keys[agent] = made.json()["key"]
    ticket = await tickets.write()
    await tickets.listed(1)

    async def look(agent: str, state: str) -> httpx.Response:
        headers = {"authorization": f"Bearer {keys[agent]}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=20) as asking:
            return await asking.post(f"/v1/tickets/{ticket}/viewing", json={"state": state})

    bram, cem = Ear(keys["bram"]), Ear(keys["cem"])
    async with bram.listening(url), cem.listening(url):
        for state in ("viewing", "typing", "typing", "gone"):
            assert (await look("anna", state)).status_code == 204
        heard = await bram.until("signal.viewing", 3)
        assert [(one["agent"], one["ticket"], one["state"]) for one in heard] == [
            ("anna", str(ticket), state) for state in ("viewing", "typing", "gone")
        ]
        until = datetime.fromisoformat(heard[0]["until"]) - datetime.fromisoformat(heard[0]["time"])
        assert until == timedelta(seconds=20)
        assert reason(await look("cem", "viewing")) == (404, "not_found")
        assert (await look("anna", "sleeping")).status_code == 422
        assert cem.heard("signal.viewing") == []
    later = Ear(keys["bram"], last_id=bram.last_id)
    async with later.listening(url):
        assert later.heard("signal.viewing") == []

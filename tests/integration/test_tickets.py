"""Tickets over the real bus: what customers write and routing decides, as the API then shows it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.contracts.inbound_messages import Sender
from shared.identity import Identity, sign
from shared.ids import derived_id
from tests.desk import KEY, Desk
from tests.eventually import eventually
from tests.factories import START, WORKSPACE, message, publish, taken
from tests.schemathesis_run import no_surprise
from tests.stack import Stack


@pytest.fixture
async def desk(stack: Stack) -> AsyncIterator[Desk]:
    """Tickets alone."""
    running = Desk(stack, await stack.create_database(await stack.migrated()), await stack.create_topics())
    await running.start("services.tickets")
    yield running
    running.stop()
    await stack.drop_database(running.database)


def client(
    desk: Desk, *, workspace: str = WORKSPACE, shops: tuple[str, ...] = (), agent: str | None = "anna"
) -> httpx.AsyncClient:
    """Asks as the gateway would."""
    who = Identity("key-1", "agent", workspace, shops, agent)
    token = sign(who, KEY, datetime.now(UTC))
    return httpx.AsyncClient(base_url=desk.url("tickets"), headers={"authorization": f"Bearer {token}"}, timeout=10)


async def listed(desk: Desk, count: int) -> list[dict[str, Any]]:
    """The tickets, once there are so many."""
    async with client(desk) as asking:

        async def there() -> list[dict[str, Any]]:
            items = (await asking.get("/v1/tickets", params={"limit": 200})).json()["items"]
            return items if len(items) >= count else []

        return await eventually(there, what=f"{count} tickets")


async def timeline(desk: Desk, ticket: str, count: int) -> list[dict[str, Any]]:
    """The ticket's lines, once there are so many."""
    async with client(desk) as asking:

        async def there() -> list[dict[str, Any]]:
            items = (await asking.get(f"/v1/tickets/{ticket}/timeline")).json()["items"]
            return items if len(items) >= count else []

        return await eventually(there, what=f"{count} lines")


async def test_messages_of_one_person_in_one_batch_stand_on_one_ticket_in_order(desk: Desk) -> None:
    later = {"accepted_at": START + timedelta(seconds=5)}
    await publish(desk, [message(number=1, text="first"), message(number=2, text="second", **later)])
    (ticket,) = await listed(desk, 1)
    assert [line["text"] for line in await timeline(desk, ticket["id"], 2)] == ["first", "second"]
    assert (ticket["state"], ticket["version"], ticket["channel"]) == ("new", 2, "telegram")


async def test_many_people_get_a_ticket_each(desk: Desk) -> None:
    await publish(desk, [message(person=str(number)) for number in range(150)])
    assert len({ticket["person"] for ticket in await listed(desk, 150)}) == 150


async def test_a_form_message_opens_its_own_ticket_and_names_the_open_one(desk: Desk) -> None:
    form = {"channel": "http", "account": "form", "thread": None}
    await publish(desk, [message(number=1, **form), message(number=2, **form)])
    tickets = await listed(desk, 2)
    assert sorted(ticket["possible_duplicate_of"] or "" for ticket in tickets) == sorted(
        ["", next(t["id"] for t in tickets if t["possible_duplicate_of"] is None)]
    )


async def test_an_automatic_message_alone_is_kept_without_disturbing_anybody(desk: Desk) -> None:
    await publish(desk, [message(automatic="auto-reply")])
    (ticket,) = await listed(desk, 1)
    assert ticket["state"] == "solved"


async def test_one_mail_over_two_routes_is_one_message(desk: Desk) -> None:
    mail = {"channel": "postmark", "thread": None, "content_key": "c" * 64}
    await publish(desk, [message(number=1, account="one", **mail), message(number=2, account="two", **mail)])
    await publish(desk, [message(person="last", number=3)])
    tickets = await listed(desk, 2)
    mail_ticket = next(ticket for ticket in tickets if ticket["channel"] == "postmark")
    assert len(await timeline(desk, mail_ticket["id"], 1)) == 1
    assert len(tickets) == 2


async def test_an_edit_stands_beside_what_it_edits(desk: Desk) -> None:
    await publish(
        desk,
        [
            message(number=1, text="teh"),
            message(number=2, text="the", edit_of="77:1", accepted_at=START + timedelta(1)),
        ],
    )
    (ticket,) = await listed(desk, 1)
    lines = await timeline(desk, ticket["id"], 2)
    assert [(line["text"], line["edit_of"]) for line in lines] == [("teh", None), ("the", "77:1")]


async def test_routings_decision_makes_the_ticket_open_and_held(desk: Desk) -> None:
    event = message()
    ticket_id = derived_id(event.id, "ticket", event.data.natural_id)
    await publish(desk, [event])
    await listed(desk, 1)
    await publish(desk, [taken(ticket_id, "anna", 2)])
    lines = await timeline(desk, str(ticket_id), 2)
    assert lines[1]["detail"] == {"agent": "anna", "reason": "longest-idle"}
    (ticket,) = await listed(desk, 1)
    assert (ticket["state"], ticket["assignee"], ticket["place"]) == ("open", "anna", "held")


async def test_an_older_decision_that_comes_late_changes_nothing(desk: Desk) -> None:
    event = message()
    ticket_id = derived_id(event.id, "ticket", event.data.natural_id)
    await publish(desk, [event])
    await listed(desk, 1)
    await publish(desk, [taken(ticket_id, "bram", 5), taken(ticket_id, "anna", 3)])
    await publish(desk, [taken(ticket_id, "carl", 6)])
    lines = await timeline(desk, str(ticket_id), 3)
    assert [line["detail"].get("agent") for line in lines[1:]] == ["bram", "carl"]


async def test_a_decision_about_a_ticket_that_is_not_here_waits_for_it(desk: Desk) -> None:
    event = message()
    ticket_id = derived_id(event.id, "ticket", event.data.natural_id)
    await publish(desk, [taken(ticket_id, "anna", 2)])
    connection = await desk.connect("tickets")

    async def waits() -> bool:
        return bool(await connection.fetchval("select count(*) from early_routing"))

    await eventually(waits, what="the decision kept")
    await publish(desk, [event])
    (ticket,) = await listed(desk, 1)
    assert (ticket["assignee"], ticket["state"]) == ("anna", "open")
    assert not await waits()
    await connection.close()


async def test_a_solved_ticket_is_reopened_by_its_customer_and_a_closed_one_is_followed_up(desk: Desk) -> None:
    await publish(desk, [message(number=1)])
    (ticket,) = await listed(desk, 1)
    async with client(desk) as asking:
        assert (await asking.post(f"/v1/tickets/{ticket['id']}/state", json={"state": "solved"})).status_code == 200
        await publish(desk, [message(number=2, accepted_at=START + timedelta(days=1))])

        async def reopened() -> bool:
            shown = (await asking.get(f"/v1/tickets/{ticket['id']}")).json()
            return (shown["state"], shown["cycle"]) == ("open", 2)

        await eventually(reopened, what="the ticket reopened")
        assert (await asking.post(f"/v1/tickets/{ticket['id']}/state", json={"state": "closed"})).status_code == 200
        refused = await asking.post(f"/v1/tickets/{ticket['id']}/state", json={"state": "open"})
        assert (refused.status_code, refused.json()["type"]) == (409, "urn:switchboard:problem:closed_to_open")
    await publish(desk, [message(number=3, accepted_at=START + timedelta(days=2))])
    followed = next(t for t in await listed(desk, 2) if t["id"] != ticket["id"])
    assert followed["follow_up_of"] == ticket["id"]


async def test_a_repeated_command_takes_effect_once(desk: Desk) -> None:
    await publish(desk, [message()])
    (ticket,) = await listed(desk, 1)
    headers = {"idempotency-key": "k1"}
    async with client(desk) as asking:
        path = f"/v1/tickets/{ticket['id']}/state"
        first = await asking.post(path, json={"state": "pending"}, headers=headers)
        again = await asking.post(path, json={"state": "pending"}, headers=headers)
        other = await asking.post(path, json={"state": "solved"}, headers=headers)
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert other.status_code == 422


async def test_if_match_refuses_only_when_the_state_was_changed_since(desk: Desk) -> None:
    await publish(desk, [message()])
    (ticket,) = await listed(desk, 1)
    async with client(desk) as asking:
        path = f"/v1/tickets/{ticket['id']}/state"
        seen = {"if-match": f'"{ticket["version"]}"'}
        assert (await asking.post(path, json={"state": "pending"}, headers=seen)).status_code == 200
        assert (await asking.post(path, json={"state": "solved"}, headers=seen)).status_code == 412


async def test_what_is_not_the_callers_is_not_there(desk: Desk) -> None:
    await publish(desk, [message()])
    (ticket,) = await listed(desk, 1)
    for other in (client(desk, workspace="other"), client(desk, shops=("bells",))):
        async with other as asking:
            assert (await asking.get("/v1/tickets")).json()["items"] == []
            for path in (
                f"/v1/tickets/{ticket['id']}",
                f"/v1/tickets/{ticket['id']}/timeline",
                f"/v1/persons/{ticket['person']}",
            ):
                assert (await asking.get(path)).status_code == 404
    async with client(desk, shops=("bikes",)) as asking:
        assert (await asking.get(f"/v1/persons/{ticket['person']}")).json()["identities"][0]["value"] == "77"


async def test_pages_follow_each_other_without_gap_or_double(desk: Desk) -> None:
    await publish(desk, [message(person=str(n), accepted_at=START + timedelta(seconds=n // 3)) for n in range(30)])
    await listed(desk, 30)
    seen: list[str] = []
    async with client(desk) as asking:
        cursor: str | None = None
        while True:
            page = (
                await asking.get("/v1/tickets", params={"limit": 7} | ({"cursor": cursor} if cursor else {}))
            ).json()
            seen += [ticket["id"] for ticket in page["items"]]
            cursor = page["next"]
            if cursor is None:
                break
    assert len(seen) == len(set(seen)) == 30


async def test_a_verified_person_who_names_an_order_joins_its_ticket(desk: Desk) -> None:
    person = Sender(kind="email", value="ada@example.org", verified=True)
    form = {"channel": "http", "account": "form", "thread": None, "sender": person, "order": "1001"}
    await publish(desk, [message(number=1, **form), message(number=2, **form, accepted_at=START + timedelta(hours=1))])
    (ticket,) = await listed(desk, 1)
    assert len(await timeline(desk, ticket["id"], 2)) == 2


async def test_verify_finds_nothing_wrong(desk: Desk) -> None:
    await publish(desk, [message(person=str(number % 7), number=number) for number in range(50)])
    await listed(desk, 7)
    assert await desk.run("services.tickets", "verify") == (0, "")


async def test_no_request_gets_an_answer_that_the_document_does_not_promise(
    desk: Desk, tmp_path: Path, long_run: bool
) -> None:
    await publish(desk, [message(person=str(number)) for number in range(5)])
    await listed(desk, 5)
    await no_surprise(desk.url("tickets"), WORKSPACE, tmp_path, examples=200 if long_run else 15)

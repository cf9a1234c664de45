"""The API of tickets on a real desk: lists, states, and what is not the caller's."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.eventually import eventually
from tests.factories import START, taken
from tests.integration.ticketing import Tickets
from tests.schemathesis_run import no_surprise

FORM = {"channel": "http", "account": "form", "thread": None}


async def test_a_repeated_command_takes_effect_once(tickets: Tickets) -> None:
    path = f"/v1/tickets/{await tickets.write()}/state"
    await tickets.listed(1)
    headers = {"idempotency-key": "k1"}
    async with tickets.client() as asking:
        first = await asking.post(path, json={"state": "pending"}, headers=headers)
        again = await asking.post(path, json={"state": "pending"}, headers=headers)
        other = await asking.post(path, json={"state": "solved"}, headers=headers)
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert first.headers["etag"] == again.headers["etag"] == '"2"'
    assert other.status_code == 422


async def test_what_the_life_cycle_does_not_allow_is_refused_with_its_reason(tickets: Tickets) -> None:
    ticket = await tickets.write()
    await tickets.listed(1)
    assert (await tickets.become(ticket, "closed")).status_code == 200
    refused = await tickets.become(ticket, "open")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:switchboard:problem:closed_to_open")
    assert (await tickets.get(f"/v1/tickets/{ticket}"))["state"] == "closed"


async def test_if_match_refuses_only_when_the_state_was_changed_since(tickets: Tickets) -> None:
    ticket = await tickets.write()
    await tickets.listed(1)
    async with tickets.client() as asking:
        path = f"/v1/tickets/{ticket}/state"
        seen = {"if-match": (await asking.get(f"/v1/tickets/{ticket}")).headers["etag"]}
        assert (await asking.post(path, json={"state": "pending"}, headers=seen)).status_code == 200
        assert (await asking.post(path, json={"state": "solved"}, headers=seen)).status_code == 412


async def test_what_is_not_the_callers_is_not_there(tickets: Tickets) -> None:
    await tickets.write()
    (ticket,) = await tickets.listed(1)
    for other in (tickets.client(workspace="other"), tickets.client(shops=("bells",))):
        async with other as asking:
            assert (await asking.get("/v1/tickets")).json()["items"] == []
            for path in (
                f"/v1/tickets/{ticket['id']}",
                f"/v1/tickets/{ticket['id']}/timeline",
                f"/v1/persons/{ticket['person']}",
            ):
                assert (await asking.get(path)).status_code == 404
            moved = await asking.post(f"/v1/tickets/{ticket['id']}/state", json={"state": "solved"})
            assert moved.status_code == 404
    async with tickets.client(shops=("bikes",)) as asking:
        assert (await asking.get(f"/v1/persons/{ticket['person']}")).json()["identities"][0]["value"] == "77"
        assert (await asking.get("/v1/tickets", params={"shop": "bells"})).json()["items"] == []


@pytest.mark.parametrize(
    ("filters", "numbers"),
    [
        ({"state": "open"}, [2]),
        ({"state": "pending"}, [1]),
        ({"assignee": "anna"}, [2]),
        ({"assignee": "anna", "state": "pending"}, []),
        ({"channel": "telegram"}, [3]),
        ({"channel": "http", "state": "new"}, [0]),
        ({"shop": "bikes"}, [0, 1, 2, 3]),
        ({"shop": "bells"}, []),
        ({"shop": "bikes", "state": "new"}, [0, 3]),
        ({"shop": "bikes", "channel": "http", "state": "pending"}, [1]),
    ],
)
async def test_a_list_holds_what_its_filters_say(tickets: Tickets, filters: dict[str, str], numbers: list[int]) -> None:
    made = [await tickets.write(person=str(number), **(FORM if number < 3 else {})) for number in range(4)]
    await tickets.listed(4)
    assert (await tickets.become(made[1], "pending")).status_code == 200
    await tickets.publish(taken(made[2], "anna", 2))
    await tickets.timeline(made[2], 2)
    items = (await tickets.get("/v1/tickets", **filters))["items"]
    assert sorted(item["id"] for item in items) == sorted(str(made[number]) for number in numbers)


async def test_a_list_of_a_persons_tickets_holds_his_alone(tickets: Tickets) -> None:
    await tickets.publish(*[tickets.message(person=str(n % 2), number=n, **FORM) for n in range(4)])
    shown = await tickets.listed(4)
    items = (await tickets.get("/v1/tickets", person=shown[0]["person"]))["items"]
    assert {item["id"] for item in items} == {t["id"] for t in shown if t["person"] == shown[0]["person"]}
    assert len(items) == 2


async def test_pages_follow_each_other_without_gap_or_double(tickets: Tickets) -> None:
    moments = [START + timedelta(seconds=number // 3) for number in range(30)]
    await tickets.publish(*[tickets.message(person=str(n), accepted_at=at) for n, at in enumerate(moments)])
    await tickets.listed(30)
    seen = await _walk(tickets, "/v1/tickets", 7)
    assert len({item["id"] for item in seen}) == len(seen) == 30
    assert [item["active_at"] for item in seen] == sorted((item["active_at"] for item in seen), reverse=True)


async def test_pages_of_a_timeline_follow_each_other(tickets: Tickets) -> None:
    moments = [START + timedelta(seconds=number // 4) for number in range(22)]
    events = [tickets.message(number=n, text=str(n), accepted_at=at) for n, at in enumerate(moments)]
    await tickets.publish(*events)
    (ticket,) = await tickets.listed(1)
    await tickets.timeline(ticket["id"], 22)
    seen = await _walk(tickets, f"/v1/tickets/{ticket['id']}/timeline", 5)
    assert [line["text"] for line in seen] == [str(number) for number in range(22)]


async def _walk(tickets: Tickets, path: str, limit: int) -> list[dict[str, Any]]:
    """All pages of a list."""
    seen: list[dict[str, Any]] = []
    query: dict[str, Any] = {"limit": limit}
    while True:
        page = await tickets.get(path, **query)
        seen += page["items"]
        if page["next"] is None:
            return seen
        query["cursor"] = page["next"]


async def test_a_cursor_of_another_list_is_refused(tickets: Tickets) -> None:
    await tickets.publish(*[tickets.message(person=str(number)) for number in range(2)])
    shown = await tickets.listed(2)
    cursor = (await tickets.get("/v1/tickets", limit=1))["next"]
    async with tickets.client() as asking:
        refused = await asking.get(f"/v1/tickets/{shown[0]['id']}/timeline", params={"cursor": cursor})
    assert refused.status_code == 400


async def test_tickets_solve_and_close_by_themselves_once_their_days_have_passed(tickets: Tickets) -> None:
    await tickets.settle({"auto_close_days": 3, "auto_solve_days": 2})
    due, early, silent, heard = [await tickets.write(person=person) for person in ("due", "early", "silent", "heard")]
    await tickets.listed(4)
    for ticket, state in ((due, "solved"), (early, "solved"), (silent, "pending"), (heard, "pending")):
        assert (await tickets.become(ticket, state)).status_code == 200
    active = (await tickets.get(f"/v1/tickets/{due}"))["active_at"]
    connection = await tickets.database()
    back = "update tickets set solved_at = now() - $2 * interval '1 day' where id = $1"
    await connection.execute(back, due, 3.1)
    await connection.execute(back, early, 2.9)
    back = back.replace("solved_at", "pending_since")
    await connection.execute(back, silent, 2.1)
    await connection.execute(back, heard, 1.9)
    await connection.close()

    async def closed() -> bool:
        return bool((await tickets.get(f"/v1/tickets/{due}"))["state"] == "closed")

    await eventually(closed, timeout_s=60, what="the ticket closed")
    lines = await tickets.timeline(due, 3)
    assert lines[2]["detail"] == {"was": "solved", "state": "closed", "reason": "auto-close", "by": "timer/auto-close"}
    assert (await tickets.get(f"/v1/tickets/{due}"))["active_at"] == active
    assert (await tickets.get(f"/v1/tickets/{early}"))["state"] == "solved"
    assert (await tickets.get(f"/v1/tickets/{silent}"))["state"] == "solved"
    assert (await tickets.get(f"/v1/tickets/{heard}"))["state"] == "pending"
    solved = (await tickets.timeline(silent, 3))[2]["detail"]
    assert solved == {"was": "pending", "state": "solved", "reason": "auto-solve", "by": "timer/auto-solve"}


async def test_no_request_gets_an_answer_that_the_document_does_not_promise(
    tickets: Tickets, tmp_path: Path, long_run: bool
) -> None:
    await tickets.publish(*[tickets.message(person=str(number)) for number in range(5)])
    await tickets.listed(5)
    examples = 200 if long_run else 15
    await no_surprise(tickets.desk.url("tickets"), tickets.workspace, tmp_path, examples=examples)

"""What people may ask of routing, and the clear words they get where they may not."""

import asyncio
from collections.abc import Iterator
from uuid import uuid4

import pytest

from shared.ids import new_id
from tests.desk import Desk
from tests.integration.routers import Routing, new_workspace, one_desk, opened
from tests.stack import Stack


@pytest.fixture(scope="module")
def desk(stack: Stack) -> Iterator[Desk]:
    """Routing alone."""
    yield from one_desk(stack)


@pytest.fixture
async def routing(desk: Desk) -> Routing:
    """A workspace with two agents who are offered every ticket."""
    new = new_workspace(desk)
    await new.staff()
    return new


async def offered(routing: Routing) -> tuple[str, str]:
    """A ticket, and the offer of it to anna."""
    await routing.presence("anna")
    event = opened()
    await routing.publish(event)
    return str(event.data.ticket), (await routing.offers("anna"))[0]["id"]


async def test_an_agent_sees_his_own_offers_and_a_lead_sees_all(routing: Routing) -> None:
    _, offer = await offered(routing)
    assert (await routing.ask("GET", "/v1/offers", agent="bram")).json()["items"] == []
    everybodys = (await routing.ask("GET", "/v1/offers", role="lead")).json()["items"]
    assert [(one["id"], one["agent"]) for one in everybodys] == [(offer, "anna")]


async def test_anothers_offer_is_not_there(routing: Routing) -> None:
    _, offer = await offered(routing)
    for answer in (await routing.accept(offer, "bram"), await routing.decline(offer, "bram")):
        assert answer.status_code == 404
        assert answer.json()["detail"]
    assert (await routing.accept(str(uuid4()), "anna")).status_code == 404


async def test_an_offer_that_was_declined_cannot_be_accepted_any_more(routing: Routing) -> None:
    _, offer = await offered(routing)
    await routing.presence("bram")
    assert (await routing.decline(offer, "anna")).is_success
    again = await routing.accept(offer, "anna")
    assert again.status_code == 409
    assert "declined" in again.json()["detail"]


async def test_a_reason_to_decline_is_one_word_of_the_registry(routing: Routing) -> None:
    _, offer = await offered(routing)
    for body in ({}, {"reason": "Because I said so"}, {"reason": 7}, {"reason": "busy", "more": 1}):
        answer = await routing.ask("POST", f"/v1/offers/{offer}/decline", agent="anna", json=body)
        assert answer.status_code == 422, body
        assert answer.json()["errors"], body
    assert (await routing.accept(offer, "anna")).is_success


async def test_the_same_key_sent_twice_takes_effect_once_and_gets_the_same_answer(routing: Routing) -> None:
    ticket, offer = await offered(routing)
    headers = {"idempotency-key": "take-it"}
    first = await routing.accept(offer, "anna", headers=headers)
    again = await asyncio.gather(*(routing.accept(offer, "anna", headers=headers) for _ in range(5)))
    assert first.is_success, first.text
    assert {(answer.status_code, answer.text) for answer in again} == {(first.status_code, first.text)}
    assert (await routing.routing_of(new_id())) == {}
    other = await routing.decline(offer, "anna", headers=headers)
    assert other.status_code == 422
    assert other.json()["type"].endswith("idempotency_key_reused")
    assert (await routing.routing_of(ticket))["agent"] == "anna"  # type: ignore[arg-type]


async def test_a_refused_command_leaves_its_key_free(routing: Routing) -> None:
    headers = {"idempotency-key": "later"}
    _, offer = await offered(routing)
    assert (await routing.accept(str(uuid4()), "anna", headers=headers)).status_code == 404
    assert (await routing.accept(offer, "anna", headers=headers)).is_success


async def test_a_key_without_an_agent_cannot_work_as_one(routing: Routing) -> None:
    for method, path, body in (
        ("PUT", "/v1/presence", {"presence": "available"}),
        ("POST", "/v1/next", None),
        ("POST", f"/v1/offers/{uuid4()}/accept", None),
    ):
        answer = await routing.ask(method, path, json=body)
        assert answer.status_code == 403, (path, answer.text)


async def test_presence_is_a_word_we_know_and_of_an_agent_settings_know(routing: Routing) -> None:
    assert (await routing.ask("PUT", "/v1/presence", agent="anna", json={"presence": "asleep"})).status_code == 422
    stranger = await routing.ask("PUT", "/v1/presence", agent="nobody", json={"presence": "available"})
    assert stranger.status_code == 404


async def test_the_list_of_agents_shows_presence_load_and_capacity(routing: Routing) -> None:
    await routing.presence("anna")
    await routing.presence("bram", "away", reason="lunch")
    items = {one["agent"]: one for one in (await routing.ask("GET", "/v1/agents")).json()["items"]}
    assert (items["anna"]["presence"], items["anna"]["load"], items["anna"]["capacity"]) == ("available", 0, 100)
    assert (items["bram"]["presence"], items["bram"]["reason"]) == ("away", "lunch")


async def test_the_queue_is_shown_in_order_of_service_with_reasons(routing: Routing) -> None:
    events = [opened(priority=priority) for priority in ("low", "urgent", "normal")]
    await routing.publish(*events)
    for event in events:
        await routing.until(event.data.ticket, reason="no-agent-present")
    items = (await routing.ask("GET", "/v1/queue")).json()["items"]
    assert [one["priority"] for one in items] == ["urgent", "normal", "low"]
    assert [one["ticket"] for one in items] == [str(events[n].data.ticket) for n in (1, 2, 0)]
    assert {one["reason"] for one in items} == {"no-agent-present"}
    page = (await routing.ask("GET", "/v1/queue", params={"limit": 2})).json()
    rest = (await routing.ask("GET", "/v1/queue", params={"limit": 2, "cursor": page["next"]})).json()
    assert [one["ticket"] for one in (*page["items"], *rest["items"])] == [one["ticket"] for one in items]
    assert rest["next"] is None


async def test_why_not_yet_names_the_reason_of_every_agent_by_the_same_engine(routing: Routing) -> None:
    await routing.staff({"anna": {"shops": ["bells"]}, "bram": {}})
    await routing.presence("anna")
    event = opened()
    await routing.publish(event)
    found = await routing.until(event.data.ticket, place="waiting", reason="no-shop")
    assert found["decision"]["refused"] == {"no-agent-present": 1, "no-shop": 1}


async def test_another_workspace_and_other_shops_see_nothing(routing: Routing) -> None:
    ticket, offer = await offered(routing)
    for who in ({"workspace": "other"}, {"shops": ("bells",)}):
        assert (await routing.ask("GET", f"/v1/tickets/{ticket}/routing", **who)).status_code == 404
        assert (await routing.ask("GET", "/v1/offers", **who)).json()["items"] == []
        assert (await routing.ask("GET", "/v1/queue", **who)).json()["items"] == []
        assert (await routing.accept(offer, "anna", **who)).status_code == 404
    assert (await routing.accept(offer, "anna", shops=("bikes",))).is_success


async def test_without_an_identity_nobody_is_answered(routing: Routing) -> None:
    for path in ("/v1/queue", "/v1/offers", "/v1/agents", f"/v1/tickets/{uuid4()}/routing"):
        answer = await routing.ask("GET", path, headers={"authorization": "Bearer nonsense"})
        assert answer.status_code == 401

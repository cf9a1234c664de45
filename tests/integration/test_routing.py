"""Routing over the real bus: who waits, who is asked, who holds, and what becomes of offers."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from shared.contracts.routing_events import OfferEnded, TicketTaken
from shared.contracts.ticket_events import MessageAdded, StateChanged, TicketReopened
from tests.desk import Desk
from tests.eventually import eventually
from tests.integration.routers import Routing, new_workspace, one_desk, opened, ticket_event
from tests.stack import Stack


@pytest.fixture(scope="module")
def desk(stack: Stack) -> Iterator[Desk]:
    """Routing alone."""
    yield from one_desk(stack)


@pytest.fixture
def routing(desk: Desk) -> Routing:
    """A workspace on it."""
    return new_workspace(desk)


async def test_an_opened_ticket_is_offered_and_held_by_who_accepts(routing: Routing) -> None:
    await routing.staff()
    await routing.presence("anna")
    event = opened()
    await routing.publish(event)
    (offer,) = await routing.offers("anna")
    assert offer["ticket"] == str(event.data.ticket)
    assert datetime.fromisoformat(offer["lease_until"]) > datetime.now(UTC)
    assert (await routing.accept(offer["id"], "anna")).is_success

    why = await routing.until(event.data.ticket, place="held", agent="anna")
    assert why["decision"]["reason"]
    assert why["decision"]["candidates"][0]["agent"] == "anna"
    assert datetime.fromisoformat(why["enqueued_at"]) == event.data.cycle_started_at
    told = await routing.told("routing-events", 2)
    assert [e.data.TYPE.split(".")[2] for e in told] == ["offered", "assigned"]
    assert [e.version for e in told] == [2, 3]
    assert {e.trace[3:35] for e in told if e.trace} == {str(event.trace)[3:35]}
    assert all(e.trace for e in told)


async def test_on_a_pushed_channel_tickets_are_held_at_once_up_to_capacity(routing: Routing) -> None:
    await routing.staff({"anna": {"capacity": 100}, "bram": {"capacity": 40}}, mode="push")
    await routing.presence("anna")
    await routing.presence("bram")
    events = [opened() for _ in range(9)]
    await routing.publish(*events)

    async def places() -> bool:
        found = [await routing.routing_of(event.data.ticket) for event in events]
        held = [one["agent"] for one in found if one and one["place"] == "held"]
        return sorted(held) == ["anna"] * 5 + ["bram"] * 2

    await eventually(places, what="five held by anna and two by bram")
    last = [await routing.routing_of(event.data.ticket) for event in events]
    assert {one["reason"] for one in last if one["place"] == "waiting"} == {"no-capacity"}


async def test_a_declined_ticket_goes_to_another_with_its_original_time(routing: Routing) -> None:
    await routing.staff()
    await routing.presence("anna")
    event = opened()
    await routing.publish(event)
    (offer,) = await routing.offers("anna")
    await routing.presence("bram")
    assert (await routing.decline(offer["id"], "anna")).is_success
    (again,) = await routing.offers("bram")
    assert again["ticket"] == offer["ticket"]
    found = await routing.routing_of(event.data.ticket)
    assert datetime.fromisoformat(found["enqueued_at"]) == event.data.cycle_started_at


async def test_who_declined_is_asked_again_where_he_is_the_only_one(routing: Routing) -> None:
    await routing.staff({"anna": {}})
    await routing.presence("anna")
    await routing.publish(opened())
    (offer,) = await routing.offers("anna")
    assert (await routing.decline(offer["id"], "anna")).is_success

    async def another() -> bool:
        return any(one["id"] != offer["id"] for one in await routing.offers("anna"))

    await eventually(another, what="another offer")


async def test_an_offer_lapses_at_the_end_of_its_lease_and_the_next_agent_is_asked(routing: Routing) -> None:
    await routing.staff(lease_s=1)
    await routing.presence("anna")
    await routing.publish(opened())
    (offer,) = await routing.offers("anna")
    await routing.presence("bram")
    await routing.offers("bram")
    late = await routing.accept(offer["id"], "anna")
    assert late.status_code == 409
    assert late.headers["content-type"] == "application/problem+json"
    ended = [e.data for e in await routing.told("routing-events", 3) if isinstance(e.data, OfferEnded)]
    assert ended[0].outcome == "expired"
    assert ended[0].asked == "anna"


async def test_a_lease_that_ended_while_routing_was_down_ends_when_it_is_back(routing: Routing) -> None:
    await routing.staff(lease_s=1)
    await routing.presence("anna")
    event = opened()
    await routing.publish(event)
    (offer,) = await routing.offers("anna")
    routing.desk.processes["routing"].kill()
    connection = await routing.database()

    async def over() -> bool:
        return bool(await connection.fetchval("select bool_and(lease_until < clock_timestamp()) from tickets"))

    await eventually(over, what="the end of the lease")
    await connection.close()
    await routing.desk.start("services.routing")

    async def other_offer() -> bool:
        return any(one["id"] != offer["id"] for one in await routing.offers("anna"))

    await eventually(other_offer, what="a new offer")


async def test_who_misses_offers_in_a_row_is_away(routing: Routing) -> None:
    await routing.staff({"anna": {}}, lease_s=1, away_after_misses=2)
    await routing.presence("anna")
    event = opened()
    await routing.publish(event)

    async def away() -> bool:
        items = (await routing.ask("GET", "/v1/agents")).json()["items"]
        return [(one["agent"], one["presence"]) for one in items] == [("anna", "away")]

    await eventually(away, what="anna away")
    await routing.until(event.data.ticket, place="waiting", reason="no-agent-present")
    told = await routing.told("agent-events", 2)
    assert [e.data.presence for e in told] == ["available", "away"]  # type: ignore[attr-defined]


async def test_who_sends_no_heartbeat_is_offline_and_his_live_work_waits_again(routing: Routing) -> None:
    await routing.staff({"anna": {}}, mode="push", offline_grace_s=5)
    await routing.presence("anna")
    live, pending = opened(), opened()
    await routing.publish(live, pending)
    for event in (live, pending):
        await routing.until(event.data.ticket, agent="anna")
    await routing.publish(ticket_event(StateChanged, pending.data.ticket, 2, state="pending"))
    found = await routing.until(live.data.ticket, place="waiting", agent=None)
    assert datetime.fromisoformat(found["enqueued_at"]) == live.data.cycle_started_at
    assert (await routing.routing_of(pending.data.ticket))["agent"] == "anna"
    told = await routing.told("agent-events", 2)
    assert told[-1].data.presence == "offline"  # type: ignore[attr-defined]


async def test_a_solved_ticket_leaves_and_makes_room(routing: Routing) -> None:
    await routing.staff({"anna": {"capacity": 20}}, mode="push")
    await routing.presence("anna")
    first, second = opened(), opened()
    await routing.publish(first)
    await routing.until(first.data.ticket, agent="anna")
    await routing.publish(second)
    await routing.until(second.data.ticket, reason="no-capacity")
    await routing.publish(ticket_event(StateChanged, first.data.ticket, 2, state="solved"))
    await routing.until(second.data.ticket, agent="anna")
    await routing.until(first.data.ticket, place="done", agent=None)


async def test_a_pending_ticket_keeps_its_holder_and_weighs_nothing(routing: Routing) -> None:
    await routing.staff({"anna": {"capacity": 20}}, mode="push")
    await routing.presence("anna")
    first, second = opened(), opened()
    await routing.publish(first)
    await routing.until(first.data.ticket, agent="anna")
    await routing.publish(ticket_event(StateChanged, first.data.ticket, 2, state="pending"), second)
    await routing.until(second.data.ticket, agent="anna")
    await routing.until(first.data.ticket, place="held", agent="anna")
    await routing.publish(ticket_event(MessageAdded, first.data.ticket, 3, state="open"))

    async def over() -> bool:
        (one,) = (await routing.ask("GET", "/v1/agents")).json()["items"]
        return bool(one["load"] == 40)

    await eventually(over, what="returned work on top of a full load")
    assert (await routing.routing_of(first.data.ticket))["agent"] == "anna"


async def test_a_reopened_ticket_waits_since_the_message_that_reopened_it(routing: Routing) -> None:
    await routing.staff()
    event = opened()
    ticket = event.data.ticket
    await routing.publish(event, ticket_event(StateChanged, ticket, 2, state="solved"))
    await routing.until(ticket, place="done")
    again = datetime.now(UTC) - timedelta(seconds=3)
    reopened = ticket_event(TicketReopened, ticket, 3, state="open", cycle=2, cycle_started_at=again)
    await routing.publish(reopened)
    found = await routing.until(ticket, place="waiting")
    assert datetime.fromisoformat(found["enqueued_at"]) == again


async def test_on_request_tickets_go_out_in_order_when_an_agent_asks(routing: Routing) -> None:
    await routing.staff(mode="next")
    now = datetime.now(UTC)
    young, old = opened(cycle_started_at=now), opened(cycle_started_at=now - timedelta(hours=1))
    await routing.publish(young, old)
    await routing.presence("anna")
    await routing.until(young.data.ticket, reason="on-request")
    for event in (old, young):
        answer = await routing.ask("POST", "/v1/next", agent="anna")
        assert answer.status_code == 200, answer.text
        assert answer.json()["ticket"] == str(event.data.ticket)
        await routing.until(event.data.ticket, place="held", agent="anna")
    nothing = await routing.ask("POST", "/v1/next", agent="anna")
    assert nothing.json()["ticket"] is None


async def test_a_required_skill_that_lapses_lets_the_ticket_go(routing: Routing) -> None:
    await routing.staff({"anna": {}}, mode="push", requires=[{"skill": "legal", "until_s": 3}])
    await routing.presence("anna")
    event = opened(cycle_started_at=datetime.now(UTC))
    await routing.publish(event)
    await routing.until(event.data.ticket, place="waiting", reason="no-skill")
    await routing.until(event.data.ticket, agent="anna")


async def test_a_changed_setting_is_matched_at_once(routing: Routing) -> None:
    await routing.staff({"anna": {"capacity": 0}}, mode="push")
    await routing.presence("anna")
    event = opened()
    await routing.publish(event)
    await routing.until(event.data.ticket, reason="no-capacity")
    await routing.staff({"anna": {"capacity": 20}}, mode="push")
    await routing.until(event.data.ticket, agent="anna")


async def test_the_same_event_twice_changes_nothing(routing: Routing) -> None:
    await routing.staff(mode="push")
    await routing.presence("anna")
    event, later = opened(), opened()
    await routing.publish(event, event)
    await routing.until(event.data.ticket, agent="anna")
    await routing.publish(event, later)
    await routing.until(later.data.ticket, agent="anna")
    told = [e for e in await routing.told("routing-events", 2) if e.data.ticket == event.data.ticket]  # type: ignore[attr-defined]
    assert [e.version for e in told] == [2]


async def test_of_many_who_accept_the_same_offer_one_holds_the_ticket(routing: Routing) -> None:
    await routing.staff()
    await routing.presence("anna")
    event = opened()
    await routing.publish(event)
    (offer,) = await routing.offers("anna")
    answers = await asyncio.gather(*(routing.accept(offer["id"], agent) for agent in ["anna", "bram"] * 5))
    assert sum(answer.is_success for answer in answers) >= 1
    assert all(answer.status_code in (200, 404, 409) for answer in answers)
    assert all(not answer.is_success for answer in answers[1::2])
    taken = [e for e in await routing.told("routing-events", 2) if isinstance(e.data, TicketTaken)]
    assert len(taken) == 1


async def test_a_queue_of_many_pages_that_nobody_can_serve_holds_nobody_back_and_goes_out_once_somebody_can(
    routing: Routing,
) -> None:
    legal = {"mail": {"mode": "push", "weight": 1, "requires": [{"skill": "legal"}]}}
    agents = {"anna": {"capacity": 50}, "lex": {"capacity": 5000, "skills": [{"skill": "legal"}]}}
    await routing.staff(agents, mode="push", channels=legal)
    await routing.presence("anna")
    backlog = [opened(channel="mail") for _ in range(1300)]
    await routing.publish(*backlog)
    await routing.until(backlog[-1].data.ticket, reason="no-skill")
    new = opened()
    await routing.publish(new)
    await routing.until(new.data.ticket, agent="anna")
    await routing.presence("lex")

    async def all_given() -> bool:
        items = {one["agent"]: one for one in (await routing.ask("GET", "/v1/agents")).json()["items"]}
        return bool(items["lex"]["tickets"].get("mail") == 1300)

    await eventually(all_given, what="the whole queue with lex")
    connection = await routing.database()
    order = await connection.fetch(
        "select id from tickets where workspace = $1 and agent = 'lex' order by given_at", routing.workspace
    )
    await connection.close()
    first_come = sorted(backlog, key=lambda event: (event.data.cycle_started_at, event.data.ticket))
    assert [row["id"] for row in order] == [event.data.ticket for event in first_come]


async def test_routing_at_rest_breaks_no_invariant(routing: Routing) -> None:
    await routing.staff({"anna": {}, "bram": {}, "cees": {"capacity": 40}})
    for agent in ("anna", "bram", "cees"):
        await routing.presence(agent)
    events = [opened() for _ in range(20)]
    await routing.publish(*events)
    for agent in ("anna", "bram"):
        for offer in (await routing.offers(agent, 3))[:2]:
            assert (await routing.accept(offer["id"], agent)).is_success
        await routing.decline((await routing.offers(agent))[0]["id"], agent)
    await routing.publish(*[ticket_event(StateChanged, e.data.ticket, 2, state="solved") for e in events[:8]])
    await routing.until(events[7].data.ticket, place="done")
    code, printed = await routing.desk.run("services.routing", "verify")
    assert code == 0, printed

"""A database that was restored to an earlier state learns from routing's own log; two replicas decide as one."""

from collections import Counter
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from shared.contracts.ticket_events import StateChanged
from tests.desk import Desk
from tests.eventually import eventually
from tests.integration.campaign import database
from tests.integration.routers import Routing, new_workspace, open_desk, opened, ticket_event
from tests.stack import Stack


@pytest.fixture
async def desk(stack: Stack) -> AsyncIterator[Desk]:
    """Routing alone, its database to be played with."""
    running = await open_desk(stack)
    yield running
    running.stop()
    await stack.drop_database(running.database)


@pytest.fixture
def routing(desk: Desk) -> Routing:
    """A workspace on it."""
    return new_workspace(desk)


async def placed(routing: Routing, ticket: UUID) -> dict[str, object]:
    found = await routing.routing_of(ticket)
    return {name: found.get(name) for name in ("place", "agent", "version", "offer", "enqueued_at", "enqueue")}


async def test_a_restored_database_ends_where_it_was_and_nothing_is_decided_anew(routing: Routing) -> None:
    await routing.staff({"anna": {}})
    await routing.presence("anna")
    events = [opened() for _ in range(4)]
    held, solved, declined, offered = (event.data.ticket for event in events)
    await routing.publish(*events)
    offers = {offer["ticket"]: offer["id"] for offer in await routing.offers("anna", 4)}
    copy = await database.snapshot(routing.desk)

    for ticket in (held, solved):
        assert (await routing.accept(offers[str(ticket)], "anna")).is_success
    assert (await routing.decline(offers[str(declined)], "anna")).is_success
    await routing.publish(ticket_event(StateChanged, solved, 2, state="solved"))
    await routing.until(solved, place="done")
    await routing.until(declined, place="offered")  # again: she is the only one
    before = {ticket: await placed(routing, ticket) for ticket in (held, solved, declined, offered)}
    told = await routing.told("routing-events", 4 + 2 + 2 + 1)

    await database.restore(routing.desk, copy)

    async def same() -> bool:
        return {ticket: await placed(routing, ticket) for ticket in before} == before

    await eventually(same, timeout_s=90, what="the places from before the restore")
    later = opened()
    await routing.publish(later)
    await routing.until(later.data.ticket, place="offered")
    assert await same()
    told_then = await routing.told("routing-events", len(told) + 2)
    versions = Counter((event.data.ticket, event.version) for event in {e.id: e for e in told_then}.values())  # type: ignore[attr-defined]
    assert max(versions.values()) == 1, "one ticket's version was told as two different events"
    code, printed = await routing.desk.run("services.routing", "verify")
    assert code == 0, printed


async def test_two_replicas_give_each_ticket_out_once_and_nobody_more_than_he_has_room_for(routing: Routing) -> None:
    await routing.staff({f"agent-{n}": {"capacity": 100} for n in range(10)}, mode="push", weight=10)
    await routing.desk.start("services.routing#2")
    for number in range(10):
        await routing.presence(f"agent-{number}")
    events = [opened() for _ in range(130)]
    for start in range(0, 130, 10):
        await routing.publish(*events[start : start + 10])
    connection = await routing.database()

    async def hundred() -> bool:
        held = await connection.fetchval("select count(*) from tickets where place = 'held'")
        return held == 100 and await connection.fetchval("select count(*) from tickets") == 130

    await eventually(hundred, timeout_s=60, what="100 tickets with agents")
    rows = await connection.fetch("select agent, count(*) as n from tickets where place = 'held' group by agent")
    assert {row["n"] for row in rows} == {10}
    await connection.close()
    told = await routing.told("routing-events", 30 + 100)
    assert max(Counter((e.data.ticket, e.version) for e in told).values()) == 1  # type: ignore[attr-defined]
    code, printed = await routing.desk.run("services.routing", "verify")
    assert code == 0, printed

"""Tickets follow routing over the real bus: who holds a ticket and why, in any order, and after a restore."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest

from services.tickets.repo.early import keep, take
from services.tickets.repo.tickets import by_id, insert
from shared.contracts.routing_events import TicketEnqueued
from shared.errors import MayPass
from shared.ids import new_id
from tests.eventually import eventually
from tests.factories import START, taken
from tests.integration.ticketing import Tickets, ticket_of


@pytest.fixture
async def connections(tickets: Tickets) -> AsyncIterator[list[asyncpg.Connection]]:
    """Two sessions of the service's own schema, and one to watch them."""
    opened = [await tickets.database() for _ in range(3)]
    yield opened
    for connection in opened:
        await connection.close()


async def test_routings_decision_makes_the_ticket_open_and_held(tickets: Tickets) -> None:
    ticket = await tickets.write()
    await tickets.listed(1)
    await tickets.publish(taken(ticket, "anna", 2))
    lines = await tickets.timeline(ticket, 2)
    assert lines[1]["detail"] == {"agent": "anna", "reason": "longest-idle", "was": "new", "state": "open"}
    (shown,) = await tickets.listed(1)
    assert (shown["state"], shown["assignee"], shown["place"]) == ("open", "anna", "held")
    told = await tickets.told(2)
    assert (told[1].data.agent, told[1].data.state, told[1].version) == ("anna", "open", 2)


async def test_an_older_decision_that_comes_late_changes_nothing(tickets: Tickets) -> None:
    ticket = await tickets.write()
    await tickets.listed(1)
    await tickets.publish(taken(ticket, "bram", 5), taken(ticket, "anna", 3))
    await tickets.publish(taken(ticket, "carl", 6))
    lines = await tickets.timeline(ticket, 3)
    assert [line["detail"].get("agent") for line in lines[1:]] == ["bram", "carl"]


async def test_decisions_about_a_ticket_that_is_not_here_wait_for_it_each_with_its_line(tickets: Tickets) -> None:
    event = tickets.message()
    ticket = ticket_of(event)
    back = taken(ticket, "anna", 3)
    waiting = {"place": "waiting", "agent": None, "reason": "agent-offline", "enqueue": 2, "enqueued_at": START}
    again = TicketEnqueued(**{**back.data.model_dump(), **waiting})
    await tickets.publish(taken(ticket, "anna", 2), replace(back, id=new_id(), data=again), taken(ticket, "bram", 4))
    connection = await tickets.database()

    async def kept(wanted: int) -> bool:
        where = "workspace = $1 and ticket = $2"
        return await connection.fetchval(
            f"select count(*) = $3 from early_routing where {where}", tickets.workspace, ticket, wanted
        )

    await eventually(lambda: kept(3), what="the decisions kept")
    await tickets.publish(event)
    lines = await tickets.timeline(ticket, 4)
    assert [(line["what"], line["detail"].get("agent")) for line in lines[1:]] == [
        ("assigned", "anna"), ("released", None), ("assigned", "bram"),
    ]  # fmt: skip
    (shown,) = await tickets.listed(1)
    assert (shown["assignee"], shown["state"], shown["version"]) == ("bram", "open", 4)
    assert [told.version for told in await tickets.told(4)] == [1, 2, 3, 4]
    assert await kept(0)
    await connection.close()


async def test_a_ticket_that_lost_its_history_counts_on_from_what_routing_has_met(tickets: Tickets) -> None:
    ticket = await tickets.write()
    await tickets.listed(1)
    await tickets.publish(taken(ticket, "anna", 4, ticket_version=7))
    await tickets.timeline(ticket, 2)
    (shown,) = await tickets.listed(1)
    assert shown["version"] == 8


async def test_a_decision_and_its_ticket_that_pass_each_other_are_brought_together(
    tickets: Tickets, connections: list[asyncpg.Connection]
) -> None:
    known = await tickets.write()
    await tickets.listed(1)
    opening, keeping, watching = connections
    opens = opening.transaction()
    await opens.start()
    (another,) = await by_id(opening, [(tickets.workspace, known)])
    ticket = new_id()
    await insert(opening, [replace(another, id=ticket)])
    assert await take(opening, [(tickets.workspace, ticket)]) == []
    pid = keeping.get_server_pid()

    async def keeps() -> None:
        async with keeping.transaction():
            await keep(keeping, [replace(taken(ticket, "anna", 2), workspace=tickets.workspace)])

    task = asyncio.create_task(keeps())

    async def blocked() -> bool:
        return await watching.fetchval("select exists (select from pg_locks where pid = $1 and not granted)", pid)

    await eventually(blocked, what="the decision waits for the batch that opens tickets")
    await opens.commit()
    with pytest.raises(MayPass, match="arrived"):
        await task

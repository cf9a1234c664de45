"""An answer that was acknowledged stays: whoever is killed, and whatever state a database goes back to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from shared.contracts.ticket_events import ReplySent
from tests.eventually import eventually
from tests.integration.answering import answer, commands, delivered, opened, until
from tests.integration.campaign import database
from tests.integration.ticketing import Tickets


@asynccontextmanager
async def no_relay_moves(tickets: Tickets) -> AsyncIterator[asyncpg.Connection]:
    """Nothing goes from the database to the log."""
    connection = await tickets.database()
    try:
        async with connection.transaction():
            await connection.execute("select pg_advisory_xact_lock(hashtext('tickets'), 1)")
            yield connection
    finally:
        await connection.close()


async def under_way(tickets: Tickets, ticket: UUID, connection: asyncpg.Connection) -> asyncio.Task[httpx.Response]:
    """An answer that the database has, and that nobody was told of."""
    running = asyncio.create_task(answer(tickets, ticket, key="kept"))
    kept = "select count(*) = 1 from messages where ticket = $1 and author = 'agent'"
    await eventually(lambda: connection.fetchval(kept, ticket), what="an answer that is kept")
    done, _ = await asyncio.wait({running}, timeout=0.3)
    assert not done
    return running


async def test_an_answer_is_acknowledged_when_the_log_has_it(tickets: Tickets) -> None:
    ticket = await opened(tickets)
    async with no_relay_moves(tickets) as connection:
        running = await under_way(tickets, ticket, connection)
    assert (await running).status_code == 201
    await commands(tickets, 1)


async def test_where_the_database_goes_away_before_the_log_has_it_the_answer_is_asked_for_again(
    tickets: Tickets,
) -> None:
    ticket = await opened(tickets)
    async with no_relay_moves(tickets) as connection:
        running = await under_way(tickets, ticket, connection)
        relay = "select pg_terminate_backend(pid, 5000) from pg_locks where locktype = 'advisory' and not granted"
        assert await connection.fetch(relay)
        refused = await running
    assert (refused.status_code, refused.json()["type"]) == (503, "urn:switchboard:problem:store_unavailable")
    again = await eventually(lambda: answered(tickets, ticket, "kept"), what="the answer again")
    (command,) = await commands(tickets, 1)
    assert again["message"] == str(command.data.message)


async def test_an_owner_that_is_killed_under_the_command_has_one_answer_when_it_is_repeated(tickets: Tickets) -> None:
    ticket = await opened(tickets)
    process = tickets.desk.processes["tickets"]
    for round_ in range(4):
        key = f"killed-{round_}"
        running = asyncio.create_task(answer(tickets, ticket, key=key, text=key, seen_up_to=None))
        await asyncio.sleep(0.004 * round_)  # somewhere in the request; the assertions hold wherever it was
        process.kill()
        await asyncio.gather(running, return_exceptions=True)
        process.start()
        await process.ready()
        first, second = (
            await answer(tickets, ticket, key=key, text=key),
            await answer(tickets, ticket, key=key, text=key),
        )
        assert (first.status_code, first.content) == (201, second.content)
    sent = await commands(tickets, 4)
    assert sorted(command.data.text for command in sent) == [f"killed-{round_}" for round_ in range(4)]
    lines = (await tickets.get(f"/v1/tickets/{ticket}/timeline"))["items"]
    assert len([one for one in lines if one["author"] == "agent"]) == 4
    assert await tickets.desk.run("services.tickets", "verify") == (0, "")


@pytest.mark.parametrize("back_first", [True, False], ids=["after_the_log_brought_it_back", "at_once"])
async def test_an_answer_that_a_restore_has_lost_is_the_same_when_it_is_repeated(
    tickets: Tickets, back_first: bool
) -> None:
    ticket = await opened(tickets)
    copy = await database.snapshot(tickets.desk)
    first = await eventually(lambda: answered(tickets, ticket, "kept"), what="the first answer")
    message = first["message"]
    await tickets.publish(delivered(ticket, message, "sent", 2), delivered(ticket, message, "delivered", 3))
    await until(tickets, ticket, message, "delivered")
    before = [event.id for event in await tickets.told(4) if isinstance(event.data, ReplySent)]
    await database.restore(tickets.desk, copy)
    if back_first:
        await until(tickets, ticket, message, "delivered")
    again = await eventually(lambda: answered(tickets, ticket, "kept"), timeout_s=60, what="the answer again")
    assert again["message"] == message
    await until(tickets, ticket, message, "delivered")
    assert {command.id for command in await commands(tickets, 2)} == {UUID(message)}
    replies = [event.id for event in await tickets.told(7) if isinstance(event.data, ReplySent)]
    assert before == [replies[0]] and set(replies) == set(before)
    lines = (await tickets.get(f"/v1/tickets/{ticket}/timeline"))["items"]
    assert [one["id"] for one in lines].count(message) == 1


async def answered(tickets: Tickets, ticket: UUID, key: str) -> Any:
    try:
        given = await answer(tickets, ticket, key=key)
    except httpx.TransportError:
        return None
    return given.json() if given.status_code == 201 else None

"""What `switchboard verify` finds in metrics: facts that cannot be."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg
import pytest

from services.metrics.domain.events import fact_of
from services.metrics.repo import facts
from services.metrics.repo.checks import check_facts
from shared.contracts.envelope import Event
from tests.integration.measuring import Story
from tests.stack import Stack


@pytest.fixture
async def schema(stack: Stack) -> AsyncIterator[asyncpg.Connection]:
    """Metrics' schema, empty."""
    name = await stack.create_database(await stack.migrated())
    connection = await asyncpg.connect(stack.dsn(name), server_settings={"search_path": "metrics"})
    yield connection
    await connection.close()
    await stack.drop_database(name)


async def found(schema: asyncpg.Connection, events: Sequence[Event[Any]]) -> set[str]:
    """The invariants that these facts break."""
    await facts.insert(schema, [fact_of(event) for event in events])
    return {violation.invariant for violation in await check_facts(schema)}


async def test_facts_of_whole_lives_break_nothing(schema: asyncpg.Connection) -> None:
    story = Story("w").opened().held("anna").after(hours=1).answered().became("solved").after(days=1).reopened().wrote()
    assert await found(schema, story.after(minutes=1).answered().events) == set()


async def test_a_reply_to_a_cycle_that_never_began_is_found(schema: asyncpg.Connection) -> None:
    assert await found(schema, Story("w", cycle=3).answered().events) == {"a reply answers a cycle that began"}


async def test_seconds_that_are_not_those_since_the_cycle_began_are_found(schema: asyncpg.Connection) -> None:
    story = Story("w").opened().after(hours=1).answered(since_start_s=60, business_since_start_s=60)
    assert await found(schema, story.events) == {"a reply's seconds are those since its cycle began"}


async def test_facts_without_their_beginning_are_found(schema: asyncpg.Connection) -> None:
    events = Story("w").opened().became("solved").events
    assert await found(schema, events[1:]) == {"a ticket's facts begin with its opening"}


async def test_a_cycle_that_begins_twice_is_found(schema: asyncpg.Connection) -> None:
    story = Story("w").opened().became("solved").reopened()
    story.cycle -= 1
    assert await found(schema, story.reopened().events) == {"a cycle begins once"}


async def test_a_ticket_that_stands_as_no_fact_says_is_found(schema: asyncpg.Connection) -> None:
    await found(schema, Story("w").opened().events)
    await schema.execute("update tickets set state = 'open'")
    assert await found(schema, ()) == {"a ticket stands as its newest fact says"}


async def test_a_reply_and_a_cycle_that_stand_as_no_fact_says_are_found(schema: asyncpg.Connection) -> None:
    await found(schema, Story("w").opened().after(hours=1).answered().events)
    await schema.execute("update newest_replies set version = 9")
    await schema.execute("update cycles set agent = 'bram'")
    assert await found(schema, ()) == {"a reply stands as its newest fact says", "a cycle stands as its facts say"}

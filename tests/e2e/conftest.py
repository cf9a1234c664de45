"""The whole desk: all services on the stack, each test with a database cloned from one that is migrated once."""

from collections.abc import AsyncIterator

import pytest

from tests.desk import Desk
from tests.shop import SERVICES, Shop, open_shop
from tests.stack import Stack


@pytest.fixture
async def desk(stack: Stack) -> AsyncIterator[Desk]:
    """All services, ready."""
    running = Desk(stack, await stack.create_database(await stack.migrated()), await stack.create_topics())
    await running.start(*SERVICES)
    yield running
    running.stop()
    await stack.drop_database(running.database)


@pytest.fixture
async def shop(desk: Desk) -> AsyncIterator[Shop]:
    """A shop on the desk that offers every ticket."""
    opened = await open_shop(desk)
    yield opened
    await opened.close()

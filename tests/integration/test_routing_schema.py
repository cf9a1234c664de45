"""Routing keeps what its OpenAPI document promises, whatever is sent to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.desk import Desk
from tests.integration.routers import Routing, new_workspace, one_desk, opened
from tests.schemathesis_run import no_surprise
from tests.stack import Stack


@pytest.fixture(scope="module")
def desk(stack: Stack) -> Iterator[Desk]:
    """Routing alone."""
    yield from one_desk(stack)


@pytest.fixture
async def routing(desk: Desk) -> Routing:
    """A workspace with something in its queue and an agent who is asked."""
    new = new_workspace(desk)
    await new.staff()
    await new.presence("anna")
    await new.publish(*[opened() for _ in range(8)])
    await new.offers("anna", 5)
    return new


async def test_no_request_gets_an_answer_that_the_document_does_not_promise(
    routing: Routing, tmp_path: Path, long_run: bool
) -> None:
    await no_surprise(routing.desk.url("routing"), routing.workspace, tmp_path, examples=200 if long_run else 15)

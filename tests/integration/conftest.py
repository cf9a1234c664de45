"""Fixtures of this layer: tickets alone. A module that needs other services has a `desk` of its own."""

from collections.abc import Iterator

import pytest

from tests.desk import Desk
from tests.integration.ticketing import Tickets, new_workspace, one_desk
from tests.stack import Stack


@pytest.fixture(scope="module")
def desk(stack: Stack) -> Iterator[Desk]:
    """Tickets alone."""
    yield from one_desk(stack)


@pytest.fixture
def tickets(desk: Desk) -> Tickets:
    """A workspace."""
    return new_workspace(desk)

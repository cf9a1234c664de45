"""Fixtures for every layer; a layer that needs servers says so by asking for them."""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.desk import Desk
from tests.stack import Stack

# How long an example takes says how busy the machine is; what is promised about time is tested by CPU seconds.
settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--long` runs the full numbers of the issues."""
    parser.addoption("--long", action="store_true", help="run the full numbers of the issues")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """A failed test shows the end of its services' logs."""
    report = yield
    if report.failed:
        for desk in Desk.running:
            for name, process in desk.processes.items():
                if process.log.exists():
                    report.sections.append((f"log of {name}", process.log.read_text(errors="replace")[-4000:]))
    return report


@pytest.fixture(scope="session")
def long_run(request: pytest.FixtureRequest) -> bool:
    """Whether the full numbers are asked for."""
    return bool(request.config.getoption("--long"))


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder of recorded payloads; tests that need it skip without it."""
    folder = os.environ.get("SWITCHBOARD_CORPORA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("SWITCHBOARD_CORPORA names no folder of recorded payloads")
    return Path(folder)


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Kafka and PostgreSQL for the whole run."""
    running = Stack()
    running.start()
    yield running
    running.stop()


@pytest.fixture
async def make_desk(stack: Stack) -> AsyncIterator[Callable[..., object]]:
    """Makes desks on an empty database; each is stopped and dropped at the end."""
    made: list[Desk] = []

    async def make(**more: str) -> Desk:
        desk = Desk(stack, await stack.create_database(), await stack.create_topics(), more)
        made.append(desk)
        return desk

    yield make
    for desk in made:
        desk.stop()
        await stack.drop_database(desk.database)

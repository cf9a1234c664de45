"""Routing decides nothing before it has read back what it said itself, nor on a database that has forgotten it."""

from types import SimpleNamespace
from typing import Any

import pytest

from services.routing.live import CatchingUp, OwnLog


class Log:
    """What a consumer of routing-events tells: whether it has caught up, and the offsets it has reached."""

    def __init__(self) -> None:
        self.reached = False
        self.source = SimpleNamespace(expected={0: 7, 1: 3})

    def caught_up(self) -> bool:
        return self.reached


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def own(log: Any) -> OwnLog:
    followed = OwnLog()
    followed.follow(log)
    return followed


def test_before_the_log_is_read_nothing_is_decided(own: OwnLog) -> None:
    with pytest.raises(CatchingUp):
        own.require({0: 7, 1: 3})


def test_once_it_is_read_routing_decides(own: OwnLog, log: Log) -> None:
    log.reached = True
    own.require({0: 7, 1: 4})


def test_while_kafka_is_away_routing_goes_on(own: OwnLog, log: Log) -> None:
    log.reached = True
    own.require({0: 7, 1: 3})
    log.reached = False
    own.require({0: 7, 1: 3})


def test_a_database_behind_what_was_seen_was_restored_and_decides_nothing(own: OwnLog, log: Log) -> None:
    log.reached = True
    own.require({0: 7, 1: 3})
    with pytest.raises(CatchingUp):
        own.require({0: 5, 1: 3})


def test_after_a_restore_the_log_has_to_be_read_again(own: OwnLog, log: Log) -> None:
    log.reached = True
    with pytest.raises(CatchingUp):
        own.require({0: 5, 1: 3})
    log.reached, log.source.expected = False, {}
    with pytest.raises(CatchingUp):
        own.require({0: 5, 1: 3})
    log.reached, log.source.expected = True, {0: 7, 1: 3}
    own.require({0: 7, 1: 3})


async def test_a_command_waits_for_it_a_moment_and_is_then_refused_for_now(own: OwnLog, log: Log) -> None:
    with pytest.raises(CatchingUp) as refused:
        await own.wait(0)
    assert (refused.value.status, refused.value.retry_after_s) == (503, 2)
    log.reached = True
    await own.wait(0)

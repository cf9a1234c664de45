"""Routing decides nothing before it has read back what it said itself, nor on a database that has forgotten it."""

from types import SimpleNamespace
from typing import Any

import pytest

from services.routing.live import CatchingUp, OwnLog


class Log:
    """What a consumer of routing-events tells: whether it has caught up, and the offsets it has reached."""

    def __init__(self) -> None:
        self.reached = False
        self.source = SimpleNamespace(expected={0: 7, 1: 3}, forget=self.forget)

    def caught_up(self) -> bool:
        return self.reached

    def forget(self) -> None:
        self.reached, self.source.expected = False, {}


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def own(log: Any) -> OwnLog:
    followed = OwnLog()
    followed.follow(log)
    return followed


def require(own: OwnLog, positions: dict[int, int], counted: dict[str, int]) -> None:
    """What a transaction does: note what was seen, read the database, compare."""
    own.require(own.seen(), positions, counted)


def test_before_the_log_is_read_nothing_is_decided(own: OwnLog) -> None:
    with pytest.raises(CatchingUp):
        require(own, {0: 7, 1: 3}, {"main": 1})


def test_once_it_is_read_routing_decides(own: OwnLog, log: Log) -> None:
    log.reached = True
    require(own, {0: 7, 1: 4}, {"main": 1})


def test_while_kafka_is_away_routing_goes_on(own: OwnLog, log: Log) -> None:
    log.reached = True
    require(own, {0: 7, 1: 3}, {"main": 1})
    log.reached = False
    require(own, {0: 7, 1: 3}, {"main": 1})


def test_a_database_behind_what_was_seen_was_restored_and_decides_nothing(own: OwnLog, log: Log) -> None:
    log.reached = True
    require(own, {0: 7, 1: 3}, {"main": 1})
    with pytest.raises(CatchingUp):
        require(own, {0: 5, 1: 3}, {"main": 1})


def test_after_a_restore_the_log_has_to_be_read_again(own: OwnLog, log: Log) -> None:
    log.reached = True
    with pytest.raises(CatchingUp):
        require(own, {0: 5, 1: 3}, {"main": 1})
    with pytest.raises(CatchingUp):
        require(own, {0: 5, 1: 3}, {"main": 1})
    log.reached, log.source.expected = True, {0: 7, 1: 3}
    require(own, {0: 7, 1: 3}, {"main": 1})


def test_a_database_that_counts_fewer_transactions_than_were_seen_was_restored(own: OwnLog, log: Log) -> None:
    """Its position in the log may be the same: nothing of the log had been consumed since the copy was made."""
    log.reached = True
    require(own, {0: 7, 1: 3}, {"main": 5})
    own.remember({"main": 5})
    require(own, {0: 7, 1: 3}, {"main": 6, "other": 1})
    with pytest.raises(CatchingUp):
        require(own, {0: 7, 1: 3}, {"main": 5})
    assert not log.caught_up()
    log.reached, log.source.expected = True, {0: 7, 1: 3}
    require(own, {0: 7, 1: 3}, {"main": 5})


def test_a_transaction_that_was_not_committed_counts_for_nothing(own: OwnLog, log: Log) -> None:
    log.reached = True
    require(own, {0: 7, 1: 3}, {"main": 5})
    require(own, {0: 7, 1: 3}, {"main": 5})


def test_what_is_consumed_while_a_transaction_waits_for_its_lock_is_no_restore(own: OwnLog, log: Log) -> None:
    log.reached = True
    seen = own.seen()
    log.source.expected = {0: 9, 1: 3}
    own.require(seen, {0: 7, 1: 3}, {"main": 1})


async def test_a_command_waits_for_it_a_moment_and_is_then_refused_for_now(own: OwnLog, log: Log) -> None:
    with pytest.raises(CatchingUp) as refused:
        await own.wait(0)
    assert (refused.value.status, refused.value.retry_after_s) == (503, 2)
    log.reached = True
    await own.wait(0)

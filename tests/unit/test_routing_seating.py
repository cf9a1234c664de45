"""Seats are kept from match to match only where nothing can have changed between."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from services.routing import seating
from services.routing.domain.crew import Crew, Profile
from services.routing.domain.floor import Floor, Seat
from services.routing.live import LIVE
from services.routing.repo import agents
from services.routing.repo.workspaces import Workspace
from tests.unit.routing_floor import NOW, need

STORED: dict[str, Seat] = {"anna": Seat("anna", load=99)}
KEPT: dict[str, Seat] = {"anna": Seat("anna", load=1)}


@pytest.fixture(autouse=True)
def database(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    async def read(_tx: Any, _workspace: str) -> Mapping[str, Seat]:
        return STORED

    monkeypatch.setattr(agents, "seats", read)
    monkeypatch.setattr(seating, "_kept", {})
    return


def at(seq: int) -> Workspace:
    return Workspace("main", dirty=True, news=False, due_at=None, seq=seq)


async def found(seq: int) -> Mapping[str, Seat]:
    connection: Any = None
    return await seating.seats(connection, at(seq))


async def test_the_next_transaction_goes_on_from_the_seats_of_the_last() -> None:
    seating.keep(at(5), KEPT)
    assert await found(6) is KEPT


async def test_after_a_transaction_of_somebody_else_the_seats_are_read() -> None:
    seating.keep(at(5), KEPT)
    assert await found(7) is STORED


async def test_a_transaction_that_moved_no_load_keeps_them() -> None:
    seating.keep(at(5), KEPT)
    seating.untouched(at(6))
    assert await found(7) is KEPT


async def test_one_that_comes_behind_a_gap_does_not() -> None:
    seating.keep(at(5), KEPT)
    seating.untouched(at(7))
    assert await found(8) is STORED


async def test_after_a_restore_they_are_read_even_where_the_count_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    seating.keep(at(5), KEPT)
    monkeypatch.setattr(LIVE.own_log, "lost", LIVE.own_log.lost + 1)
    assert await found(6) is STORED


def test_seats_after_a_match_are_those_that_the_database_has_then() -> None:
    before = {"anna": Seat("anna", "available", idle_since=NOW - timedelta(hours=1)), "bram": Seat("bram")}
    floor = Floor(Crew([Profile("anna"), Profile("bram")]), before, NOW)
    given_at = floor.give(0, need(weight=20))
    after = floor.seated(before)
    assert after["anna"] == Seat("anna", "available", load=20, held={need().channel: 1}, idle_since=given_at)
    assert after["bram"] is before["bram"]

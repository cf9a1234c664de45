"""Agents and waiting tickets for tests of the routing engine, with as little said as the test is about."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from services.routing.domain.crew import Crew, Profile
from services.routing.domain.engine import Decisions, Given, NotYet, State, match
from services.routing.domain.floor import Seat, Waiting
from services.routing.domain.needs import Need

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LONG_AGO = NOW - timedelta(hours=8)


def need(**more: Any) -> Need:
    """What a ticket asks for; nothing but room for 20 unless said."""
    plain: dict[str, Any] = {
        "channel": "http",
        "shop": "bikes",
        "language": None,
        "skills": (),
        "weight": 20,
        "mode": "push",
        "lease_s": 30,
    }
    return Need(**{**plain, **more})


def waiting(
    number: int, *, rank: int = 2, waited_s: float = 60, excluded: tuple[str, ...] = (), **more: Any
) -> Waiting:
    """A ticket that waits since `waited_s` seconds ago."""
    enqueued_at = NOW - timedelta(seconds=waited_s)
    return Waiting(UUID(int=number), need(**more), rank, enqueued_at, excluded)


def crew(**agents: Mapping[str, Any]) -> Crew:
    """Agents by id with what settings say of them."""
    return Crew(Profile(id_, **about) for id_, about in agents.items())


def seats(*there: str, **more: Mapping[str, Any]) -> dict[str, Seat]:
    """Who is available, idle for eight hours; others with what is said."""
    plain = {id_: Seat(id_, "available", idle_since=LONG_AGO) for id_ in there}
    special = {
        id_: Seat(id_, **{"presence": "available", "idle_since": LONG_AGO, **about}) for id_, about in more.items()
    }
    return {**plain, **special}


def run(of: Crew, there: Mapping[str, Seat], *tickets: Waiting) -> Decisions:
    """Match these now."""
    return match(State(of, there, NOW, tickets))


def to_whom(decisions: Decisions) -> dict[int, str]:
    """Who got each ticket, by its number."""
    return {given.ticket.id.int: given.agent for given in decisions.given}


def only(decisions: Decisions) -> Given | NotYet:
    """The one decision there is."""
    (one,) = (*decisions.given, *decisions.waiting)
    return one

"""Between stored tickets and the engine: what it is given, and what its decisions are written as."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import orjson

from services.routing.changes import Why
from services.routing.domain.engine import Given, Refusals
from services.routing.domain.floor import Waiting
from services.routing.domain.lifecycle import Step, offer, take
from services.routing.domain.needs import Needs
from services.routing.domain.ticket import Ticket
from services.routing.repo.decisions import Exclusion
from shared.ids import derived_id

Excluded = Mapping[UUID, Sequence[Exclusion]]


def as_waiting(tickets: Iterable[Ticket], needs: Needs, excluded: Excluded, now: datetime) -> list[Waiting]:
    """The engine's view of tickets that wait."""
    found = []
    for ticket in tickets:
        assert ticket.enqueued_at is not None
        need = needs.of(ticket.channel, ticket.shop, ticket.language, now - ticket.enqueued_at)
        others = tuple([exclusion.agent for exclusion in excluded[ticket.id]]) if ticket.id in excluded else ()
        found.append(Waiting(ticket.id, need, ticket.rank, ticket.enqueued_at, others))
    return found


def step_of(ticket: Ticket, given: Given, now: datetime) -> Step:
    """The step by which a ticket goes to the agent the engine chose: asked with a lease, or given at once."""
    need = given.ticket.need
    if need.mode != "offer":
        return take(ticket, agent=given.agent, mode=need.mode, weight=need.weight, at=given.at, reason=given.reason)
    return offer(
        ticket,
        agent=given.agent,
        offer=derived_id(ticket.id, "offer", f"{ticket.version + 1}:{given.agent}"),
        weight=need.weight,
        at=given.at,
        lease_until=now + timedelta(seconds=need.lease_s),
        reason=given.reason,
    )


class Told:
    """Decisions as JSON; what many tickets share is written once."""

    def __init__(self) -> None:
        self._refusals: dict[Refusals, str] = {}

    def refusals(self, refusals: Refusals) -> str:
        """Agents refused, by reason."""
        text = self._refusals.get(refusals)
        if text is None:
            text = self._refusals[refusals] = orjson.dumps(dict(refusals)).decode()
        return text

    def why(self, given: Given) -> Why:
        """Why this agent."""
        candidates = orjson.dumps([{"agent": c.agent, "score": c.score} for c in given.candidates]).decode()
        return Why(candidates, self.refusals(given.refusals), given.load, given.capacity)


def next_due(tickets: Iterable[Ticket], needs: Needs, excluded: Excluded, now: datetime) -> datetime | None:
    """When one of these waiting tickets next asks for less, or may be offered to somebody again."""
    moments: list[datetime] = []
    for ticket in tickets:
        assert ticket.enqueued_at is not None
        lapse = needs.next_lapse(ticket.channel, ticket.enqueued_at, now)
        if lapse is not None:
            moments.append(lapse)
        if ticket.id in excluded:
            moments += [exclusion.until for exclusion in excluded[ticket.id]]
    return min(moments, default=None)

"""Why a ticket is where it is, and why not yet: the stored decision, or the same engine asked now."""

from typing import Any

import asyncpg

from services.routing.decided import as_waiting
from services.routing.domain.engine import Given, Match
from services.routing.domain.floor import Floor
from services.routing.domain.ticket import PRIORITIES, Ticket
from services.routing.live import LIVE
from services.routing.repo import agents, decisions
from services.routing.views import CandidateView, DecisionView, HappenedView, RefusedView, RoutingView

HISTORY = 50
ABOUT_TO_BE_GIVEN = "about-to-be-given"
"""The main reason of a ticket that somebody may take: the matcher is on its way."""


async def routing_of(connection: asyncpg.Connection, ticket: Ticket) -> RoutingView:
    """All there is to say about a ticket's place."""
    rows = await decisions.of_ticket(connection, ticket.workspace, ticket.id, HISTORY)
    decision = await _not_yet(connection, ticket) if ticket.place == "waiting" else _given(ticket, rows)
    names = ("place", "version", "enqueue", "enqueued_at", "channel", "shop", "language", "agent", "offer", "mode")
    facts: dict[str, Any] = {name: getattr(ticket, name) for name in names}
    return RoutingView(
        **facts,
        ticket=ticket.id,
        priority=PRIORITIES[ticket.rank],
        given_at=ticket.given_at,
        lease_until=ticket.lease_until,
        reason=decision.reason if decision and ticket.place == "waiting" else ticket.reason,
        decision=decision,
        history=[HappenedView.model_validate(row) for row in rows],
    )


def _given(ticket: Ticket, rows: list[dict[str, Any]]) -> DecisionView | None:
    """The newest decision for the agent; the one that knows its candidates before a mere accept of it."""
    his = [row for row in rows if row["agent"] == ticket.agent and row["outcome"] in ("offered", "assigned")]
    if ticket.agent is None or not his:
        return None
    row = next((one for one in his if one["candidates"]), his[0])
    candidates = [CandidateView.model_validate(candidate) for candidate in row["candidates"]]
    return DecisionView(reason=row["reason"], at=row["at"], candidates=candidates, refused=row["refusals"])


async def _not_yet(connection: asyncpg.Connection, ticket: Ticket) -> DecisionView:
    desk = LIVE.desk(ticket.workspace)
    now = await connection.fetchval("select clock_timestamp()")
    seats = await agents.seats(connection, ticket.workspace)
    excluded = await decisions.excluded(connection, ticket.workspace, now)
    (waiting,) = as_waiting([ticket], desk.needs, excluded, now)
    every = Match(Floor(desk.crew, seats, now)).explain(waiting)
    decision = Match(Floor(desk.crew, seats, now)).choose(waiting)
    return DecisionView(
        reason=ABOUT_TO_BE_GIVEN if isinstance(decision, Given) else decision.reason,
        at=now,
        candidates=[CandidateView(agent=agent, score=score) for agent, reason, score in every if reason is None],
        refused=dict(decision.refusals),
        agents=[RefusedView(agent=agent, reason=reason) for agent, reason, _ in every if reason is not None],
    )

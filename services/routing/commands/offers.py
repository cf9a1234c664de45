"""Answers to offers: each is for the agent who was asked, once, while its lease lasts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import asyncpg

from services.routing.changes import Changes
from services.routing.commands.asked import Accept, Answer, Asked, Decline, ticket_answer
from services.routing.domain.lifecycle import OfferLapsed, Step, accept, end_offer
from services.routing.domain.ticket import Ticket
from services.routing.live import LIVE
from services.routing.repo import decisions, tickets
from services.routing.repo.decisions import OverOffer
from shared.errors import Forbidden, NotFound

_OVER = {
    "assigned": "it was accepted, and the ticket has moved on since",
    "declined": "it was declined",
    "expired": "its lease has ended without an answer",
    "recalled": "it was taken back",
}


@dataclass(slots=True)
class Offers:
    """The offers that a batch of commands is about."""

    changes: Changes
    workspace: str
    excluded: timedelta
    tickets: Mapping[UUID, UUID]
    """Ticket by offer."""
    over: Mapping[UUID, OverOffer]
    _answered_by: set[str] = field(default_factory=set)

    @staticmethod
    async def read(tx: asyncpg.Connection, changes: Changes, workspace: str, asked: Sequence[Asked]) -> "Offers":
        """Those named by the commands."""
        wanted = [one.command.offer for one in asked if isinstance(one.command, Accept | Decline)]
        found = await tickets.by_offers(tx, workspace, wanted) if wanted else []
        changes.know(found)
        by_offer = {ticket.offer: ticket.id for ticket in found if ticket.offer is not None}
        missing = [offer for offer in wanted if offer not in by_offer]
        over = await decisions.over_offers(tx, workspace, missing) if missing else {}
        excluded = timedelta(seconds=LIVE.desk(workspace).policy.excluded_s)
        return Offers(changes, workspace, excluded, by_offer, over)

    def answered_by(self) -> list[str]:
        """Agents who answered an offer."""
        return sorted(self._answered_by)

    def answer(self, asked: Asked, command: Accept | Decline) -> Answer:
        """Accept or decline; raises NotFound, Forbidden (not yours) or OfferLapsed (too late).

        An accept that comes twice is answered twice and takes effect once.
        """
        ticket = self._open(asked, command.offer)
        if isinstance(command, Accept) and ticket.place == "held":
            return ticket_answer(ticket)
        if ticket.place != "offered":
            raise OfferLapsed(command.offer, _OVER["assigned"])
        step = self._accept(ticket) if isinstance(command, Accept) else self._decline(ticket, command.reason)
        self.changes.step(step)
        self._answered_by.add(asked.agent)
        return ticket_answer(step.ticket)

    def _accept(self, ticket: Ticket) -> Step:
        return accept(ticket, self.changes.now)

    def _decline(self, ticket: Ticket, reason: str) -> Step:
        return end_offer(ticket, "declined", reason=reason, excluded_until=self.changes.now + self.excluded)

    def _open(self, asked: Asked, offer: UUID) -> Ticket:
        agent = asked.agent
        id_ = self.tickets.get(offer)
        ticket = self.changes.get(self.workspace, id_) if id_ is not None else None
        if ticket is None or ticket.offer != offer:
            raise self._lapsed(agent, offer, declined_now=ticket is not None)
        if ticket.agent == agent and asked.may_see(ticket.shop):
            return ticket
        if asked.who.role == "agent" or not asked.may_see(ticket.shop):
            raise NotFound(f"there is no offer {offer} for you")
        raise Forbidden(f"offer {offer} is for {ticket.agent}; only who was asked answers it", reason="not_yours")

    def _lapsed(self, agent: str, offer: UUID, *, declined_now: bool) -> OfferLapsed | NotFound:
        if declined_now:
            return OfferLapsed(offer, _OVER["declined"])
        over = self.over.get(offer)
        if over is None or over.agent != agent:
            return NotFound(f"there is no offer {offer} for you")
        return OfferLapsed(offer, _OVER[over.outcome])

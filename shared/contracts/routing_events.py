"""Topic routing-events: who was asked, who holds a ticket and why; permanent, so ids and registry words only.

Every event carries the whole small state of the ticket in routing (`place`), and the envelope's `version` counts
its changes, so that tickets, and routing itself after its database was restored, can copy it: newest version wins.
"""

from typing import ClassVar, Literal
from uuid import UUID

from shared.contracts.envelope import Message
from shared.contracts.fields import Moment, Slug, Token

Place = Literal["waiting", "offered", "held", "done"]
Mode = Literal["offer", "push", "next"]


class RoutingEvent(Message):
    """What every routing event carries: the ticket's place after the event."""

    TOPIC: ClassVar[str] = "routing-events"

    ticket: UUID
    place: Place
    enqueued_at: Moment
    """The original enqueue time, kept over every requeue."""
    enqueue: int
    """Counts the times the ticket entered the queue, from 1; each ends once."""
    agent: Slug | None = None
    """Who is offered or holds the ticket."""
    offer: UUID | None = None
    reason: Token
    """Why: `longest-idle`, `best-fit`, `self-assigned`, `declined`, `expired`, `agent-offline`, `solved`…"""
    ticket_version: int | None = None
    """The newest version of the ticket this state rests on: routing, once restored, does not decide on it again."""

    def key(self, workspace: str) -> str:
        """Events of a ticket keep their order."""
        return str(self.ticket)

    def about(self) -> str:
        """The ticket's id."""
        return str(self.ticket)


class TicketEnqueued(RoutingEvent):
    """The ticket waits for an agent, for the first time or again."""

    TYPE: ClassVar[str] = "switchboard.routing.enqueued.v1"


class TicketOffered(RoutingEvent):
    """An agent was asked to take the ticket until the lease ends."""

    TYPE: ClassVar[str] = "switchboard.routing.offered.v1"

    lease_until: Moment


class OfferEnded(RoutingEvent):
    """An offer came back without being accepted; the agent is excluded for this ticket for a while."""

    TYPE: ClassVar[str] = "switchboard.routing.offer-ended.v1"

    asked: Slug
    outcome: Literal["declined", "expired", "withdrawn"]
    excluded_until: Moment | None = None


class TicketTaken(RoutingEvent):
    """The ticket has a holder: accepted, pushed, taken or given by a lead."""

    TYPE: ClassVar[str] = "switchboard.routing.assigned.v1"

    mode: Mode
    waited_ms: int
    """From the original enqueue time to now."""


class TicketLeft(RoutingEvent):
    """The enqueue ended without a holder, or the holder is done: solved, closed, withdrawn."""

    TYPE: ClassVar[str] = "switchboard.routing.ended.v1"

    ended: Literal["withdrawn", "closed"]


MESSAGES: tuple[type[Message], ...] = (TicketEnqueued, TicketOffered, OfferEnded, TicketTaken, TicketLeft)

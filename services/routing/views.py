"""Routing's answers and bodies as its API documents them."""

import base64
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.routing.domain.floor import EPOCH
from services.routing.domain.ticket import PRIORITIES, Ticket
from services.routing.repo.tickets import FIRST
from services.routing.repo.tickets import Place as QueuePlace
from shared.contracts.agent_events import Presence
from shared.contracts.fields import Slug, Token
from shared.contracts.routing_events import Place
from shared.errors import Invalid

AwayReason = Literal["break", "lunch", "meeting", "training", "technical", "other"]
DeclineReason = Literal[
    "busy", "break", "wrong-skill", "wrong-language", "wrong-shop", "conflict", "technical", "other"
]


class Body(BaseModel):
    """What people send: unknown fields are refused, so that a typing error is seen."""

    model_config = ConfigDict(extra="forbid")


class DeclineBody(Body):
    """Why the agent does not take the ticket."""

    reason: DeclineReason


class NextBody(Body):
    """Which next ticket."""

    channel: Token | None = None


class PresenceBody(Body):
    """Where the agent is; sent again every 20 to 30 seconds it is also the sign that he is still there."""

    presence: Presence
    reason: AwayReason | None = None
    channels: Annotated[tuple[Token, ...], Field(max_length=50)] | None = None
    """Channels he takes work from now; left out: all."""


class LiveAgent(Body):
    """An agent with an open stream."""

    workspace: Slug
    agent: Slug


class LiveAgents(Body):
    """All agents with an open stream on one replica of the gateway."""

    agents: Annotated[tuple[LiveAgent, ...], Field(max_length=20_000)]


class TicketView(BaseModel):
    """A ticket as it stands in routing; `ticket` null: there was none to give."""

    ticket: UUID | None
    place: Place | None = None
    version: int | None = None
    agent: str | None = None
    offer: UUID | None = None
    channel: str | None = None
    shop: str | None = None
    language: str | None = None
    priority: str | None = None
    enqueued_at: datetime | None = None
    lease_until: datetime | None = None
    reason: str | None = None


class OfferView(BaseModel):
    """An agent is asked to take a ticket until the lease ends."""

    id: UUID
    ticket: UUID
    agent: str
    channel: str
    shop: str | None
    language: str | None
    priority: str
    enqueued_at: datetime
    offered_at: datetime
    lease_until: datetime
    reason: str

    @staticmethod
    def of(ticket: Ticket) -> "OfferView":
        """The offer of an offered ticket."""
        facts = {"id": ticket.offer, "ticket": ticket.id, "priority": PRIORITIES[ticket.rank]}
        names = ("agent", "channel", "shop", "language", "enqueued_at", "lease_until", "reason")
        facts |= {name: getattr(ticket, name) for name in names}
        return OfferView.model_validate(facts | {"offered_at": ticket.given_at})


class OfferList(BaseModel):
    """Open offers, the one that lapses first before the others."""

    items: list[OfferView]


class QueueItem(BaseModel):
    """A ticket that waits, and the main reason why; null while it was not matched yet."""

    ticket: UUID
    channel: str
    shop: str | None
    language: str | None
    priority: str
    enqueued_at: datetime
    enqueue: int
    reason: str | None

    @staticmethod
    def of(ticket: Ticket) -> "QueueItem":
        """The item of a waiting ticket."""
        names = ("channel", "shop", "language", "enqueued_at", "enqueue")
        facts = {name: getattr(ticket, name) for name in names}
        priority = PRIORITIES[ticket.rank]
        return QueueItem.model_validate(
            {"ticket": ticket.id, "priority": priority, "reason": ticket.waiting_reason, **facts}
        )


class QueuePage(BaseModel):
    """A page of the queue in order of service; `next` is the cursor of the page after it."""

    items: list[QueueItem]
    next: str | None


class PresenceView(BaseModel):
    """An agent's presence."""

    agent: str
    presence: Presence
    reason: str
    channels: list[str] | None = None
    since: datetime | None = None
    heartbeat_at: datetime | None = None


class AgentView(PresenceView):
    """An agent with what weighs on him."""

    team: Slug | None
    load: int
    capacity: int
    tickets: dict[str, int]
    """Tickets that weigh on him, by channel."""


class AgentList(BaseModel):
    """All enabled agents, by id."""

    items: list[AgentView]


class CandidateView(BaseModel):
    """An agent who might have got the ticket, with his points."""

    agent: str
    score: int


class RefusedView(BaseModel):
    """An agent who may not take the ticket now, and the first rule that says so."""

    agent: str
    reason: str


class DecisionView(BaseModel):
    """Why: for a ticket given out as it was decided then, for a waiting one as it stands now."""

    reason: str
    at: datetime
    candidates: list[CandidateView]
    refused: dict[str, int]
    """Agents refused, by reason."""
    agents: list[RefusedView] | None = None
    """For a waiting ticket: every agent who may not take it."""


class HappenedView(BaseModel):
    """One thing that happened to the ticket in routing."""

    at: datetime
    outcome: str
    reason: str
    agent: str | None
    enqueue: int
    version: int


class RoutingView(BaseModel):
    """Where a ticket is, who holds it, why, and what happened before, newest first."""

    ticket: UUID
    place: Place
    version: int
    enqueue: int
    enqueued_at: datetime | None
    priority: str
    channel: str
    shop: str | None
    language: str | None
    agent: str | None
    offer: UUID | None
    mode: str | None
    given_at: datetime | None
    lease_until: datetime | None
    reason: str
    decision: DecisionView | None
    history: list[HappenedView]


def cursor(ticket: Ticket) -> str:
    """The cursor behind a waiting ticket."""
    assert ticket.enqueued_at is not None
    text = f"{ticket.rank} {ticket.enqueued_at.isoformat()} {ticket.id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def place_of(text: str | None) -> QueuePlace:
    """The place a cursor stands for; raises Invalid where it is none of ours."""
    if text is None:
        return FIRST
    try:
        rank, moment, id_ = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii").split(" ")
        at = datetime.fromisoformat(moment)
        if not 0 <= int(rank) < len(PRIORITIES) or at.tzinfo is None or at < EPOCH:
            raise ValueError("out of range")
        return int(rank), at, UUID(id_)
    except (ValueError, OverflowError) as error:
        raise Invalid("the cursor is none of ours; leave it out to begin anew", reason="cursor") from error

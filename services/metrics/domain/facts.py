"""Events as facts: one row for each, made of the event alone, so that it comes out the same whenever it is read."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class TicketFact:
    """What happened to a ticket; `at` is the customer's moment where a message of his did it."""

    workspace: str
    ticket: UUID
    version: int
    event: UUID
    what: str
    at: datetime
    shop: str | None
    channel: str
    account: str
    person: UUID
    priority: str
    language: str | None
    state: str
    cycle: int
    cycle_started_at: datetime
    was: str | None = None
    message: UUID | None = None
    author: str | None = None
    automatic: bool | None = None
    note: bool | None = None
    agent: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ReplyFact:
    """A human public reply was taken by its provider, or finally failed; seconds are those the event carries."""

    workspace: str
    message: UUID
    version: int
    event: UUID
    failed: bool
    at: datetime
    ticket: UUID
    cycle: int
    shop: str | None
    channel: str
    agent: str
    team: str | None
    since_start_s: int | None = None
    business_since_start_s: int | None = None
    calendar: str | None = None
    calendar_version: int | None = None


@dataclass(frozen=True, slots=True)
class RoutingFact:
    """A ticket's place in routing changed."""

    workspace: str
    ticket: UUID
    version: int
    event: UUID
    what: str
    at: datetime
    shop: str | None
    place: str
    enqueue: int
    enqueued_at: datetime
    agent: str | None
    reason: str
    mode: str | None
    waited_ms: int | None


@dataclass(frozen=True, slots=True)
class PresenceFact:
    """An agent's presence changed."""

    workspace: str
    agent: str
    version: int
    event: UUID
    at: datetime
    presence: str
    was: str
    reason: str


@dataclass(frozen=True, slots=True)
class DeliveryFact:
    """A message to a customer came further."""

    workspace: str
    message: UUID
    version: int
    event: UUID
    at: datetime
    ticket: UUID
    shop: str | None
    channel: str
    account: str
    state: str
    reason: str | None
    attempts: int


@dataclass(frozen=True, slots=True)
class ClockFact:
    """Something was told of a clock; numbers are those the event carries."""

    workspace: str
    clock: UUID
    version: int
    event: UUID
    what: str
    at: datetime
    ticket: UUID
    kind: str
    cycle: int
    shop: str | None
    channel: str
    target_s: int
    policy: str
    policy_version: int
    calendar: str | None
    calendar_version: int | None
    agent: str | None = None
    outcome: str | None = None
    decided_at: datetime | None = None
    """The reply or the solve that met it, the moment when it was due, or what made it void."""
    percent: int | None = None
    elapsed_s: int | None = None


Fact = TicketFact | ReplyFact | RoutingFact | PresenceFact | DeliveryFact | ClockFact
FACTS: tuple[type[Fact], ...] = (TicketFact, ReplyFact, RoutingFact, PresenceFact, DeliveryFact, ClockFact)

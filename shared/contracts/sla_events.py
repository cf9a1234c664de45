"""What is told of a ticket's clocks, on ticket-events (docs/sla.md)."""

from typing import ClassVar, Literal
from uuid import UUID

from shared.contracts.envelope import Message
from shared.contracts.fields import Moment, Slug, Token
from shared.contracts.ticket_events import TicketEvent


class SlaEvent(TicketEvent):
    """What became of one clock of the ticket; its subject is the clock, whose own changes its version counts.

    The newest version of a clock is what holds of it. Numbers come with the policy and the calendar they follow from,
    each in the version valid when the cycle began.
    """

    clock: UUID
    kind: Literal["first_reply", "next_reply", "resolution"]
    clock_cycle: int
    """The cycle it belongs to, or that the case began with; the ticket may be in a later one by now."""
    clock_started_at: Moment
    clock_due_at: Moment | None = None
    """Absent where it rests undecided."""
    target_s: int
    """Business seconds it was given."""
    policy: Slug
    policy_version: int
    calendar: Slug | None = None
    """Absent where every hour counts."""
    calendar_version: int | None = None

    def about(self) -> str:
        """The clock's id."""
        return str(self.clock)


class SlaWarned(SlaEvent):
    """A share of a clock's target is used up."""

    TYPE: ClassVar[str] = "switchboard.sla.warned.v1"

    percent: int


class SlaDecided(SlaEvent):
    """What a clock came to."""

    outcome: Literal["met", "breached", "void", "runs"]
    ended_at: Moment | None = None
    """The reply, the solve, or what made it void; absent while nothing ended it."""
    elapsed_s: int | None = None
    """Business seconds until then."""
    void_reason: Token | None = None
    credited: Slug | None = None
    """The agent who held the ticket for at least half of the clock's business time; absent: the queue's, or void."""


class SlaSettled(SlaDecided):
    """A clock was met by a reply or a solve, or is void: in no ratio."""

    TYPE: ClassVar[str] = "switchboard.sla.settled.v1"


class SlaBreached(SlaDecided):
    """A clock was due, and all that was known by then has been read: once for each clock."""

    TYPE: ClassVar[str] = "switchboard.sla.breached.v1"


class SlaCorrected(SlaDecided):
    """Later evidence says otherwise than was told (an earlier provider time, a final failure, a reopening)."""

    TYPE: ClassVar[str] = "switchboard.sla.corrected.v1"

    was: Literal["met", "breached", "void", "runs"]


class SlaApplied(TicketEvent):
    """A lead put what is open of the ticket under the policy as it is now."""

    TYPE: ClassVar[str] = "switchboard.sla.applied.v1"

    policy: Slug
    policy_version: int
    by: Slug | None = None


MESSAGES: tuple[type[Message], ...] = (
    SlaWarned,
    SlaSettled,
    SlaBreached,
    SlaCorrected,
    SlaApplied,
)

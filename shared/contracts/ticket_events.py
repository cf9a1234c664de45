"""Topic ticket-events: facts about tickets; permanent, so ids, numbers and registry words only."""

from typing import ClassVar, Literal
from uuid import UUID

from shared.contracts.envelope import Message
from shared.contracts.fields import LanguageTag, Moment, Slug, Token

State = Literal["new", "open", "pending", "on-hold", "solved", "closed"]
STATES: tuple[State, ...] = ("new", "open", "pending", "on-hold", "solved", "closed")
Priority = Literal["urgent", "high", "normal", "low"]


class TicketEvent(Message):
    """What every ticket event carries: the ticket and the state it is in after the event."""

    TOPIC: ClassVar[str] = "ticket-events"

    ticket: UUID
    person: UUID
    channel: Token
    account: Slug
    state: State
    priority: Priority = "normal"
    language: LanguageTag | None = None
    """Of the customer, where known with confidence."""
    cycle: int
    """Counts openings and reopenings, from 1; reply clocks belong to cycles."""
    cycle_started_at: Moment
    """When the customer's message that began this cycle was accepted; routing's original enqueue time."""
    intent: Token | None = None
    """What the customer wants, where it is known."""
    tags: tuple[Token, ...] | None = None
    """Absent where there is none."""
    snoozed_until: Moment | None = None
    """Nobody need look at it until then; a customer's message ends it."""
    spam: bool | None = None
    """True where it is marked as spam."""
    due_at: Moment | None = None
    """When the first of its clocks that run is due."""
    due_by: Moment | None = None
    """When what it asks for can no longer be done: a change of an order, at the warehouse's cut-off."""

    def key(self, workspace: str) -> str:
        """Events of a ticket keep their order."""
        return str(self.ticket)

    def about(self) -> str:
        """The ticket's id."""
        return str(self.ticket)


class TicketOpened(TicketEvent):
    """A first message opened a ticket (definitions.md, "Tickets, cycles, joining")."""

    TYPE: ClassVar[str] = "switchboard.ticket.opened.v1"

    message: UUID
    author: Literal["agent"] | None = None
    """Set where the desk wrote first, in an app of the provider: such a cycle has no first reply to be timed."""
    possible_duplicate_of: UUID | None = None
    follow_up_of: UUID | None = None
    split_from: UUID | None = None
    """The ticket that its messages stood on before."""


class TicketReopened(TicketEvent):
    """A customer's message turned a solved ticket into an open one; a new cycle begins."""

    TYPE: ClassVar[str] = "switchboard.ticket.reopened.v1"

    message: UUID


class MessageAdded(TicketEvent):
    """A message was put on a ticket without opening or reopening it."""

    TYPE: ClassVar[str] = "switchboard.ticket.message-added.v1"

    message: UUID
    author: Literal["customer", "agent", "bot", "rule"]
    automatic: bool = False
    """True where it starts no clock and wakes nobody: auto-replies, thanks, receipts."""
    by: Slug | None = None
    """The agent who wrote it, where one did."""
    note: bool | None = None
    """True where only the desk sees it; absent where the customer does."""
    mentions: tuple[Slug, ...] | None = None
    """Agents and teams whom a note names."""
    accepted_at: Moment | None = None
    """When it was accepted, or written: `time` is when it was put on the ticket, which an outage delays."""


class MessageChanged(TicketEvent):
    """Something was done to a message that stands on the ticket; it opens, wakes and reopens nothing."""

    TYPE: ClassVar[str] = "switchboard.ticket.message-changed.v1"

    message: UUID
    """The message that it was done to."""
    change: Literal["edit", "withdrawal", "reaction"]
    author: Literal["customer", "agent"]
    """Whose side did it."""
    voids: bool | None = None
    """True where nothing is left that waits for a reply: the cycle's reply clocks are void (definitions.md)."""


class MessageCounted(TicketEvent):
    """Somebody overruled that a customer's message asks for nothing: it counts as if it had spoken when it came.

    Where that opens or reopens the ticket, or makes it our turn, the event that says so follows.
    """

    TYPE: ClassVar[str] = "switchboard.ticket.message-counted.v1"

    message: UUID
    was: Token
    """Why it was taken for automatic: `thanks`, `auto-reply`, `bulk`."""
    accepted_at: Moment
    """When it was accepted: what it asks for is waited for since then."""
    by: Slug | None = None
    """The agent who did it, where one did."""


class StateChanged(TicketEvent):
    """The ticket moved from one state to another."""

    TYPE: ClassVar[str] = "switchboard.ticket.state-changed.v1"

    was: State
    reason: Token
    """`customer-replied`, `accepted`, `agent`, `auto-solve`, `auto-close`, `message-counts`."""
    by: Slug | None = None
    """The agent who did it, where one did."""


class TicketChanged(TicketEvent):
    """Fields of the ticket were changed; what they are now is what every event carries."""

    TYPE: ClassVar[str] = "switchboard.ticket.changed.v1"

    fields: tuple[Token, ...]
    """`priority`, `intent`, `tags`, `snoozed_until`, `spam`, `language`, `subject`, `order_name`, `clock`, `person`…"""
    added: tuple[Token, ...] | None = None
    """Tags that came."""
    removed: tuple[Token, ...] | None = None
    """Tags that went."""
    voids: bool | None = None
    """True where the cycle's reply clocks became void by it, False where they run again (definitions.md)."""
    reason: Token
    by: Slug | None = None
    """The agent who did it, where one did."""


class TicketMerged(TicketChanged):
    """The ticket was merged into another one, or took one in; told of both. Its state moves with an event of its own.

    Who was merged away is void until it is undone; who took it in keeps the oldest message that nobody answered.
    """

    TYPE: ClassVar[str] = "switchboard.ticket.merged.v1"

    into: UUID | None = None
    """Where it went."""
    took_in: UUID | None = None
    """What came."""
    undone: bool | None = None
    """True where they are two again."""
    waits_since: Moment | None = None
    """When the oldest message was accepted that came (or, undone, went) with the other one and that nobody answered."""


class TicketSplit(TicketChanged):
    """Messages of the ticket became another one's; told of both, after the other one was opened."""

    TYPE: ClassVar[str] = "switchboard.ticket.split.v1"

    into: UUID | None = None
    """The new ticket."""
    split_from: UUID | None = None
    """Where the new ticket's messages stood before."""
    messages: tuple[UUID, ...] = ()
    """The customer's messages that moved."""


class Reply(TicketEvent):
    """What became of a human public reply; the newest version of a message's replies says whether it counts.

    Its subject is the message, since receipts are no change of the ticket; its version is that of the delivery.
    """

    message: UUID
    by: Slug
    """Its author."""
    team: Slug | None = None
    """The author's team when it was sent."""
    reply_cycle: int
    """The cycle it answers; the ticket may be in a later one by now."""

    def about(self) -> str:
        """The message's id."""
        return str(self.message)


class ReplySent(Reply):
    """The provider took a human public reply (definitions.md, "Clocks and calendars")."""

    TYPE: ClassVar[str] = "switchboard.ticket.reply-sent.v1"

    replied_at: Moment
    """The provider's acceptance."""
    since_start_s: int
    """Whole seconds from the cycle's start."""
    business_since_start_s: int
    """The same within the shop's calendar."""
    calendar: Slug | None = None
    """The calendar that was counted with; None: every hour counts."""
    calendar_version: int | None = None


class ReplyFailed(Reply):
    """A human public reply finally failed after the provider had taken it: it answered nothing."""

    TYPE: ClassVar[str] = "switchboard.ticket.reply-failed.v1"

    failed_at: Moment


class TicketAssigned(TicketEvent):
    """The ticket has a holder, or none any more; follows routing's decision."""

    TYPE: ClassVar[str] = "switchboard.ticket.assigned.v1"

    agent: Slug | None = None
    reason: Token


MESSAGES: tuple[type[Message], ...] = (
    TicketOpened,
    TicketReopened,
    MessageAdded,
    MessageChanged,
    MessageCounted,
    StateChanged,
    TicketChanged,
    TicketMerged,
    TicketSplit,
    ReplySent,
    ReplyFailed,
    TicketAssigned,
)

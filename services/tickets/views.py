"""The shapes of the API's answers."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from services.tickets.domain.stopwatch import Terms
from services.tickets.domain.ticket import Ticket
from services.tickets.repo.clocks import Row
from shared.contracts.ticket_events import Priority, State


class ClockView(BaseModel):
    """One clock of a ticket (docs/sla.md)."""

    kind: Literal["first_reply", "next_reply", "resolution"]
    cycle: int
    state: Literal["runs", "rests", "met", "breached", "void"]
    started_at: datetime
    due_at: datetime | None = Field(description="Null where it rests undecided")
    ended_at: datetime | None
    elapsed_s: int | None = Field(description="Business time it took, where it ended")
    target_s: int
    policy: str | None
    policy_version: int | None

    @staticmethod
    def of(row: Row, under: Terms | None) -> "ClockView":
        """As the API shows it."""
        rests = row.outcome == "runs" and row.due_at is None
        return ClockView(
            kind=row.kind,
            cycle=row.cycle,
            state="rests" if rests else row.outcome,
            started_at=row.started_at,
            due_at=row.due_at,
            ended_at=row.ended_at,
            elapsed_s=row.elapsed_s,
            target_s=row.budget_s,
            policy=under.policy if under is not None else None,
            policy_version=under.policy_version if under is not None else None,
        )


class OverrideView(BaseModel):
    """An agent's word that the customer is who he says."""

    by: str
    reason: str
    at: datetime


class TicketView(BaseModel):
    """A ticket; times are UTC, `version` is its ETag."""

    id: UUID
    version: int
    state: State
    priority: Priority
    intent: str | None = Field(description="What the customer wants, a word of the registry")
    tags: list[str]
    snoozed_until: datetime | None = Field(description="Nobody need look at it until then")
    spam: bool
    due_by: datetime | None = Field(None, description="When what it asks for can no longer be done")
    shop: str | None
    channel: str
    account: str
    person: UUID
    subject: str | None
    language: str | None
    order: str | None = Field(description="The order the customer named")
    assignee: str | None
    place: str = Field(description="Where routing has it: none, waiting, offered, held, done")
    cycle: int = Field(description="Counts openings and reopenings, from 1")
    cycle_started_at: datetime
    opened_at: datetime
    active_at: datetime
    solved_at: datetime | None
    due_at: datetime | None = Field(description="When the first of its clocks that run is due")
    sla: list[ClockView] = Field([], description="Its clocks; told where one ticket is read")
    possible_duplicate_of: UUID | None
    follow_up_of: UUID | None
    merged_into: UUID | None = Field(description="Where its conversation goes on")
    reply_window_closes_at: datetime | None = Field(
        None, description="Free text may go until then, later only a template; told where one ticket is read"
    )
    verified: bool | None = Field(
        None, description="Whether who writes is proven to be the person; told where one ticket is read"
    )
    verified_override: OverrideView | None = Field(None, description="Likewise: who took his word, and why")

    @staticmethod
    def of(ticket: Ticket) -> "TicketView":
        """As the API shows it."""
        facts = {name: getattr(ticket, name) for name in TicketView.model_fields if hasattr(ticket, name)}
        return TicketView(**facts, order=ticket.order_name)


class TicketPage(BaseModel):
    """Newest activity first; `next` is the cursor of the next page, null at the end."""

    items: list[TicketView]
    next: str | None


class VersionView(BaseModel):
    """The words of a message from a moment on."""

    text: str
    at: datetime


class ReactionView(BaseModel):
    """An emoji on a message, with who left it: a customer, or the desk in an app of the provider."""

    emoji: str
    author: Literal["customer", "agent"]
    person: UUID | None
    at: datetime


class FileLine(BaseModel):
    """A file of a message; `GET …/messages/{message}/files/{number}` gives one that is ready."""

    number: int
    name: str | None
    media_type: str | None
    size: int | None = Field(description="Bytes, where known")
    ready: bool = Field(description="False while its provider still has it")
    missing: str | None = Field(description="Why it will never be ready, in a word")


class CopiedView(BaseModel):
    """Somebody who got a message beside its recipient, and may read what is answered."""

    kind: str
    value: str
    name: str | None


class Entry(BaseModel):
    """A line of a timeline: a message, or what happened to the ticket (`detail` says who and why)."""

    at: datetime
    id: str
    ticket: UUID = Field(description="Where it stands: another one than was asked for where that one was merged in")
    what: str = Field(description="message, note, assigned, released, state or changed")
    did: str | None = Field(description="What a message did to its ticket: opened, reopened, woke, or was only added")
    author: str | None = Field(description="customer, agent, bot or rule")
    by: str | None = Field(description="The agent who wrote it")
    delivery: str | None = Field(
        description="How far a message to the customer came: queued, unknown, sent, delivered, read, failed"
    )
    delivery_reason: str | None = Field(description="Why it failed or is unknown")
    text: str | None
    subject: str | None
    automatic: str | None
    quoted: str | None = Field(None, description="What it quoted from earlier messages, cut from its text")
    attachments: list[FileLine]
    copied: list[CopiedView] = Field([], description="Who got it beside its recipient")
    edited_at: datetime | None = Field(None, description="When the words shown were written, where not first")
    versions: list[VersionView] = Field([], description="The first words and all later ones, where some are later")
    withdrawn_at: datetime | None = Field(None, description="When its author took it back: no words are shown")
    reactions: list[ReactionView] = []
    detail: dict[str, Any]


class Timeline(BaseModel):
    """Oldest first; `next` is the cursor of the next page, null at the end."""

    items: list[Entry]
    next: str | None

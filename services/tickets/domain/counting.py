"""An agent overrules that a message asks for nothing: it does now what it would have done when it came (T1)."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from services.tickets.domain.answering import TicketClosed
from services.tickets.domain.receive import Did, speak
from services.tickets.domain.ticket import Ticket
from shared.contracts.ticket_events import State
from shared.errors import Conflict

WITHDRAWN = "withdrawn"


class MarkedSpam(Conflict):
    """Nothing on a ticket that is marked as spam counts."""

    def __init__(self, ticket: Ticket) -> None:
        super().__init__(f"ticket {ticket.id} is marked as spam; take the mark away first", reason="marked_spam")


class NotTheCustomers(Conflict):
    """Only a customer's message can ask for something."""

    def __init__(self, message: UUID) -> None:
        super().__init__(f"message {message} is not a customer's; only those are counted", reason="not_the_customers")


class TakenBack(Conflict):
    """Its author withdrew the message."""

    def __init__(self, message: UUID) -> None:
        super().__init__(f"message {message} was taken back by its author; nothing of it is left", reason="withdrawn")


@dataclass(frozen=True, slots=True)
class Standing:
    """A message of the ticket: why it is taken for automatic (None: it is not), and what it did when it came."""

    id: UUID
    author: str
    automatic: str | None
    did: str
    accepted_at: datetime


@dataclass(frozen=True, slots=True)
class Counted:
    """The ticket when the message was told to count (`at`), and after what the message then did to it."""

    at: Ticket
    ticket: Ticket
    did: Did
    was: State

    @property
    def moved(self) -> bool:
        """Whether the ticket is in another state or cycle."""
        return self.ticket is not self.at


def count(ticket: Ticket, message: Standing) -> Counted | None:
    """The message as if it had spoken when it was accepted; None where it counts already.

    A ticket that it opened by itself is open now, in the cycle that it began; a solved one is reopened; a void clock
    runs from its moment. Raises TicketClosed, MarkedSpam, NotTheCustomers or TakenBack.
    """
    if message.author != "customer":
        raise NotTheCustomers(message.id)
    if message.automatic is None:
        return None
    if message.automatic == WITHDRAWN:
        raise TakenBack(message.id)
    if ticket.state == "closed":
        raise TicketClosed(ticket)
    if ticket.spam:
        raise MarkedSpam(ticket)
    at = replace(ticket, version=ticket.version + 1)
    if message.did == "opened" and ticket.state == "solved" and ticket.cycle == 1:
        after = replace(at, state="open", version=at.version + 1, solved_at=None, snoozed_until=None)
        return Counted(_runs(at, message), _runs(after, message), "woke", "solved")
    spoken = speak(at, message.accepted_at)
    if spoken.did == "reopened":
        return Counted(at, replace(spoken.ticket, version=at.version + 1), "reopened", "solved")
    if spoken.did == "woke":
        before = replace(spoken.ticket, state=at.state, version=at.version, pending_since=at.pending_since)
        return Counted(before, spoken.ticket, "woke", at.state)
    return Counted(spoken.ticket, spoken.ticket, "added", at.state)


def _runs(ticket: Ticket, message: Standing) -> Ticket:
    if ticket.clock != "void":
        return ticket
    return replace(ticket, clock="runs", cycle_started_at=message.accepted_at)

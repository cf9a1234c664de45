"""What a customer's message does to a ticket: opens one, reopens one, or is put on one (definitions.md)."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.tickets.domain.joining import Joined, speaks
from services.tickets.domain.ticket import Ticket
from shared.contracts.envelope import Event
from shared.contracts.inbound_messages import MessageReceived
from shared.contracts.ticket_events import State

Did = Literal["opened", "reopened", "woke", "added"]
"""woke: it turned pending or on-hold into open; added: it changed no state."""


@dataclass(frozen=True, slots=True)
class Received:
    """The ticket after the message, and what the message did."""

    ticket: Ticket
    did: Did
    was: State
    spoke: bool = True
    """False where it starts no clock and wakes nobody: it is automatic, or stands on spam."""


def receive(
    event: Event[MessageReceived],
    joined: Joined,
    *,
    new_id: UUID,
    person: UUID,
    language: str | None,
    side: UUID | None = None,
) -> Received:
    """Put a message on the ticket it joins, or on a new one with the id `new_id`.

    Automatic messages (auto-replies, bounces, bulk) never open the queue, reopen or wake: one that joins no ticket
    stands on a solved ticket of its own, so that nothing accepted is lost and nobody is disturbed. What
    comes to a ticket that is marked as spam is kept there likewise.
    """
    message = event.data
    if joined.ticket is None:
        opened = replace(_opened(event, joined, new_id, person, language), side=side)
        return Received(opened, "opened", "new", speaks(message))
    ticket = _seen(joined.ticket, message.accepted_at, event.trace, language)
    was = ticket.state
    if not speaks(message) or ticket.spam:
        return Received(ticket, "added", was, spoke=False)
    return speak(ticket, message.accepted_at)


def speak(ticket: Ticket, at: datetime) -> Received:
    """What a customer's word, accepted at `at`, makes of the ticket that it is already on: our turn, and no snooze."""
    was = ticket.state
    ticket = replace(ticket, snoozed_until=None)
    if was == "solved":
        return Received(_reopened(ticket, at), "reopened", was)
    if ticket.clock == "void":
        ticket = replace(ticket, clock="runs", cycle_started_at=at)
    if was in ("pending", "on-hold"):
        return Received(replace(ticket, state="open", version=ticket.version + 1, pending_since=None), "woke", was)
    return Received(ticket, "added", was)


def _opened(event: Event[MessageReceived], joined: Joined, new_id: UUID, person: UUID, language: str | None) -> Ticket:
    message = event.data
    quiet = message.automatic is not None
    return Ticket(
        workspace=event.workspace,
        id=new_id,
        shop=event.shop,
        person=person,
        channel=message.channel,
        account=message.account,
        state="solved" if quiet else "new",
        priority="normal",
        language=language,
        subject=message.subject,
        thread=message.thread,
        order_name=message.order,
        version=1,
        cycle=1,
        cycle_started_at=message.accepted_at,
        opened_at=message.accepted_at,
        active_at=message.accepted_at,
        solved_at=message.accepted_at if quiet else None,
        possible_duplicate_of=joined.possible_duplicate_of,
        follow_up_of=joined.follow_up_of,
        trace=event.trace,
    )


def began_by_desk(event: Event[MessageReceived], new_id: UUID, person: UUID) -> Ticket:
    """The ticket of a conversation that the desk began in an app of the provider: the customer's turn."""
    opened = _opened(event, Joined(None, "new"), new_id, person, None)
    return replace(opened, state="pending", clock="agent-began", pending_since=event.data.accepted_at)


def takes_language(ticket: Ticket | None) -> bool:
    """Whether a message may still say which language the ticket is in; it never turns after assignment."""
    return ticket is None or (ticket.language is None and ticket.assignee is None)


def _seen(ticket: Ticket, at: datetime, trace: str | None, language: str | None) -> Ticket:
    return replace(
        ticket,
        version=ticket.version + 1,
        active_at=max(ticket.active_at, at),
        trace=trace,
        language=language if takes_language(ticket) else ticket.language,
    )


def _reopened(ticket: Ticket, at: datetime) -> Ticket:
    return replace(ticket, state="open", cycle=ticket.cycle + 1, cycle_started_at=at, solved_at=None, clock="runs")

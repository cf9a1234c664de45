"""What an answer or a note makes of its ticket, and what became of an answer: pure rules (definitions.md)."""

from dataclasses import dataclass, replace
from datetime import datetime

from services.tickets.domain.ticket import ALLOWED, Ticket, change_state
from shared.contracts.delivery_events import Delivery
from shared.contracts.ticket_events import State
from shared.errors import Conflict

RANK: dict[Delivery, int] = {"queued": 0, "unknown": 1, "sent": 2, "delivered": 3, "read": 4}
"""States only move up; `failed` stands apart."""
TAKEN = frozenset({"sent", "delivered", "read"})
"""The provider has it; a state above `sent` says so too, where no word of `sent` came."""


class TicketClosed(Conflict):
    """Nothing is said on a closed ticket; the customer's next message opens a follow-up."""

    def __init__(self, ticket: Ticket) -> None:
        super().__init__(
            f"ticket {ticket.id} is closed; it can be answered again when the customer writes, on a follow-up ticket",
            reason="ticket_closed",
        )


@dataclass(frozen=True, slots=True)
class Said:
    """The ticket with a message of ours at version `at`, and after the change of state that follows, where one does."""

    ticket: Ticket
    at: int
    was: State


def answer(ticket: Ticket, wanted: State | None, now: datetime) -> Said:
    """The ticket after a public answer: the customer's turn, unless the agent chooses otherwise.

    An answer to a solved ticket leaves it solved. Raises TicketClosed, or TransitionRefused for a chosen state that the
    life cycle does not allow.
    """
    if ticket.state == "closed":
        raise TicketClosed(ticket)
    said = replace(ticket, version=ticket.version + 1, active_at=max(ticket.active_at, now))
    state = wanted or ("solved" if ticket.state == "solved" else "pending")
    if state == ticket.state or (wanted is None and state not in ALLOWED[ticket.state]):
        return Said(_waits_anew(said, now), said.version, ticket.state)
    return Said(change_state(said, state, now), said.version, ticket.state)


def echo(ticket: Ticket, at: datetime, heard_at: datetime | None) -> Said:
    """The ticket after an answer that was written at `at` in an app of the provider.

    It is the customer's turn, unless he wrote since (`heard_at`), or nobody waits.
    """
    said = replace(ticket, version=ticket.version + 1, active_at=max(ticket.active_at, at))
    if ticket.state not in ("new", "open") or (heard_at is not None and heard_at > at):
        return Said(_waits_anew(said, at), said.version, ticket.state)
    return Said(change_state(said, "pending", said.active_at), said.version, ticket.state)


def _waits_anew(ticket: Ticket, at: datetime) -> Ticket:
    """A pending ticket waits for its customer from the newest answer on."""
    if ticket.pending_since is None:
        return ticket
    return replace(ticket, pending_since=max(ticket.pending_since, at))


def note(ticket: Ticket) -> Said:
    """The ticket after a note: only the desk sees it, so nobody was active and no clock stops."""
    noted = replace(ticket, version=ticket.version + 1)
    return Said(noted, noted.version, ticket.state)


def moves_up(before: Delivery, after: Delivery) -> bool:
    """Whether a word on a message is news; a late or repeated receipt changes nothing.

    A message fails only before it is delivered; a person may have one sent again that failed or is unknown.
    """
    if after == "failed":
        return before not in ("failed", "delivered", "read")
    if before == "failed" or (before, after) == ("unknown", "queued"):
        return True
    return RANK[after] > RANK[before]

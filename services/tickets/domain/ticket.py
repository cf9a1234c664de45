"""A ticket and its life cycle: which state may follow which, and who may say so (product.md T1)."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from shared.contracts.ticket_events import Priority, State
from shared.errors import Conflict

Place = Literal["none", "waiting", "offered", "held", "done"]
Clock = Literal["runs", "void", "agent-began"]
"""Whether a cycle's reply clocks count: they do, nothing is left to reply to, or the desk wrote first."""

ALLOWED: dict[State, frozenset[State]] = {
    "new": frozenset({"open", "pending", "on-hold", "solved", "closed"}),
    "open": frozenset({"pending", "on-hold", "solved", "closed"}),
    "pending": frozenset({"open", "on-hold", "solved", "closed"}),
    "on-hold": frozenset({"open", "pending", "solved", "closed"}),
    "solved": frozenset({"open", "closed"}),
    "closed": frozenset(),
}
"""What may follow by a person's or a timer's decision; `new` is never entered again."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket as its owner knows it; `version` counts its changes."""

    workspace: str
    id: UUID
    shop: str | None
    person: UUID
    channel: str
    account: str
    state: State
    priority: Priority
    language: str | None
    subject: str | None
    thread: str | None
    order_name: str | None
    version: int
    cycle: int
    cycle_started_at: datetime
    opened_at: datetime
    active_at: datetime
    solved_at: datetime | None = None
    possible_duplicate_of: UUID | None = None
    follow_up_of: UUID | None = None
    place: Place = "none"
    assignee: str | None = None
    assigned_at: datetime | None = None
    routing_version: int = 0
    trace: str | None = None
    clock: Clock = "runs"
    intent: str | None = None
    tags: tuple[str, ...] = ()
    snoozed_until: datetime | None = None
    spam: bool = False
    merged_into: UUID | None = None
    due_at: datetime | None = None
    """When the first of its clocks that run is due (clocking.py writes it)."""
    due_by: datetime | None = None
    """When what it asks for can no longer be done: the warehouse's cut-off."""
    pending_since: datetime | None = None
    """Since when the customer is waited for: the newest answer, or whatever else made it his turn."""
    side: UUID | None = None
    """The requester's own person, where he was merged into `person` (domain/people.py)."""

    @property
    def own(self) -> UUID:
        """The requester's own person, whatever is merged."""
        return self.side or self.person


class TransitionRefused(Conflict):
    """The ticket cannot go from where it is to where it was asked to."""

    def __init__(self, ticket: Ticket, wanted: State) -> None:
        possible = ", ".join(sorted(ALLOWED[ticket.state])) or "nothing: a closed ticket stays closed"
        super().__init__(
            f"ticket {ticket.id} is {ticket.state} and cannot become {wanted}; from here: {possible}",
            reason=f"{ticket.state}_to_{wanted}".replace("-", "_"),
        )


def change_state(ticket: Ticket, wanted: State, now: datetime) -> Ticket:
    """The ticket in its next state; raises TransitionRefused where the life cycle does not allow it.

    A ticket that is solved is snoozed no more. Leaving `solved` for `open` by hand goes on with the same cycle: only a
    customer\'s message begins one.
    """
    if wanted not in ALLOWED[ticket.state]:
        raise TransitionRefused(ticket, wanted)
    solved_at = now if wanted == "solved" else ticket.solved_at if wanted == "closed" else None
    snoozed_until = None if wanted in ("solved", "closed") else ticket.snoozed_until
    pending_since = now if wanted == "pending" else None
    return replace(
        ticket,
        state=wanted,
        version=ticket.version + 1,
        active_at=now,
        solved_at=solved_at,
        snoozed_until=snoozed_until,
        pending_since=pending_since,
    )


def close(ticket: Ticket, now: datetime) -> Ticket:
    """The solved ticket, closed: its time to be reopened has passed. Nobody was active, so lists stay as they were."""
    return replace(change_state(ticket, "closed", now), active_at=ticket.active_at)


def solve(ticket: Ticket, now: datetime) -> Ticket:
    """The pending ticket, solved: its customer was waited for long enough. Nobody was active here either."""
    return replace(change_state(ticket, "solved", now), active_at=ticket.active_at)


def over(ticket: Ticket, at: datetime, reopen_for: timedelta) -> bool:
    """Whether a message accepted at `at` comes too late to reopen the ticket, whether or not it was closed by then."""
    if ticket.state == "solved" and ticket.solved_at is not None:
        return at >= ticket.solved_at + reopen_for
    return ticket.state == "closed"

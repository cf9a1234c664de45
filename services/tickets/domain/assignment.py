"""Who holds a ticket: a copy of routing's state, newest version wins (architecture.md §4)."""

from dataclasses import dataclass, replace
from datetime import datetime

from services.tickets.domain.ticket import Ticket
from shared.contracts.routing_events import RoutingEvent
from shared.contracts.ticket_events import State


@dataclass(frozen=True, slots=True)
class Copied:
    """The ticket after routing's event; `told` where others must hear how it is now."""

    ticket: Ticket
    told: bool
    lost: bool
    """Routing has met a newer version of the ticket than this one: the tickets' database was restored."""
    was: State


def copy_routing(ticket: Ticket, event: RoutingEvent, version: int, now: datetime) -> Copied | None:
    """The ticket with routing's newer state; None where the event is not newer than what is known.

    A ticket that lost history goes on counting from the version that routing has met, else routing would take what
    comes next for old news; and it is told how it stands, since what routing knows of it is gone.
    """
    if version <= ticket.routing_version:
        return None
    holder = event.agent if event.place == "held" else None
    changed = holder != ticket.assignee
    state = "open" if holder is not None and ticket.state == "new" else ticket.state
    met = event.ticket_version or 0
    lost = met > ticket.version
    told = changed or lost or state != ticket.state
    copied = replace(
        ticket,
        place=event.place,
        assignee=holder,
        assigned_at=now if changed and holder is not None else ticket.assigned_at,
        routing_version=version,
        state=state,
        version=max(ticket.version, met) + told,
    )
    return Copied(copied, told, lost, ticket.state)

"""Who holds a ticket: a copy of routing's state, newest version wins (architecture.md §4)."""

from dataclasses import dataclass, replace
from datetime import datetime

from services.tickets.domain.ticket import Ticket
from shared.contracts.routing_events import RoutingEvent
from shared.contracts.ticket_events import State


@dataclass(frozen=True, slots=True)
class Copied:
    """The ticket after routing's event, and what changed for those who follow tickets."""

    ticket: Ticket
    assigned: bool
    was: State


def copy_routing(ticket: Ticket, event: RoutingEvent, version: int, now: datetime) -> Copied | None:
    """The ticket with routing's newer state; None where the event is not newer than what is known."""
    if version <= ticket.routing_version:
        return None
    holder = event.agent if event.place == "held" else None
    changed = holder != ticket.assignee
    state = "open" if holder is not None and ticket.state == "new" else ticket.state
    copied = replace(
        ticket,
        place=event.place,
        assignee=holder,
        assigned_at=now if changed and holder is not None else ticket.assigned_at,
        routing_version=version,
        state=state,
        version=ticket.version + 1 if changed or state != ticket.state else ticket.version,
    )
    return Copied(copied, changed, ticket.state)

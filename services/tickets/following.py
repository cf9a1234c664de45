"""Tickets follow routing: its decision is copied, told to others, and stands on the timeline with its reason."""

from services.tickets import facts
from services.tickets.domain.assignment import Copied, copy_routing
from services.tickets.domain.ticket import Ticket
from services.tickets.repo.messages import Happening
from shared.bus import Context
from shared.contracts.envelope import Event
from shared.contracts.routing_events import RoutingEvent


def follow(ctx: Context, ticket: Ticket, event: Event[RoutingEvent], lines: list[Happening]) -> Ticket | None:
    """The ticket after routing's event, its line added to `lines`; None where the event is old news."""
    copied = copy_routing(ticket, event.data, event.version or 0, event.time)
    if copied is None:
        return None
    if copied.told:
        after = copied.ticket
        told = facts.assigned(after, event.data.reason)
        ctx.emit(told, cause=event, version=after.version, shop=after.shop, ordinal=_telling(ctx, copied))
        lines.append(_line(copied, event))
    return copied.ticket


def _telling(ctx: Context, copied: Copied) -> int:
    """Before the restore the same decision was told with other facts: told again, it must not be taken for the same."""
    return int(ctx.now.timestamp()) if copied.lost else 0


def _line(copied: Copied, event: Event[RoutingEvent]) -> Happening:
    ticket = copied.ticket
    detail = {"agent": ticket.assignee, "reason": event.data.reason}
    if ticket.state != copied.was:
        detail |= {"was": copied.was, "state": ticket.state}
    what = "assigned" if ticket.assignee is not None else "released"
    return Happening(ticket.workspace, ticket.id, ticket.version, what, detail, event.time)

"""What a change of a ticket is told as: the event others read, one for each version."""

from collections.abc import Mapping
from typing import Any

from services.tickets.domain.editing import Edited
from services.tickets.domain.receive import Received
from services.tickets.domain.ticket import Ticket
from shared.bus import Context
from shared.contracts.envelope import Event
from shared.contracts.inbound_messages import MessageReceived
from shared.contracts.ticket_events import (
    MessageAdded,
    StateChanged,
    TicketAssigned,
    TicketChanged,
    TicketMerged,
    TicketOpened,
    TicketReopened,
    TicketSplit,
)


def carried(ticket: Ticket) -> dict[str, Any]:
    """The state every ticket event carries."""
    return {
        "ticket": ticket.id,
        "person": ticket.person,
        "channel": ticket.channel,
        "account": ticket.account,
        "state": ticket.state,
        "priority": ticket.priority,
        "language": ticket.language,
        "cycle": ticket.cycle,
        "cycle_started_at": ticket.cycle_started_at,
        "intent": ticket.intent,
        "tags": ticket.tags or None,
        "snoozed_until": ticket.snoozed_until,
        "spam": ticket.spam or None,
        "due_at": ticket.due_at,
        "due_by": ticket.due_by,
    }


def of_message(ctx: Context, event: Event[MessageReceived], received: Received) -> None:
    """Tell what a customer's message did."""
    ticket, message = received.ticket, event.id
    if received.did == "opened":
        related = {"possible_duplicate_of": ticket.possible_duplicate_of, "follow_up_of": ticket.follow_up_of}
        opened = TicketOpened(**carried(ticket), message=message, **related)
        ctx.emit(opened, cause=event, version=ticket.version, shop=ticket.shop)
        return
    if received.did == "reopened":
        reopened = TicketReopened(**carried(ticket), message=message)
        ctx.emit(reopened, cause=event, version=ticket.version, shop=ticket.shop)
        return
    woke = received.did == "woke"
    automatic = not received.spoke
    state = received.was if woke else ticket.state
    said = {"message": message, "author": "customer", "automatic": automatic, "accepted_at": event.data.accepted_at}
    added = MessageAdded(**carried(ticket) | {"state": state} | said)
    ctx.emit(added, cause=event, version=ticket.version - woke, shop=ticket.shop)
    if woke:
        changed = StateChanged(**carried(ticket), was=received.was, reason="customer-replied")
        ctx.emit(changed, cause=event, version=ticket.version, shop=ticket.shop)


def assigned(ticket: Ticket, reason: str) -> TicketAssigned:
    """Routing gave the ticket a holder, or took it from one."""
    return TicketAssigned(**carried(ticket), agent=ticket.assignee, reason=reason)


def changed(ticket: Ticket, *, was: Any, reason: str, by: str | None = None) -> StateChanged:
    """A person or a timer moved the ticket."""
    return StateChanged(**carried(ticket), was=was, reason=reason, by=by)


def edited(done: Edited, *, reason: str, by: str | None = None) -> TicketChanged:
    """Fields of the ticket were changed; told before its state moves, where it does."""
    before, after = done.before.tags, done.fields.tags
    told: dict[str, Any] = {
        **carried(done.fields),
        "fields": tuple(sorted(done.changes)),
        "added": tuple(tag for tag in after if tag not in before) or None,
        "removed": tuple(tag for tag in before if tag not in after) or None,
        "voids": done.fields.clock == "void" if done.fields.clock != done.before.clock else None,
        "reason": reason,
        "by": by,
    }
    if "merged_into" in done.changes or "merged" in done.changes:
        return TicketMerged(**told | _merged(done.changes))
    if "split" in done.changes or "split_from" in done.changes:
        return TicketSplit(**told | _split(done.changes))
    return TicketChanged(**told)


def _merged(changes: Mapping[str, tuple[Any, Any]]) -> dict[str, Any]:
    was, is_ = changes.get("merged_into") or changes["merged"]
    where = "into" if "merged_into" in changes else "took_in"
    since = [moment for moment in changes.get("waits_since", ()) if moment is not None]
    return {where: is_ or was, "undone": True if is_ is None else None, "waits_since": since[0] if since else None}


def _split(changes: Mapping[str, tuple[Any, Any]]) -> dict[str, Any]:
    where = {"into": changes["split"][1]} if "split" in changes else {"split_from": changes["split_from"][1]}
    return {**where, "messages": changes["messages"][1]}

"""What becomes of a ticket through what its message means: intent and priority (product.md T7)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from services.tickets.domain.intents import Classified
from services.tickets.domain.intents.classifier import PRIORITIES
from services.tickets.domain.receive import Received
from services.tickets.domain.ticket import Ticket
from shared.contracts.ticket_events import Priority

RANK: dict[Priority, int] = {"urgent": 0, "high": 1, "normal": 2, "low": 3}


def asks(received: Received) -> bool:
    """Whether the message says what the ticket is about: it began a cycle, or nobody knows yet."""
    return received.did in ("opened", "reopened") or received.ticket.intent is None


def with_meaning(ticket: Ticket, read: Classified, *, chosen: Mapping[str, Priority]) -> Ticket:
    """The ticket with what was read; what was not read stays as it is.

    The priority is only ever raised, by intent or signal, as the workspace has `chosen` or else as usual.
    """
    said = [name for name in (read.intent, *sorted(read.signals)) if name is not None]
    raising = [chosen.get(name) or PRIORITIES.get(name) or ticket.priority for name in said]
    return replace(
        ticket,
        intent=read.intent or ticket.intent,
        priority=min((ticket.priority, *raising), key=RANK.__getitem__),
    )


def changes(before: Ticket, after: Ticket) -> dict[str, dict[str, Any]]:
    """What is otherwise, as a line of a timeline has it."""
    values = {name: (getattr(before, name), getattr(after, name)) for name in ("intent", "priority")}
    return {name: {"was": was, "is": is_} for name, (was, is_) in values.items() if was != is_}

"""Telling what became of a ticket: by whom, and because of what, where something made a program do it."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.tickets.domain.ticket import Ticket
from shared.bus import Context
from shared.contracts.envelope import Event, Message
from shared.ids import derived_id


@dataclass(frozen=True, slots=True)
class Because:
    """What made a program act: an event, or a timer, whose id (row, due_at) its records derive from."""

    cause: Event[Any] | None
    id: UUID
    ordinal: int = 0
    """Tells apart what one cause makes one actor do to one ticket more than once."""


def say(ctx: Context, ticket: Ticket, told: Message, version: int, actor: str, because: Because | None = None) -> None:
    """Tell it of the ticket, as its version; what nothing caused begins a chain of causes of its own."""
    if because is not None and because.cause is not None:
        ordinal = because.ordinal
        ctx.emit(told, cause=because.cause, version=version, ordinal=ordinal, shop=ticket.shop, actor=actor)
        return
    ctx.begin(
        told,
        workspace=ticket.workspace,
        shop=ticket.shop,
        version=version,
        id=derived_id(because.id, told.TYPE, str(ticket.id), because.ordinal) if because is not None else None,
        trace=ticket.trace,
        correlation=because.id if because is not None else None,
        actor=actor,
    )

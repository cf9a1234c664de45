"""Messages of a ticket that become one of their own (product.md T4)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from services.tickets.domain.editing import Edited
from services.tickets.domain.merging import MergedAway
from services.tickets.domain.ticket import Ticket
from shared.errors import Conflict, Invalid
from shared.ids import derived_id


class NothingStays(Conflict):
    """A ticket without a message is none."""

    def __init__(self, ticket: Ticket) -> None:
        super().__init__(
            f"every message of a customer on ticket {ticket.id} would go; leave one of them there",
            reason="nothing_stays",
        )


@dataclass(frozen=True, slots=True)
class Said:
    """A customer's message that stands on the ticket."""

    id: UUID
    person: UUID
    """Whose own words they are."""
    channel: str
    account: str
    subject: str | None
    accepted_at: datetime
    automatic: bool


@dataclass(frozen=True, slots=True)
class Split:
    """The new ticket as its messages open it, then told as split; the old one after it; what moves, in order."""

    opened: Ticket
    new: Edited
    old: Edited
    moved: tuple[Said, ...]


def chosen(ticket: Ticket, said: Sequence[Said], wanted: Collection[UUID]) -> tuple[Said, ...]:
    """The messages that are to move, the oldest first.

    Raises MergedAway, NothingStays, or Invalid for what is no customer's message of this very ticket or starts none.
    """
    if ticket.merged_into is not None:
        raise MergedAway(ticket)
    unknown = sorted(set(wanted) - {one.id for one in said})
    if unknown:
        raise Invalid(
            f"{unknown[0]} is no customer's message of ticket {ticket.id}; what was merged into it is split off there, "
            "or by undoing the merge",
            reason="not_on_ticket",
        )
    moving = tuple(sorted((one for one in said if one.id in wanted), key=lambda one: (one.accepted_at, one.id)))
    if all(one.automatic for one in moving):
        raise Invalid("only automatic messages were chosen; nobody waits for an answer to them", reason="nothing_said")
    if len(moving) == len(said):
        raise NothingStays(ticket)
    return moving


def split(
    ticket: Ticket,
    moving: Sequence[Said],
    requester: UUID,
    *,
    waited_since: datetime | None,
    waits_since: datetime | None,
) -> Split:
    """The new ticket of `requester`, who has the first message, and the old one without what moved.

    `waited_since` and `waits_since` say when the oldest message was accepted that nobody answered, before and after.
    """
    first = next(one for one in moving if not one.automatic)
    opened = Ticket(
        workspace=ticket.workspace,
        id=derived_id(moving[0].id, "ticket/split", str(ticket.id), ticket.version),
        shop=ticket.shop,
        person=requester,
        side=first.person if first.person != requester else None,
        channel=first.channel,
        account=first.account,
        state="new",
        priority=ticket.priority,
        language=ticket.language if requester == ticket.person else None,
        subject=first.subject or ticket.subject,
        thread=None,
        order_name=None,
        version=len(moving),
        cycle=1,
        cycle_started_at=first.accepted_at,
        opened_at=moving[0].accepted_at,
        active_at=moving[-1].accepted_at,
        trace=ticket.trace,
    )
    ids = tuple(one.id for one in moving)
    told = replace(opened, version=opened.version + 1)
    changes: dict[str, tuple[Any, Any]] = {"messages": (None, ids)}
    new = Edited(opened, told, told, changes | {"split_from": (None, ticket.id)})
    left = replace(_left(ticket, waited_since, waits_since), version=ticket.version + 1)
    names = ("clock", "cycle_started_at")
    gone = {name: (was, is_) for name in names if (was := getattr(ticket, name)) != (is_ := getattr(left, name))}
    return Split(opened, new, Edited(ticket, left, left, changes | gone | {"split": (None, opened.id)}), tuple(moving))


def _left(ticket: Ticket, waited_since: datetime | None, waits_since: datetime | None) -> Ticket:
    """The clock starts at what is left unanswered, and is void where nothing is; a cycle that was answered stays so."""
    if ticket.clock != "runs" or waited_since is None or waited_since > ticket.cycle_started_at:
        return ticket
    if waits_since is None:
        return replace(ticket, clock="void")
    return replace(ticket, cycle_started_at=waits_since)

"""Which ticket a customer's message belongs to (definitions.md, "Tickets, cycles, joining"); never by likeness."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from services.tickets.domain.ticket import Ticket
from shared.contracts.inbound_messages import MessageReceived

THANKS = "thanks"
"""What `automatic` says of a customer's message that thanks and says nothing else."""
Why = Literal["named", "conversation", "order", "new", "follow-up"]


@dataclass(frozen=True, slots=True)
class Joined:
    """The ticket a message joins, or None where it opens one; with what the new one should know of older ones."""

    ticket: Ticket | None
    why: Why
    follow_up_of: UUID | None = None
    possible_duplicate_of: UUID | None = None


def speaks(message: MessageReceived) -> bool:
    """Whether a customer says something new: no auto-reply, bounce, bulk mail or thanks, and nothing of the desk's.

    Only what speaks opens the queue, reopens, wakes, starts a clock or begins a follow-up.
    """
    return message.automatic is None and not message.echo


def join(
    message: MessageReceived,
    *,
    named: Ticket | None,
    of_person: Sequence[Ticket],
    conversational: Collection[str],
) -> Joined:
    """Decide by rules (a) to (d).

    `named` is the ticket that a signed token, the provider's thread or a reference names; `of_person` are the
    person's tickets; `conversational` the channels where a person has one running conversation per account.
    """
    if named is not None:
        if named.state != "closed" or not speaks(message):
            return Joined(named, "named")
        return Joined(None, "follow-up", follow_up_of=named.id, possible_duplicate_of=_latest_open(of_person))
    if message.channel in conversational:
        latest = _latest(of_person, channel=message.channel, account=message.account)
        if latest is not None:
            return Joined(latest, "conversation")
    if message.order is not None and message.sender.verified:
        about = [t for t in of_person if t.state != "closed" and t.order_name == message.order]
        if len(about) == 1:
            return Joined(about[0], "order")
    return Joined(None, "new", possible_duplicate_of=_latest_open(of_person))


def _latest(tickets: Sequence[Ticket], *, channel: str, account: str) -> Ticket | None:
    running = [t for t in tickets if t.state != "closed" and (t.channel, t.account) == (channel, account)]
    return max(running, key=lambda t: (t.active_at, t.id), default=None)


def _latest_open(tickets: Sequence[Ticket]) -> UUID | None:
    open_ones = [t for t in tickets if t.state not in ("solved", "closed")]
    latest = max(open_ones, key=lambda t: (t.active_at, t.id), default=None)
    return latest.id if latest else None

"""Which ticket a customer's message belongs to (definitions.md, "Tickets, cycles, joining"); never by likeness."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from uuid import UUID

from services.tickets.domain.ticket import Ticket, over
from shared.contracts.inbound_messages import MessageReceived

THANKS = "thanks"
"""What `automatic` says of a customer's message that thanks and says nothing else."""
Why = Literal["named", "spam", "conversation", "order", "new", "follow-up"]


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


def survivor(ticket: Ticket, known: Mapping[tuple[str, UUID], Ticket]) -> Ticket | UUID:
    """The ticket that this one was merged into, through all merges; the id of one that is not among the `known`."""
    met = {ticket.id}
    while ticket.merged_into is not None and ticket.merged_into not in met:
        into = known.get((ticket.workspace, ticket.merged_into))
        if into is None:
            return ticket.merged_into
        ticket = into
        met.add(ticket.id)
    return ticket


def survivors(tickets: Sequence[Ticket], known: Mapping[tuple[str, UUID], Ticket]) -> dict[UUID, Ticket]:
    """What those of the tickets that were merged go on in, by their ids."""
    ends = ((ticket.id, survivor(ticket, known)) for ticket in tickets if ticket.merged_into is not None)
    return {id_: end for id_, end in ends if isinstance(end, Ticket)}


def join(
    message: MessageReceived,
    *,
    named: Ticket | None,
    of_person: Sequence[Ticket],
    conversational: Collection[str],
    reopen_for: timedelta,
    survivors: Mapping[UUID, Ticket] | None = None,
) -> Joined:
    """Decide by rules (a) to (d).

    `named` is the ticket that a signed token, the provider's thread or a reference names, followed through merges;
    `of_person` are the person's tickets that are not closed, and the newest closed one where it is spam;
    `survivors` what those of them that were merged go on in, by their ids;
    `conversational` the channels where a person has one running conversation per account. A ticket that was solved
    `reopen_for` before the message was accepted is over, also where it is not closed yet.
    """

    def running(ticket: Ticket) -> bool:
        return not over(ticket, message.accepted_at, reopen_for)

    if named is not None:
        return _named(message, named, of_person, running)
    spam = _spam(message, of_person)
    if spam is not None:
        return Joined(spam, "spam")
    here = [ticket for ticket in of_person if running(ticket) and not ticket.spam]
    if message.channel in conversational:
        there = [t for t in of_person if (t.channel, t.account) == (message.channel, message.account)]
        going_on = [(survivors or {}).get(t.id, t) for t in there]
        latest = _latest([ticket for ticket in going_on if running(ticket) and not ticket.spam])
        if latest is not None:
            return Joined(latest, "conversation")
    if message.order is not None and message.sender.verified:
        about = [t for t in here if t.order_name == message.order]
        if len(about) == 1:
            return Joined(about[0], "order")
    return Joined(None, "new", possible_duplicate_of=_open(of_person))


def _named(
    message: MessageReceived, named: Ticket, of_person: Sequence[Ticket], running: Callable[[Ticket], bool]
) -> Joined:
    """The named ticket, where it is not over, or nobody is to be disturbed; else its follow-up, which may exist."""
    if running(named) or named.spam or not speaks(message):
        return Joined(named, "named")
    followed = _latest([t for t in of_person if t.follow_up_of == named.id and running(t)])
    if followed is not None:
        return Joined(followed, "follow-up")
    return Joined(None, "follow-up", follow_up_of=named.id, possible_duplicate_of=_open(of_person))


def _spam(message: MessageReceived, of_person: Sequence[Ticket]) -> Ticket | None:
    """The person's latest ticket, where it is spam that came over this channel."""
    latest = _latest(of_person)
    return latest if latest is not None and latest.spam and latest.channel == message.channel else None


def _latest(tickets: Sequence[Ticket]) -> Ticket | None:
    return max(tickets, key=lambda t: (t.active_at, t.id), default=None)


def _open(tickets: Sequence[Ticket]) -> UUID | None:
    latest = _latest([t for t in tickets if t.state not in ("solved", "closed")])
    return latest.id if latest else None

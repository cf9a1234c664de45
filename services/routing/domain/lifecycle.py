"""The steps a ticket may take between waiting, offered, held and done; each is the next version, told in one event."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from services.routing.domain.ticket import Ticket
from shared.contracts.routing_events import (
    Mode,
    OfferEnded,
    Place,
    RoutingEvent,
    TicketEnqueued,
    TicketLeft,
    TicketOffered,
    TicketTaken,
)
from shared.errors import Conflict

Outcome = Literal["declined", "expired", "withdrawn"]
Ended = Literal["withdrawn", "closed"]
JOINED = frozenset({"opened", "reopened"})
"""Reasons of a ticket that came into the queue from outside routing."""


class WrongPlace(Conflict):
    """The ticket is not where this step begins."""

    def __init__(self, ticket: Ticket, wanted: Place) -> None:
        super().__init__(f"ticket {ticket.id} is {ticket.place}, not {wanted}", reason="wrong_place")


class OfferLapsed(Conflict):
    """The offer is over: its lease ended, it was declined or withdrawn, or somebody else was asked."""

    def __init__(self, offer: UUID, how: str) -> None:
        super().__init__(f"offer {offer} is over: {how}", reason="offer_over")


@dataclass(frozen=True, slots=True)
class Step:
    """A ticket after one step, and the event that tells it."""

    ticket: Ticket
    event: RoutingEvent


def enqueue(ticket: Ticket, enqueued_at: datetime, reason: str) -> Step:
    """Begin to wait, for the first time or again; the original enqueue time is the caller's to keep."""
    if ticket.place not in ("done", "held"):
        raise WrongPlace(ticket, "done")
    after = _back(ticket, reason, enqueue=ticket.enqueue + 1, enqueued_at=enqueued_at)
    return Step(after, waiting(after))


def waiting(ticket: Ticket) -> TicketEnqueued:
    """What tells that the ticket waits."""
    return TicketEnqueued(**_state(ticket))


def release(ticket: Ticket, reason: str) -> Step:
    """Take a held ticket back into the queue with its original enqueue time."""
    _require(ticket, "held")
    return enqueue(ticket, _enqueued_at(ticket), reason)


def offer(
    ticket: Ticket, *, agent: str, offer: UUID, weight: int, at: datetime, lease_until: datetime, reason: str
) -> Step:
    """Ask an agent until the lease ends; the ticket weighs on him from now on."""
    _require(ticket, "waiting")
    after = _given(ticket, "offered", agent=agent, weight=weight, at=at, reason=reason, mode="offer")
    after = after._replace(offer=offer, lease_until=lease_until)
    return Step(after, TicketOffered(**_state(after), lease_until=lease_until))


def take(ticket: Ticket, *, agent: str, mode: Mode, weight: int, at: datetime, reason: str) -> Step:
    """Give a waiting ticket to an agent at once: pushed, or because he asked for the next one."""
    _require(ticket, "waiting")
    after = _given(ticket, "held", agent=agent, weight=weight, at=at, reason=reason, mode=mode)
    return Step(after, _taken(after, at))


def accept(ticket: Ticket, at: datetime) -> Step:
    """The agent who was asked takes the ticket; raises OfferLapsed at the very end of the lease and after."""
    _require(ticket, "offered")
    if ticket.lease_until is None or at >= ticket.lease_until:
        assert ticket.offer is not None
        raise OfferLapsed(ticket.offer, "its lease has ended")
    after = ticket._replace(place="held", version=ticket.version + 1, lease_until=None)
    return Step(after, _taken(after, at))


def end_offer(ticket: Ticket, outcome: Outcome, *, reason: str, excluded_until: datetime | None = None) -> Step:
    """An offer comes back unaccepted; the ticket waits again with its original enqueue time."""
    _require(ticket, "offered")
    assert ticket.agent is not None
    after = _back(ticket, reason, enqueue=ticket.enqueue, enqueued_at=_enqueued_at(ticket))
    event = OfferEnded(
        **_state(after) | {"offer": ticket.offer}, asked=ticket.agent, outcome=outcome, excluded_until=excluded_until
    )
    return Step(after, event)


def end(ticket: Ticket, ended: Ended, reason: str) -> tuple[Step, ...]:
    """Leave routing: nobody is asked, nobody holds; an open offer is withdrawn first. Done already: no step."""
    if ticket.place == "done":
        return ()
    before = (end_offer(ticket, "withdrawn", reason=reason),) if ticket.place == "offered" else ()
    last = before[-1].ticket if before else ticket
    back = _back(last, reason, enqueue=last.enqueue, enqueued_at=_enqueued_at(last))
    after = back._replace(place="done", live=False)
    return (*before, Step(after, TicketLeft(**_state(after), ended=ended)))


def _given(ticket: Ticket, place: Place, *, agent: str, weight: int, at: datetime, reason: str, mode: Mode) -> Ticket:
    return ticket._replace(
        place=place,
        version=ticket.version + 1,
        agent=agent,
        weight=weight,
        mode=mode,
        given_at=at,
        reason=reason,
        waiting_reason=None,
        returned=False,
    )


def _back(ticket: Ticket, reason: str, *, enqueue: int, enqueued_at: datetime) -> Ticket:
    return ticket._replace(
        place="waiting",
        version=ticket.version + 1,
        enqueue=enqueue,
        enqueued_at=enqueued_at,
        live=True,
        returned=False,
        weight=0,
        agent=None,
        offer=None,
        mode=None,
        given_at=None,
        lease_until=None,
        reason=reason,
        waiting_reason=None,
    )


def _taken(after: Ticket, at: datetime) -> TicketTaken:
    assert after.mode is not None
    waited = (at - _enqueued_at(after)).total_seconds()
    return TicketTaken(**_state(after), mode=after.mode, waited_ms=max(0, round(waited * 1000)))


def _state(ticket: Ticket) -> dict[str, Any]:
    return {
        "ticket": ticket.id,
        "place": ticket.place,
        "enqueued_at": _enqueued_at(ticket),
        "enqueue": ticket.enqueue,
        "agent": ticket.agent,
        "offer": ticket.offer,
        "reason": ticket.reason,
        "ticket_version": ticket.decided_on or None,
    }


def _enqueued_at(ticket: Ticket) -> datetime:
    assert ticket.enqueued_at is not None
    return ticket.enqueued_at


def _require(ticket: Ticket, place: Place) -> None:
    if ticket.place != place:
        raise WrongPlace(ticket, place)

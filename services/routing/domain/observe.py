"""What a ticket's own events mean for its place in routing, and what routing's own log teaches after a restore."""

from dataclasses import dataclass

from services.routing.domain.lifecycle import Step, end, enqueue
from services.routing.domain.ticket import RANKS, Ticket
from shared.contracts.envelope import Event
from shared.contracts.routing_events import Mode, RoutingEvent, TicketOffered, TicketTaken
from shared.contracts.ticket_events import TicketEvent
from shared.errors import Invalid

OURS = frozenset({"new", "open"})
"""It is our turn: the ticket waits, is offered, or weighs on its holder."""
OVER = frozenset({"solved", "closed"})


def _waits_for_us(data: TicketEvent) -> bool:
    """It is our turn, and now: what is snoozed or spam weighs nothing and is offered to nobody (definitions.md)."""
    return data.state in OURS and data.snoozed_until is None and not data.spam


@dataclass(frozen=True, slots=True)
class Observed:
    """The ticket after an event and the steps it took; `changed` is False where there is nothing to write."""

    ticket: Ticket
    steps: tuple[Step, ...] = ()
    changed: bool = True


def observe(known: Ticket | None, event: Event[TicketEvent]) -> Observed:
    """Copy a ticket event's facts where they are newer, and move the ticket where its place does not fit its state."""
    if event.version is None:
        raise Invalid("a ticket event without the ticket's version")
    before = known or Ticket(event.workspace, event.data.ticket)
    if event.version <= before.ticket_version:
        return Observed(before, changed=False)
    ticket = _with_facts(before, event)
    steps = _steps(ticket, event.data) if event.version > before.decided_on else ()
    if steps:
        return Observed(steps[-1].ticket, steps)
    if known is not None and event.version > before.decided_on and _same_facts(before, ticket):
        return Observed(before, changed=False)
    return Observed(ticket)


def _with_facts(before: Ticket, event: Event[TicketEvent]) -> Ticket:
    data = event.data
    held = before.agent is not None
    live = _waits_for_us(data) and (held or before.place != "done")
    return before._replace(
        ticket_version=event.version or 0,
        decided_on=max(before.decided_on, event.version or 0),
        channel=data.channel,
        shop=event.shop,
        language=data.language,
        rank=RANKS.get(data.priority, RANKS["normal"]),
        live=live,
        returned=held and live and (before.returned or not before.live),
        waiting_reason=None,
        trace=event.trace,
        correlation=event.correlation or event.id,
    )


def _same_facts(before: Ticket, after: Ticket) -> bool:
    return (before.live, before.rank, before.language, before.channel, before.shop) == (
        after.live,
        after.rank,
        after.language,
        after.channel,
        after.shop,
    )


def _steps(ticket: Ticket, data: TicketEvent) -> tuple[Step, ...]:
    if _waits_for_us(data):
        if ticket.place != "done":
            return ()
        return (enqueue(ticket, data.cycle_started_at, "opened" if ticket.enqueue == 0 else "reopened"),)
    if data.state in OVER:
        return end(ticket, "closed", data.state)
    if data.spam:
        return end(ticket, "withdrawn", "spam")
    why = "snoozed" if data.state in OURS else data.state
    return () if ticket.place == "held" else end(ticket, "withdrawn", why)


def teach(known: Ticket | None, event: Event[RoutingEvent], *, default_weight: int) -> Ticket | None:
    """The ticket as routing itself said it is, where that is newer than what is known; None where it is not."""
    data, version = event.data, event.version or 0
    before = known or Ticket(event.workspace, data.ticket, shop=event.shop)
    if version <= before.version:
        return None
    given = data.agent is not None
    return before._replace(
        place=data.place,
        version=version,
        decided_on=max(before.decided_on, data.ticket_version or 0),
        enqueue=data.enqueue,
        enqueued_at=data.enqueued_at,
        live=before.live if data.place == "held" and before.place == "held" else data.place != "done",
        returned=before.returned and data.place == "held" and before.agent == data.agent,
        weight=(before.weight or default_weight) if given else 0,
        agent=data.agent,
        offer=data.offer if given else None,
        mode=_mode(before, data),
        given_at=(before.given_at if before.agent == data.agent else None) or event.time if given else None,
        lease_until=data.lease_until if isinstance(data, TicketOffered) else None,
        reason=data.reason,
        waiting_reason=None,
        trace=event.trace or before.trace,
        correlation=event.correlation or before.correlation,
    )


def _mode(before: Ticket, data: RoutingEvent) -> Mode | None:
    if isinstance(data, TicketTaken):
        return data.mode
    if isinstance(data, TicketOffered):
        return "offer"
    return before.mode if data.agent is not None else None

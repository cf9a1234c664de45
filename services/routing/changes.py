"""One transaction's changes of tickets: each step is an event, a decision and a change of load, written together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import asyncpg

from services.routing.domain.lifecycle import JOINED, Step, waiting
from services.routing.domain.ticket import Load, Ticket
from services.routing.repo import agents, decisions, tickets, workspaces
from services.routing.repo.decisions import Decision, Exclusion, Outcome
from services.routing.repo.tickets import Key
from shared.bus import Context
from shared.contracts.envelope import Event
from shared.contracts.routing_events import (
    OfferEnded,
    RoutingEvent,
    TicketEnqueued,
    TicketLeft,
    TicketOffered,
    TicketTaken,
)
from shared.contracts.ticket_events import TicketEvent
from shared.ids import derived_id
from shared.telemetry import metrics


@dataclass(frozen=True, slots=True)
class Why:
    """What the engine says for a ticket it gave out; `candidates` and `refusals` are JSON."""

    candidates: str
    refusals: str
    load: int
    capacity: int


class Changes:
    """Collects what happens to tickets under their workspaces' locks, and writes it with a handful of statements."""

    def __init__(self, ctx: Context, now: datetime, known: dict[Key, Ticket] | None = None) -> None:
        self.now = now
        self.moved_load = False
        """Whether what was saved changed anybody's load."""
        self._ctx = ctx
        self._before: dict[Key, Ticket] = dict(known or {})
        self._after: dict[Key, Ticket] = {}
        self._decisions: list[Decision] = []
        self._exclusions: list[Exclusion] = []
        self._dirty: set[str] = set()
        self._offers_ended: list[str] = []

    def know(self, found: Iterable[Ticket]) -> None:
        """Tickets read under the lock; what was changed since stays changed."""
        for ticket in found:
            self._before.setdefault((ticket.workspace, ticket.id), ticket)

    def get(self, workspace: str, id_: UUID) -> Ticket | None:
        """The ticket as it is now."""
        return self._after.get((workspace, id_)) or self._before.get((workspace, id_))

    def tickets(self) -> list[Ticket]:
        """All known tickets as they are now."""
        return [self._after.get(key, ticket) for key, ticket in self._before.items()]

    def keep(self, ticket: Ticket) -> None:
        """Facts of the ticket changed, without a step."""
        self._after[ticket.workspace, ticket.id] = ticket

    def step(self, step: Step, *, cause: Event[TicketEvent] | None = None, why: Why | None = None) -> None:
        """A ticket took a step: say so, and keep why.

        Without a record that caused it the event's id comes from the ticket, its version and the agent, so that no two
        different decisions share an id and the same one always has the same.
        """
        ticket, event = step.ticket, step.event
        before = self.get(ticket.workspace, ticket.id)
        self.keep(ticket)
        if before is not None and before.place == "offered":
            self._offers_ended.append(event.outcome if isinstance(event, OfferEnded) else "accepted")
        if cause is not None:
            self._ctx.emit(event, cause=cause, version=ticket.version, shop=ticket.shop)
        else:
            self._tell(ticket, event)
        self.record(ticket.workspace, event, ticket.version, was_held=_was_held(before), why=why)

    def enqueue(self, step: Step) -> None:
        """A ticket joined the queue; the next match tells whose it is, or by `tell_waiting` that it waits."""
        self.keep(step.ticket)
        self.record(step.ticket.workspace, step.event, step.ticket.version, was_held=False)

    def tell_waiting(self, ticket: Ticket) -> None:
        """Say that a ticket which joined the queue waits; said again it is the same event."""
        if ticket.reason in JOINED:
            self._tell(ticket, waiting(ticket))

    def _tell(self, ticket: Ticket, event: RoutingEvent) -> None:
        self._ctx.begin(
            event,
            workspace=ticket.workspace,
            shop=ticket.shop,
            version=ticket.version,
            id=derived_id(ticket.id, event.TYPE, f"{ticket.version}:{ticket.agent or ''}"),
            trace=ticket.trace,
            correlation=ticket.correlation,
        )

    def record(
        self, workspace: str, event: RoutingEvent, version: int, *, was_held: bool, why: Why | None = None
    ) -> None:
        """Keep the decision behind an event, and whom it excludes."""
        outcome = _outcome(event, was_held=was_held)
        if outcome is None:
            return
        asked = event.asked if isinstance(event, OfferEnded) else event.agent
        self._decisions.append(
            Decision(
                workspace=workspace,
                ticket=event.ticket,
                version=version,
                enqueue=event.enqueue,
                outcome=outcome,
                at=self.now,
                reason=event.reason,
                agent=asked,
                offer=event.offer,
                mode=event.mode if isinstance(event, TicketTaken) else None,
                candidates=why.candidates if why else None,
                refusals=why.refusals if why else None,
                load=why.load if why else None,
                capacity=why.capacity if why else None,
            )
        )
        if isinstance(event, OfferEnded) and event.excluded_until is not None:
            self._exclusions.append(Exclusion(workspace, event.ticket, event.asked, event.excluded_until))

    def waits(self, ticket: Ticket, reason: str, refusals: str) -> None:
        """The main reason why a ticket waits changed."""
        self._decisions.append(
            Decision(
                workspace=ticket.workspace,
                ticket=ticket.id,
                version=ticket.version,
                enqueue=ticket.enqueue,
                outcome="waiting",
                at=self.now,
                reason=reason,
                refusals=refusals,
            )
        )

    def mark_dirty(self, workspace: str) -> None:
        """Something else changed that any waiting ticket may use."""
        self._dirty.add(workspace)

    async def save(self, tx: asyncpg.Connection) -> set[str]:
        """Write everything; gives the workspaces that a match should look at, and marks them."""
        new = [ticket for key, ticket in self._after.items() if key not in self._before]
        changed = [ticket for key, ticket in self._after.items() if key in self._before]
        await tickets.insert(tx, new)
        await tickets.update(tx, changed)
        loads = self._loads()
        await agents.change_loads(tx, loads)
        self.moved_load = bool(loads)
        await decisions.exclude(tx, self._exclusions)
        await decisions.insert(tx, self._decisions)
        pairs = [(self._before.get(key), ticket) for key, ticket in self._after.items()]
        dirty = self._dirty | {after.workspace for before, after in pairs if _makes_room(before, after)}
        news = {after.workspace for _, after in pairs if after.place == "waiting" and after.waiting_reason is None}
        await workspaces.mark_dirty(tx, sorted(dirty))
        await workspaces.mark_news(tx, sorted(news - dirty))
        if self._offers_ended:
            self._ctx.after_commit(self._count)
        return dirty | news

    def _count(self) -> None:
        for outcome in self._offers_ended:
            metrics.OFFERS_ENDED.labels(outcome).inc()

    def _loads(self) -> Sequence[agents.LoadChange]:
        sums: dict[tuple[str, str, str], agents.LoadChange] = {}
        for key, after in self._after.items():
            before = self._before.get(key)
            was, is_ = before.load if before else None, after.load
            if was == is_:
                continue
            if was is not None:
                _add(sums, after.workspace, was, -1, self.now)
            if is_ is not None:
                _add(sums, after.workspace, is_, 1, after.given_at or self.now)
        return list(sums.values())


def _add(
    sums: dict[tuple[str, str, str], agents.LoadChange], workspace: str, load: Load, sign: int, at: datetime
) -> None:
    key = (workspace, load.agent, load.channel)
    known = sums.get(key)
    if known is None:
        sums[key] = agents.LoadChange(workspace, load.agent, load.channel, sign, sign * load.weight, at)
    else:
        weight = known.weight + sign * load.weight
        sums[key] = replace(known, tickets=known.tickets + sign, weight=weight, at=max(known.at, at))


def _makes_room(before: Ticket | None, after: Ticket) -> bool:
    """Somebody has more room than before."""
    was, is_ = before.load if before else None, after.load
    return was is not None and (is_ is None or is_.agent != was.agent or is_.weight < was.weight)


def _was_held(before: Ticket | None) -> bool:
    return before is not None and before.place == "held"


def _outcome(event: RoutingEvent, *, was_held: bool) -> Outcome | None:
    if isinstance(event, TicketTaken):
        return "assigned"
    if isinstance(event, TicketOffered):
        return "offered"
    if isinstance(event, OfferEnded):
        return "recalled" if event.outcome == "withdrawn" else event.outcome
    if isinstance(event, TicketLeft):
        return "finished" if was_held else event.ended
    if isinstance(event, TicketEnqueued) and event.enqueue > 1:
        return "requeued"
    return None

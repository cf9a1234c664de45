"""Events made to facts: what each type of record says, and no more."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from services.metrics.domain.facts import (
    ClockFact,
    DeliveryFact,
    Fact,
    PresenceFact,
    ReplyFact,
    RoutingFact,
    TicketFact,
)
from shared.contracts.agent_events import PresenceChanged
from shared.contracts.delivery_events import DeliveryChanged
from shared.contracts.envelope import Event, Message
from shared.contracts.routing_events import (
    OfferEnded,
    RoutingEvent,
    TicketEnqueued,
    TicketLeft,
    TicketOffered,
    TicketTaken,
)
from shared.contracts.sla_events import SlaApplied, SlaBreached, SlaCorrected, SlaDecided, SlaSettled, SlaWarned
from shared.contracts.ticket_events import (
    MessageAdded,
    MessageChanged,
    MessageCounted,
    ReplyFailed,
    ReplySent,
    StateChanged,
    TicketAssigned,
    TicketChanged,
    TicketEvent,
    TicketMerged,
    TicketOpened,
    TicketReopened,
    TicketSplit,
)


def fact_of(event: Event[Any]) -> Fact:
    """The event as a fact; every type of the topics in TOPICS has one."""
    return _MAKERS[type(event.data)](event)


def _ticket(event: Event[TicketEvent], what: str, at: datetime, **more: Any) -> TicketFact:
    said = event.data
    return TicketFact(
        event.workspace, said.ticket, event.version or 0, event.id, what, at, event.shop, said.channel, said.account,
        said.person, said.priority, said.language, said.state, said.cycle, said.cycle_started_at, **more,
    )  # fmt: skip


def _began(what: str) -> Callable[[Event[Any]], TicketFact]:
    def made(event: Event[TicketOpened | TicketReopened]) -> TicketFact:
        said, quiet = event.data, event.data.state == "solved"
        author = said.author or "customer" if isinstance(said, TicketOpened) else "customer"
        return _ticket(
            event, what, said.cycle_started_at, message=said.message, author=author, automatic=quiet, note=False
        )

    return made


def _message(event: Event[MessageAdded]) -> TicketFact:
    said = event.data
    return _ticket(
        event, "message", said.accepted_at or event.time, message=said.message, author=said.author,
        automatic=said.automatic, note=bool(said.note), agent=said.by,
    )  # fmt: skip


def _changed(event: Event[MessageChanged]) -> TicketFact:
    said = event.data
    return _ticket(
        event, said.change, event.time, message=said.message, author=said.author, reason="void" if said.voids else None
    )


def _counted(event: Event[MessageCounted]) -> TicketFact:
    said = event.data
    return _ticket(event, "counted", said.accepted_at, message=said.message, was=said.was, agent=said.by)


def _fields(event: Event[TicketChanged]) -> TicketFact:
    clock = {True: "void", False: "runs", None: None}[event.data.voids]
    return _ticket(event, "changed", event.time, agent=event.data.by, reason=clock)


def _state(event: Event[StateChanged]) -> TicketFact:
    said = event.data
    return _ticket(event, "state", event.time, was=said.was, agent=said.by, reason=said.reason)


def _assigned(event: Event[TicketAssigned]) -> TicketFact:
    return _ticket(event, "assigned", event.time, agent=event.data.agent, reason=event.data.reason)


def _sent(event: Event[ReplySent]) -> ReplyFact:
    said = event.data
    return ReplyFact(
        event.workspace, said.message, event.version or 0, event.id, False, said.replied_at, said.ticket,
        said.reply_cycle, event.shop, said.channel, said.by, said.team, said.since_start_s,
        said.business_since_start_s, said.calendar, said.calendar_version,
    )  # fmt: skip


def _failed(event: Event[ReplyFailed]) -> ReplyFact:
    said = event.data
    return ReplyFact(
        event.workspace, said.message, event.version or 0, event.id, True, said.failed_at, said.ticket,
        said.reply_cycle, event.shop, said.channel, said.by, said.team,
    )  # fmt: skip


def _applied(event: Event[SlaApplied]) -> TicketFact:
    return _ticket(event, "sla-applied", event.time, agent=event.data.by)


def _clock(what: str) -> Callable[[Event[Any]], ClockFact]:
    def made(event: Event[SlaWarned | SlaDecided]) -> ClockFact:
        said = event.data
        told: dict[str, Any] = {"percent": said.percent} if isinstance(said, SlaWarned) else _decision(said)
        return ClockFact(
            event.workspace, said.clock, event.version or 0, event.id, what, event.time, said.ticket, said.kind,
            said.clock_cycle, event.shop, said.channel, said.target_s, said.policy, said.policy_version, said.calendar,
            said.calendar_version, **told,
        )  # fmt: skip

    return made


def _decision(said: SlaDecided) -> dict[str, Any]:
    decided_at = said.clock_due_at if said.outcome == "breached" else said.ended_at
    return {
        "agent": said.credited,
        "outcome": said.outcome,
        "decided_at": decided_at if said.outcome != "runs" else None,
        "elapsed_s": said.elapsed_s,
    }


def _routing(what: str) -> Callable[[Event[Any]], RoutingFact]:
    def made(event: Event[RoutingEvent]) -> RoutingFact:
        said = event.data
        mode, waited_ms = (said.mode, said.waited_ms) if isinstance(said, TicketTaken) else (None, None)
        return RoutingFact(
            event.workspace, said.ticket, event.version or 0, event.id, what, event.time, event.shop, said.place,
            said.enqueue, said.enqueued_at, said.agent, said.reason, mode, waited_ms,
        )  # fmt: skip

    return made


def _presence(event: Event[PresenceChanged]) -> PresenceFact:
    said = event.data
    return PresenceFact(
        event.workspace, said.agent, event.version or 0, event.id, event.time, said.presence, said.was, said.reason
    )


def _delivery(event: Event[DeliveryChanged]) -> DeliveryFact:
    said = event.data
    return DeliveryFact(
        event.workspace, said.message, event.version or 0, event.id, said.at, said.ticket, event.shop, said.channel,
        said.account, said.state, said.reason, said.attempts,
    )  # fmt: skip


_MAKERS: dict[type[Message], Callable[[Event[Any]], Fact]] = {
    TicketOpened: _began("opened"),
    TicketReopened: _began("reopened"),
    MessageAdded: _message,
    MessageChanged: _changed,
    MessageCounted: _counted,
    StateChanged: _state,
    TicketChanged: _fields,
    TicketMerged: _fields,
    TicketSplit: _fields,
    TicketAssigned: _assigned,
    ReplySent: _sent,
    ReplyFailed: _failed,
    SlaApplied: _applied,
    SlaWarned: _clock("warned"),
    SlaSettled: _clock("settled"),
    SlaBreached: _clock("breached"),
    SlaCorrected: _clock("corrected"),
    TicketEnqueued: _routing("enqueued"),
    TicketOffered: _routing("offered"),
    OfferEnded: _routing("offer-ended"),
    TicketTaken: _routing("taken"),
    TicketLeft: _routing("left"),
    PresenceChanged: _presence,
    DeliveryChanged: _delivery,
}

TOPICS: tuple[str, ...] = tuple(dict.fromkeys(message.TOPIC for message in _MAKERS))
"""What facts are made of; all are permanent, so that facts can be made again."""

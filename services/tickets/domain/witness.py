"""What an event of a ticket says about its clocks."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from services.tickets.domain.evidence import Evidence, What
from shared.contracts.envelope import Event
from shared.contracts.sla_events import SlaApplied
from shared.contracts.ticket_events import (
    MessageAdded,
    MessageChanged,
    MessageCounted,
    ReplyFailed,
    ReplySent,
    StateChanged,
    TicketAssigned,
    TicketChanged,
    TicketMerged,
    TicketOpened,
    TicketReopened,
    TicketSplit,
)
from shared.ids import derived_id


def witness(event: Event[Any]) -> list[Evidence]:
    """The evidence in an event; the terms of what begins are not said there."""
    says = next((_SAYS[kind] for kind in type(event.data).__mro__ if kind in _SAYS), None)
    return list(says(event)) if says is not None else []


def _one(event: Event[Any], what: What, **more: Any) -> Evidence:
    facts = {"at": event.time, "version": event.version or 0, "cycle": event.data.cycle} | more
    return Evidence(what=what, id=derived_id(event.id, "evidence", what), **facts)


def _opened(event: Event[TicketOpened]) -> Iterator[Evidence]:
    said = event.data
    if said.author == "agent":
        yield _one(event, "began", at=said.cycle_started_at, word=said.priority)
        yield _one(event, "moved", at=said.cycle_started_at, word=said.state)
    elif said.state != "solved":  # a machine's message waits for nobody
        yield from _begun(event)


def _reopened(event: Event[TicketReopened]) -> Iterator[Evidence]:
    yield from _begun(event)
    yield _one(event, "moved", word=event.data.state)


def _begun(event: Event[Any]) -> Iterator[Evidence]:
    said = event.data
    yield _one(event, "began", at=said.cycle_started_at, word=said.priority, subject=said.message)


def _added(event: Event[MessageAdded]) -> Iterator[Evidence]:
    said = event.data
    if said.author == "customer" and not said.automatic:
        yield _one(event, "heard", at=said.accepted_at or event.time, subject=said.message)


def _changed(event: Event[TicketChanged]) -> Iterator[Evidence]:
    said = event.data
    if "priority" in said.fields:
        yield _one(event, "priority", word=said.priority)
    if said.voids:
        needless = "no-reply-needed" if "clock" in said.fields else said.reason
        yield _one(event, "void", word="spam" if said.spam else needless)
    elif said.voids is not None:
        yield _one(event, "counts")


def _counted(event: Event[MessageCounted]) -> Iterator[Evidence]:
    said = event.data
    yield _one(event, "heard", at=said.accepted_at, subject=said.message)


def _merged(event: Event[TicketMerged]) -> Iterator[Evidence]:
    """Who was merged away is void until it is undone; the other has what waited there since it was written."""
    said = event.data
    if said.into is not None:
        yield _one(event, "counts") if said.undone else _one(event, "void", word="merged")
    elif said.undone:
        yield _one(event, "unheard", subject=said.took_in)
    elif said.waits_since is not None:
        yield _one(event, "heard", at=said.waits_since, subject=said.took_in)


def _split(event: Event[TicketSplit]) -> Iterator[Evidence]:
    """Messages that moved away wait here no more; the new ticket was opened with its own."""
    said = event.data
    yield from _changed(event)
    for message in said.messages if said.into is not None else ():
        gone = _one(event, "unheard", subject=message)
        yield replace(gone, id=derived_id(gone.id, "evidence", str(message)))


def _done_to_message(event: Event[MessageChanged]) -> Iterator[Evidence]:
    if event.data.voids:
        yield _one(event, "void", word="withdrawn")


def _moved(event: Event[StateChanged]) -> Iterator[Evidence]:
    yield _one(event, "moved", word=event.data.state)


def _sent(event: Event[ReplySent]) -> Iterator[Evidence]:
    said = event.data
    yield _one(event, "replied", at=said.replied_at, cycle=said.reply_cycle, subject=said.message)


def _failed(event: Event[ReplyFailed]) -> Iterator[Evidence]:
    said = event.data
    yield _one(event, "failed", at=said.failed_at, cycle=said.reply_cycle, subject=said.message)


def _assigned(event: Event[TicketAssigned]) -> Iterator[Evidence]:
    yield _one(event, "held", word=event.data.agent or "")


def _applied(event: Event[SlaApplied]) -> Iterator[Evidence]:
    yield _one(event, "terms")


_SAYS: dict[type, Callable[[Any], Iterator[Evidence]]] = {
    TicketOpened: _opened,
    TicketReopened: _reopened,
    MessageAdded: _added,
    MessageCounted: _counted,
    TicketChanged: _changed,
    TicketMerged: _merged,
    TicketSplit: _split,
    MessageChanged: _done_to_message,
    StateChanged: _moved,
    ReplySent: _sent,
    ReplyFailed: _failed,
    TicketAssigned: _assigned,
    SlaApplied: _applied,
}

"""Tickets merged into one another, and parted again as they were (product.md T4, definitions.md "Support KPIs" 1)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.tickets.domain.answering import TicketClosed
from services.tickets.domain.editing import Edited
from services.tickets.domain.ticket import Clock, Ticket
from shared.contracts.ticket_events import State
from shared.errors import Conflict, Invalid

UNDO_FOR = timedelta(days=30)
OURS = ("new", "open")
"""It is our turn already."""


class MergedAway(Conflict):
    """The ticket lives on in another one."""

    def __init__(self, ticket: Ticket) -> None:
        super().__init__(f"ticket {ticket.id} was merged; go on with {ticket.merged_into}", reason="merged_away")


class OtherPerson(Conflict):
    """Two customers would read each other's conversation."""

    def __init__(self) -> None:
        super().__init__(
            "the tickets are of two persons; merge the persons first, or say across_persons to make both participants",
            reason="other_person",
        )


class NotMerged(Conflict):
    """There is no merge to undo."""

    def __init__(self, ticket: Ticket) -> None:
        super().__init__(
            f"ticket {ticket.id} is not merged into another; there is nothing to undo", reason="not_merged"
        )


class MergedFurther(Conflict):
    """Merges are undone from the outermost."""

    def __init__(self, into: Ticket) -> None:
        super().__init__(
            f"ticket {into.id} was itself merged into {into.merged_into}; undo that merge first",
            reason="merged_further",
        )


class UndoTooLate(Conflict):
    """The time to undo has passed."""

    def __init__(self, at: datetime) -> None:
        super().__init__(
            f"merged at {at.isoformat()}; a merge can be undone for {UNDO_FOR.days} days", reason="undo_too_late"
        )


@dataclass(frozen=True, slots=True)
class Own:
    """What the ticket that takes others in would be without them."""

    start: datetime
    clock: Clock
    state: State
    solved_at: datetime | None
    pending_since: datetime | None = None

    @staticmethod
    def of(ticket: Ticket) -> "Own":
        """As it is."""
        return Own(ticket.cycle_started_at, ticket.clock, ticket.state, ticket.solved_at, ticket.pending_since)

    def stated(self, ticket: Ticket) -> Ticket:
        """The ticket in this state, a version later."""
        return replace(
            ticket,
            state=self.state,
            solved_at=self.solved_at,
            pending_since=self.pending_since,
            version=ticket.version + 1,
        )


@dataclass(frozen=True, slots=True)
class Merge:
    """What a merge changed: the merged ticket as it was, and what the one that took it in had of its own."""

    ticket: UUID
    into: UUID
    at: datetime
    was: Own
    """Of the merged one."""
    snoozed_until: datetime | None
    waits_since: datetime | None
    """When the oldest message was accepted that it brought and that nobody had answered."""
    counts: bool
    """Whether that message has a part in the clock of the one that took it in."""
    cycle: int
    """Of that one."""
    own: Own


@dataclass(frozen=True, slots=True)
class Merged:
    """Both tickets after it."""

    one: Edited
    into: Edited
    merge: Merge


@dataclass(frozen=True, slots=True)
class Part:
    """A ticket with all that was merged into it, for one more merge or one less."""

    ticket: Ticket
    waits_since: datetime | None = None
    """When the oldest message was accepted that nobody answered."""
    merges: Sequence[Merge] = ()
    """Those that stand, the oldest first."""
    untouched: bool = True
    """Whether nobody wrote on it or moved its state since the first of them, but for merges."""

    @property
    def unanswered(self) -> bool:
        """Whether nobody has answered in this cycle yet."""
        return self.waits_since is not None and self.waits_since <= self.ticket.cycle_started_at


def merge(one: Part, into: Part, now: datetime, *, across_persons: bool = False) -> Merged:
    """Put one ticket into another.

    Raises Invalid for a ticket and itself, MergedAway (so that no ring can come about), TicketClosed or OtherPerson.
    """
    _require(one.ticket, into.ticket, across_persons=across_persons)
    since = one.waits_since if one.ticket.clock != "void" else None
    counts = since is not None and (into.unanswered or into.ticket.clock != "runs")
    kept = Merge(
        one.ticket.id, into.ticket.id, now, Own.of(one.ticket), one.ticket.snoozed_until, since, counts,
        into.ticket.cycle, _own(into),
    )  # fmt: skip
    return Merged(_left(one.ticket, into.ticket.id), _took(into, kept), kept)


def _require(one: Ticket, into: Ticket, *, across_persons: bool) -> None:
    if one.id == into.id:
        raise Invalid("a ticket cannot be merged into itself; name two tickets", reason="same_ticket")
    for ticket in (one, into):
        if ticket.merged_into is not None:
            raise MergedAway(ticket)
        if ticket.state == "closed":
            raise TicketClosed(ticket)
    if one.person != into.person and not across_persons:
        raise OtherPerson


def _left(one: Ticket, into: UUID) -> Edited:
    fields = replace(one, merged_into=into, clock="void", snoozed_until=None, version=one.version + 1)
    closed = replace(fields, state="closed", pending_since=None, version=fields.version + 1)
    return Edited(one, fields, closed, _changes(one, fields))


def _took(into: Part, kept: Merge) -> Edited:
    before = into.ticket
    fields = before
    if kept.counts:
        start, clock = _clock(kept.own, [*_alike(kept, into.merges), kept])
        fields = replace(before, cycle_started_at=start, clock=clock)
    fields = replace(fields, version=before.version + 1)
    changes = _changes(before, fields) | {"merged": (None, kept.ticket), "waits_since": (None, kept.waits_since)}
    if kept.waits_since is None or before.state in OURS:
        return Edited(before, fields, fields, changes)
    opened = replace(fields, state="open", solved_at=None, pending_since=None, version=fields.version + 1)
    return Edited(before, fields, opened, changes)


def _own(into: Part) -> Own:
    """What it would be without any merge, as far as nothing else has changed it since."""
    now = Own.of(into.ticket)
    if not into.merges:
        return now
    last = into.merges[-1]
    if _by_merges(into.ticket, last, into.merges):
        now = replace(now, start=last.own.start, clock=last.own.clock)
    if into.untouched and now.state == "open":
        now = replace(last.own, start=now.start, clock=now.clock)
    return now


def _alike(merge: Merge, others: Sequence[Merge]) -> list[Merge]:
    """Merges whose messages are in the same clock."""
    clock = (merge.cycle, merge.own.start, merge.own.clock)
    return [one for one in others if (one.cycle, one.own.start, one.own.clock) == clock]


def _by_merges(into: Ticket, merge: Merge, others: Sequence[Merge]) -> bool:
    """Whether nothing but merges has moved the clock that this one is in."""
    clock = _clock(merge.own, _alike(merge, others))
    return merge.cycle == into.cycle and (into.cycle_started_at, into.clock) == clock


def _clock(own: Own, merges: Sequence[Merge]) -> tuple[datetime, Clock]:
    brought = [one.waits_since for one in merges if one.counts and one.waits_since is not None]
    if not brought:
        return own.start, own.clock
    return min([*brought, own.start] if own.clock == "runs" else brought), "runs"


def undo(one: Ticket, into: Part, now: datetime) -> tuple[Edited, Edited]:
    """Both tickets without the merge; what was said since stays where it was said.

    Raises NotMerged, MergedFurther or UndoTooLate.
    """
    merge = next((kept for kept in into.merges if kept.ticket == one.id), None)
    if one.merged_into is None or merge is None:
        raise NotMerged(one)
    if into.ticket.merged_into is not None:
        raise MergedFurther(into.ticket)
    if now - merge.at > UNDO_FOR:
        raise UndoTooLate(merge.at)
    snoozed = merge.snoozed_until if merge.snoozed_until is not None and merge.snoozed_until > now else None
    fields = replace(one, merged_into=None, clock=merge.was.clock, snoozed_until=snoozed, version=one.version + 1)
    return Edited(one, fields, merge.was.stated(fields), _changes(one, fields)), _gave(into, merge)


def _gave(into: Part, merge: Merge) -> Edited:
    before, staying = into.ticket, [one for one in into.merges if one is not merge]
    fields = before
    if before.state != "closed" and _by_merges(before, merge, into.merges):
        start, clock = _clock(merge.own, _alike(merge, staying))
        fields = replace(before, cycle_started_at=start, clock=clock)
    fields = replace(fields, version=before.version + 1)
    changes = _changes(before, fields) | {"merged": (merge.ticket, None), "waits_since": (merge.waits_since, None)}
    waits = any(one.waits_since is not None for one in staying)
    if not into.untouched or waits or before.state != "open" or merge.own.state in (*OURS, "closed"):
        return Edited(before, fields, fields, changes)
    return Edited(before, fields, merge.own.stated(fields), changes)


def _changes(before: Ticket, after: Ticket) -> dict[str, tuple[Any, Any]]:
    names = ("merged_into", "clock", "snoozed_until", "cycle_started_at")
    return {name: (was, is_) for name in names if (was := getattr(before, name)) != (is_ := getattr(after, name))}

"""Changing a ticket's fields: what somebody wants, and what it makes of the ticket (product.md T1, T7)."""

from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, Final

from services.tickets.domain.ticket import Clock, Ticket, change_state
from shared.contracts.ticket_events import Priority, State
from shared.errors import Conflict, Invalid

TAGS_MAX = 50


class Unset:
    """The field is to stay as it is."""


UNSET: Final = Unset()


class ClosedToChanges(Conflict):
    """A closed ticket is history: nothing of it is changed but its tags, and a mark of spam that was a mistake."""

    def __init__(self, ticket: Ticket, changed: str) -> None:
        super().__init__(
            f"ticket {ticket.id} is closed; its {changed} stays as it is (tags may be changed, and spam unmarked)",
            reason="ticket_closed",
        )


@dataclass(frozen=True, slots=True)
class Edit:
    """What somebody wants of a ticket; what is UNSET stays."""

    state: State | Unset = UNSET
    priority: Priority | Unset = UNSET
    intent: str | Unset | None = UNSET
    language: str | Unset | None = UNSET
    subject: str | Unset | None = UNSET
    order_name: str | Unset | None = UNSET
    snoozed_until: datetime | Unset | None = UNSET
    spam: bool | Unset = UNSET
    clock: Clock | Unset = UNSET
    """`void` where no reply is needed."""
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()

    @property
    def named(self) -> frozenset[str]:
        """The fields it is about, as If-Match asks for them; tags are never in anybody's way."""
        return frozenset(name for name in _PLAIN | {"state"} if getattr(self, name) is not UNSET)


_PLAIN = {field.name for field in fields(Edit)} - {"state", "add_tags", "remove_tags"}


@dataclass(frozen=True, slots=True)
class Edited:
    """The ticket before, with its changed fields, and at the end, where its state moved too.

    `changes` holds what each changed field was and is; it is empty where only the state moved, or nothing.
    """

    before: Ticket
    fields: Ticket
    ticket: Ticket
    changes: dict[str, tuple[Any, Any]]

    @property
    def moved(self) -> bool:
        """Whether the state is another one."""
        return self.ticket.state != self.before.state


def edit(ticket: Ticket, wanted: Edit, now: datetime) -> Edited:
    """Change the fields, then the state: a version for each; what is as wanted already is no change.

    Marking as spam solves and ends a snooze; taking the mark away reopens what is not closed. Whoever snoozes a pending
    ticket looks again when it wakes: it waits anew from then on. Raises ClosedToChanges, TransitionRefused, or Invalid
    where a snooze would end in the past or there would be too many tags.
    """
    after = replace(ticket, **{n: value for n in _PLAIN if (value := getattr(wanted, n)) is not UNSET})
    after = replace(after, tags=_tags(ticket, wanted))
    if ticket.clock == "agent-began":
        after = replace(after, clock=ticket.clock)
    state = wanted.state
    if after.spam != ticket.spam:
        after = replace(after, snoozed_until=None, clock=_clock_of_spam(after))
        state = _of_spam(after, state)
    if ticket.snoozed_until is not None and after.snoozed_until is None and after.state == "pending":
        after = replace(after, pending_since=now)
    _require_use(wanted.snoozed_until, ticket.state if isinstance(state, Unset) else state, now)
    changes = {
        name: (was, is_)
        for name in sorted(_PLAIN | {"tags"})
        if (was := getattr(ticket, name)) != (is_ := getattr(after, name))
    }
    kept = changes.keys() - {"tags"} - ({"spam", "clock"} if ticket.spam and not after.spam else set())
    if ticket.state == "closed" and kept:
        raise ClosedToChanges(ticket, min(kept))
    changed = replace(after, version=ticket.version + 1) if changes else ticket
    moves = not isinstance(state, Unset) and state != ticket.state
    done = change_state(changed, state, now) if moves and not isinstance(state, Unset) else changed
    return Edited(ticket, changed, done, changes)


def _require_use(snoozed_until: datetime | Unset | None, state: State, now: datetime) -> None:
    if not isinstance(snoozed_until, datetime):
        return
    if snoozed_until <= now:
        raise Invalid(f"a snooze ends later than now; {snoozed_until.isoformat()} has passed", reason="in_the_past")
    if state in ("solved", "closed"):
        raise Invalid(f"a ticket that is {state} waits for nobody; snooze one that is open", reason="nothing_to_snooze")


def _tags(ticket: Ticket, wanted: Edit) -> tuple[str, ...]:
    tags = tuple(sorted((set(ticket.tags) | set(wanted.add_tags)) - set(wanted.remove_tags)))
    if len(tags) > TAGS_MAX and len(tags) > len(ticket.tags):
        raise Invalid(f"a ticket has at most {TAGS_MAX} tags; this one would have {len(tags)}", reason="too_many_tags")
    return tags


def _clock_of_spam(after: Ticket) -> Clock:
    """Spam voids a clock that runs; a cycle that the desk began has none."""
    if after.clock == "agent-began":
        return after.clock
    return "void" if after.spam else "runs"


def _of_spam(after: Ticket, state: State | Unset) -> State | Unset:
    if not isinstance(state, Unset):
        return state
    if after.spam:
        return "solved" if after.state not in ("solved", "closed") else UNSET
    return "open" if after.state == "solved" else UNSET

"""What a rule's or a macro's actions make of a ticket's fields; what cannot be is refused, and the rest is done."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from services.tickets.domain.editing import Edit, Edited, edit
from services.tickets.domain.ticket import Ticket
from shared.contracts.actions import (
    AddTags,
    MarkSpam,
    RemoveTags,
    SetIntent,
    SetPriority,
    SetState,
    Snooze,
)
from shared.errors import Refused


@dataclass(frozen=True, slots=True)
class Refusal:
    """An action that could not be done, by its place, and why."""

    action: int
    reason: str


@dataclass(frozen=True, slots=True)
class Doing:
    """The edit that the actions ask for together, and the ticket after it."""

    edit: Edit
    edited: Edited
    refused: tuple[Refusal, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether the ticket is otherwise after it."""
        return self.edited.ticket is not self.edited.before


def do(ticket: Ticket, actions: Sequence[Any], now: datetime) -> Doing:
    """The field actions of `actions`, one after the other, in one edit; later ones win."""
    wanted, refused = Edit(), []
    edited = edit(ticket, wanted, now)
    for number, action in enumerate(actions):
        trial = _with(wanted, action, now)
        if trial is wanted:
            continue
        try:
            edited = edit(ticket, trial, now)
        except Refused as refusal:
            refused.append(Refusal(number, refusal.reason))
            continue
        wanted = trial
    return Doing(wanted, edited, tuple(refused))


def _with(wanted: Edit, action: Any, now: datetime) -> Edit:
    """The edit with an action; the same where the action is about no field."""
    if isinstance(action, AddTags):
        add = tuple(dict.fromkeys((*wanted.add_tags, *action.tags)))
        return replace(wanted, add_tags=add, remove_tags=_without(wanted.remove_tags, action.tags))
    if isinstance(action, RemoveTags):
        gone = tuple(dict.fromkeys((*wanted.remove_tags, *action.tags)))
        return replace(wanted, remove_tags=gone, add_tags=_without(wanted.add_tags, action.tags))
    field = _FIELDS.get(type(action))
    return replace(wanted, **field(action, now)) if field is not None else wanted


_FIELDS: dict[type, Callable[[Any, datetime], dict[str, Any]]] = {
    SetPriority: lambda action, _: {"priority": action.priority},
    SetState: lambda action, _: {"state": action.state},
    SetIntent: lambda action, _: {"intent": action.intent},
    Snooze: lambda action, now: {"snoozed_until": now + timedelta(minutes=action.minutes)},
    MarkSpam: lambda _, __: {"spam": True},
}


def _without(tags: tuple[str, ...], gone: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(tag for tag in tags if tag not in gone)

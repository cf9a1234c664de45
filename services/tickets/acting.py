"""The one way to change a ticket's fields: people, rules and timers come here, many at a time in one transaction.

Every change is a version, an event, a line on the timeline and, with the event, a row of the audit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.tickets import facts
from services.tickets.domain.editing import Edit, Edited, edit
from services.tickets.domain.ticket import Ticket
from services.tickets.repo import messages, tickets, timers
from services.tickets.repo.messages import Happening
from services.tickets.repo.timers import Timer
from services.tickets.telling import Because, say
from shared.bus import Context
from shared.errors import NotFound, PreconditionFailed, Refused
from shared.identity import Identity

Key = tuple[str, UUID]
SNOOZE = "snooze"
"""The kind of the timers that end snoozes (waking.py)."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who changes a ticket: a person or a program over the API, a rule, or a timer."""

    name: str
    """`user/…`, `key/…`, `rule/vip`, `timer/snooze`: what the audit shows."""
    agent: str | None = None
    shops: tuple[str, ...] = ()
    """The shops it may see; empty: all."""

    @staticmethod
    def of(who: Identity) -> "Actor":
        """Somebody over the API."""
        return Actor(who.principal, who.agent, who.shops)

    def sees(self, ticket: Ticket) -> bool:
        """Whether the ticket is for it."""
        return not self.shops or ticket.shop in self.shops


@dataclass(frozen=True, slots=True)
class Act:
    """Somebody's edit of one ticket; `because` of an event or a timer, where one made a program do it.

    With `seen`, the version the actor read, the change is refused where one of its fields was changed since.
    """

    actor: Actor
    workspace: str
    ticket: UUID
    edit: Edit
    reason: str
    because: Because | None = None
    seen: int | None = None

    @property
    def key(self) -> Key:
        """The ticket's."""
        return self.workspace, self.ticket


async def act(tx: asyncpg.Connection, ctx: Context, acts: Sequence[Act]) -> list[Ticket | Refused]:
    """Do what is wanted, no more than one act on each ticket; gives the ticket after it, or why it was refused."""
    known = {(ticket.workspace, ticket.id): ticket for ticket in await tickets.by_id(tx, [a.key for a in acts])}
    newer = await messages.changed_since(tx, [(a.key, a.seen) for a in acts if a.seen is not None])
    results: list[Ticket | Refused] = []
    done: list[tuple[Act, Edited]] = []
    for one in acts:
        try:
            edited = _edited(one, known.get(one.key), newer.get(one.key, frozenset()), ctx.now)
        except Refused as refusal:
            results.append(refusal)
            continue
        results.append(edited.ticket)
        if edited.ticket is not edited.before:
            done.append((one, edited))
    await keep(tx, ctx, done)
    return results


def result(outcome: Ticket | Refused) -> Ticket:
    """The ticket after it; raises the refusal where it was refused."""
    if isinstance(outcome, Refused):
        raise outcome
    return outcome


def _edited(one: Act, ticket: Ticket | None, newer: frozenset[str], now: datetime) -> Edited:
    if ticket is None or not one.actor.sees(ticket):
        raise NotFound(f"there is no ticket {one.ticket}")
    met = sorted(newer & one.edit.named)
    if met:
        raise PreconditionFailed(
            f"{', '.join(met)} changed since version {one.seen}; read the ticket again (version {ticket.version})"
        )
    return edit(ticket, one.edit, now)


async def keep(tx: asyncpg.Connection, ctx: Context, done: Sequence[tuple[Act, Edited]]) -> None:
    """Write and tell what was done to tickets that the transaction has locked."""
    if not done:
        return
    await tickets.update(tx, [edited.ticket for _, edited in done])
    lines: list[Happening] = []
    for one, edited in done:
        if edited.changes:
            told = facts.edited(edited, reason=one.reason, by=one.actor.agent)
            say(ctx, edited.fields, told, edited.fields.version, one.actor.name, one.because)
            lines.append(_line(one, edited.fields, "changed", {"changes": _shown(edited)}, ctx.now))
        if edited.moved:
            moved = facts.changed(edited.ticket, was=edited.before.state, reason=one.reason, by=one.actor.agent)
            say(ctx, edited.ticket, moved, edited.ticket.version, one.actor.name, one.because)
            was = {"was": edited.before.state, "state": edited.ticket.state}
            lines.append(_line(one, edited.ticket, "state", was, ctx.now))
    await messages.happened(tx, lines)
    await _snooze(tx, [edited for _, edited in done])


def _line(one: Act, ticket: Ticket, what: str, detail: dict[str, Any], now: datetime) -> Happening:
    said = {"reason": one.reason, "by": one.actor.agent or one.actor.name}
    return Happening(ticket.workspace, ticket.id, ticket.version, what, detail | said, now)


def _shown(edited: Edited) -> dict[str, dict[str, Any]]:
    return {name: {"was": _plain(was), "is": _plain(is_)} for name, (was, is_) in edited.changes.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, UUID) else value


async def _snooze(tx: asyncpg.Connection, done: Sequence[Edited]) -> None:
    """A snooze that was set, moved or ended, as a timer."""
    snoozed = [one.ticket for one in done if "snoozed_until" in one.changes]
    await timers.forget(tx, [(t.workspace, t.id, SNOOZE, "") for t in snoozed if t.snoozed_until is None])
    await timers.put(tx, [Timer(t.workspace, t.id, SNOOZE, t.snoozed_until) for t in snoozed if t.snoozed_until])

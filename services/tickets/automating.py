"""Tickets' own events start rules: read from the log, so that rules cost a customer's message nothing on its way in."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import asyncpg

from services.tickets.domain.rules.engine import Known
from services.tickets.domain.rules.triggers import Setting, Timed, began_at, due_at, happened, name_of, sets
from services.tickets.domain.ticket import Ticket
from services.tickets.opening_hours import of_shop
from services.tickets.repo import tickets, timers
from services.tickets.repo.timers import Name, Timer
from services.tickets.rulebook import rules_of
from services.tickets.running import Job, Key, run_jobs
from shared.bus import Context
from shared.contracts.envelope import Event
from shared.contracts.ticket_events import TicketEvent
from shared.errors import MayPass

RULE = "rule"
"""The kind of the timers that start rules (waiting.py)."""
OLDEST = timedelta(days=1)
"""What happened longer ago starts nothing: a log that is read again from its start must not answer old customers."""
COME_BACK_S = 60
"""A ticket that a restored database has forgotten comes back with its message, which is read again beside this."""

_awaited: dict[UUID, float] = {}


@dataclass(slots=True)
class Timing:
    """The last word of a batch on each time that rules wait for."""

    ctx: Context
    words: dict[Name, tuple[Setting, Timer | None]] = field(default_factory=dict)

    def hear(self, known: Known, trigger: Timed, event: Event[TicketEvent]) -> None:
        """What an event means for a rule's trigger."""
        does = sets(trigger, event.data)
        if does is None:
            return
        name = (event.workspace, event.data.ticket, RULE, f"{known.id}/{name_of(trigger)}")
        before = self.words.get(name)
        if does == "start" and before is not None:
            if before[0] != "end":
                return
            does = "restart"
        timer = None if does == "end" else self._timer(name, trigger, event)
        self.words[name] = ("end" if timer is None else does, timer)

    def _timer(self, name: Name, trigger: Timed, event: Event[TicketEvent]) -> Timer | None:
        hours = of_shop(self.ctx.settings, event.workspace, event.shop) if trigger.hours == "business" else None
        due = due_at(trigger, began_at(event.data, event.time), hours.calendar if hours is not None else None)
        return Timer(*name[:3], due, name[3]) if due is not None else None

    def tickets(self) -> set[Key]:
        """The tickets it is about."""
        return {name[:2] for name in self.words}

    async def write(self, tx: asyncpg.Connection, standing: Mapping[Key, Ticket]) -> None:
        """Set and forget timers of tickets that are locked."""
        words = {name: word for name, word in self.words.items() if name[:2] in standing}
        await timers.forget(tx, [name for name, (does, _) in words.items() if does == "end"])
        await timers.start(tx, [timer for does, timer in words.values() if does == "start" and timer])
        await timers.put(tx, [timer for does, timer in words.values() if does == "restart" and timer])


async def take_in(tx: asyncpg.Connection, batch: Sequence[Event[TicketEvent]], ctx: Context) -> None:
    """Run the rules that wait for these events, and set the times that rules wait for."""
    if not ctx.settings.ready():
        raise MayPass("settings are not read yet, so it is not known which rules there are")
    jobs: list[Job] = []
    timing = Timing(ctx)
    for event in batch:
        if ctx.now - event.time > OLDEST:
            continue
        rules = rules_of(ctx.settings, event.workspace)
        place = (event.data.channel, event.data.account, event.shop)
        for known, trigger in rules.timed_at(place):
            timing.hear(known, trigger, event)
        what = happened(event.data)
        asked = rules.waiting_for(what, place)
        if asked:
            chain = event.correlation or event.id
            trigger_ = " ".join(sorted(what.kinds))
            jobs.append(Job(_key(event), event.id, what, trigger_, tuple(asked), chain, event))
    keys = sorted({job.ticket for job in jobs} | timing.tickets())
    if not keys:
        return
    standing = {(ticket.workspace, ticket.id): ticket for ticket in await tickets.by_id(tx, keys)}
    _await((job.event for job in jobs if job.ticket not in standing), time.monotonic())
    await timing.write(tx, standing)
    await run_jobs(tx, ctx, [job for job in jobs if job.ticket in standing], standing)


def _key(event: Event[TicketEvent]) -> Key:
    return event.workspace, event.data.ticket


def _await(events: Iterable[UUID], now_s: float) -> None:
    """Raises MayPass for a while where tickets are not here: after a restore they are on their way."""
    missing = set(events)
    for id_ in [id_ for id_ in _awaited if id_ not in missing]:
        del _awaited[id_]
    if any(now_s - _awaited.setdefault(id_, now_s) < COME_BACK_S for id_ in missing):
        raise MayPass(f"{len(missing)} events are about tickets that this database has forgotten; they are coming back")

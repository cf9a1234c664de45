"""What a transaction told of tickets moves their clocks, in the same transaction (definitions.md).

Whoever changes a ticket tells it, so this is the one place where clocks start, stop and rest. Where a workspace has
never had a policy nothing is read or written, but for the terms of cycles in a shop with a calendar.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from services.tickets import terms
from services.tickets.announcing import GONE, Teller
from services.tickets.domain.clocks import clocks
from services.tickets.domain.evidence import Evidence
from services.tickets.domain.sla import Case
from services.tickets.domain.stopwatch import Terms
from services.tickets.domain.telling import NOTHING, news, outcome_of, rings_at
from services.tickets.domain.ticket import Ticket
from services.tickets.domain.witness import witness
from services.tickets.repo import clocks as repo
from services.tickets.repo.clocks import Key, Rings, Row, Written
from shared.bus import Context
from shared.contracts.envelope import Event, Message
from shared.contracts.ticket_events import ReplySent, TicketEvent, TicketOpened

Pins = dict[tuple[str, Case], tuple[UUID, Written] | None]
"""The terms of cases in a workspace, as they are for this transaction."""


@dataclass(slots=True)
class Clocked:
    """A ticket whose clocks are worked out: what is known of it, what is new, and what is to be kept."""

    key: Key
    teller: Teller
    evidence: Sequence[Evidence]
    before: Mapping[str, Row]
    rung_at: datetime | None = None
    """When its timer was to ring, where it did: everything known by then has been read."""
    new: list[Evidence] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    due_at: datetime | None = None
    """When the first of the clocks that run is due."""
    next_at: datetime | None = None
    """When its timer rings."""


async def settle(tx: asyncpg.Connection, ctx: Context) -> None:
    """Work out the clocks of the tickets that the transaction has told something of, and tell what comes of it."""
    pins: Pins = {}
    said = [(event, found) for event in ctx.unsettled if _may_count(ctx, event.workspace) and (found := witness(event))]
    under: dict[Key, Written] = {}
    new: dict[Key, list[Evidence]] = {}
    causes: dict[Key, Event[Any]] = {}
    for event, found in said:
        key = (event.workspace, event.data.ticket)
        kept = [pinned for one in found if (pinned := _pinned(ctx, event, one, under, pins)) is not None]
        if kept:
            new.setdefault(key, []).extend(kept)
            causes[key] = event
    await _count_replies(tx, ctx)
    if new:
        await _count(tx, ctx, new, causes, under)


async def date(tx: asyncpg.Connection, ctx: Context, tickets: dict[Key, Ticket]) -> None:
    """Give tickets that were opened the moment when they are due, so that they need not be written twice."""
    await ctx.settle(tx)
    for event in ctx.told:
        if isinstance(event.data, TicketOpened) and event.data.due_at is not None:
            key = (event.workspace, event.data.ticket)
            tickets[key] = replace(tickets[key], due_at=event.data.due_at)


def _may_count(ctx: Context, workspace: str) -> bool:
    """Whether anything follows from evidence: without a policy and a calendar it has no terms to count by."""
    return ctx.settings.ever("sla", workspace) or ctx.settings.ever("calendar", workspace)


def _pinned(ctx: Context, event: Event[Any], one: Evidence, under: dict[Key, Written], pins: Pins) -> Evidence | None:
    """The evidence with its terms, where it begins something; None where nothing follows from it."""
    counts = ctx.settings.ever("sla", event.workspace)
    if one.what not in ("began", "terms", "priority"):
        return one if counts else None
    if one.what == "priority" and not _by_priority(ctx, event.workspace):
        return one if counts else None
    said = event.data
    case = (event.workspace, Case(said.priority, said.channel, event.shop))
    if case not in pins:
        pins[case] = terms.now(ctx.settings, *case)
    found = pins[case]
    if found is None:
        return one if counts else None
    under[event.workspace, found[0]] = found[1]
    return replace(one, terms=found[0])


def _by_priority(ctx: Context, workspace: str) -> bool:
    """Whether another priority may mean another policy."""
    return any(one.when.priorities for one in terms.policies(ctx.settings, workspace).values())


async def _count(
    tx: asyncpg.Connection,
    ctx: Context,
    new: Mapping[Key, list[Evidence]],
    causes: Mapping[Key, Event[Any]],
    under: Mapping[Key, Written],
) -> None:
    counted = [key for key in new if ctx.settings.ever("sla", key[0])]
    fresh = {key for key in counted if new[key][0].what == "began" and new[key][0].cycle == 1}
    moved = sorted(key for key in counted if any(one.what != "held" for one in new[key]))
    work = [
        Clocked(key, Teller.after(ctx, causes[key]), known, before, new=new[key])
        for key, (known, before) in (await standing(tx, moved, fresh)).items()
    ]
    begun = [one for one in work if any(e.what == "began" for e in (*one.evidence, *one.new))]
    await work_out(tx, begun)
    carry(ctx, begun)
    kept = {one.key for one in begun} | (new.keys() - set(moved))
    await repo.write(tx, under, [(key, e) for key in sorted(kept) for e in new[key]], *_kept(begun))


async def _count_replies(tx: asyncpg.Connection, ctx: Context) -> None:
    """The business time of replies, by the calendar in the version valid when their cycle began."""
    replies = [e for e in ctx.unsettled if isinstance(e.data, ReplySent)]
    replies = [e for e in replies if ctx.settings.ever("calendar", e.workspace)]
    if not replies:
        return
    began = await repo.of_cycles(tx, [(e.workspace, e.data.ticket, e.data.reply_cycle) for e in replies])
    amended: dict[UUID, Message] = {}
    for event in replies:
        said = event.data
        under = began.get((event.workspace, said.ticket, said.reply_cycle))
        valid = (await terms.known(tx, event.workspace, [under])).get(under) if under is not None else None
        if valid is not None:
            start = said.replied_at - timedelta(seconds=said.since_start_s)
            counted = {
                "business_since_start_s": valid.elapsed_s(start, said.replied_at),
                "calendar": valid.calendar,
                "calendar_version": valid.calendar_version,
            }
            amended[event.id] = said.model_copy(update=counted)
    ctx.amend(amended)


def carry(ctx: Context, work: Sequence[Clocked]) -> None:
    """Say in all events of these tickets when they are due now."""
    due = {one.key: one.due_at for one in work}
    ctx.amend(
        {
            event.id: event.data.model_copy(update={"due_at": due[event.workspace, event.data.ticket]})
            for event in ctx.told
            if isinstance(event.data, TicketEvent) and (event.workspace, event.data.ticket) in due
        }
    )


async def standing(
    tx: asyncpg.Connection, keys: Sequence[Key], fresh: Set[Key] = frozenset()
) -> dict[Key, tuple[list[Evidence], dict[str, Row]]]:
    """What is known of these tickets and their clocks; of fresh ones that is nothing."""
    asked = [key for key in keys if key not in fresh]
    known, rows = await repo.evidence(tx, asked), await repo.of_tickets(tx, asked)
    return {key: (known.get(key, []), rows.get(key, {})) for key in keys}


async def work_out(tx: asyncpg.Connection, work: Sequence[Clocked]) -> None:
    """Each ticket's clocks from all that is known; tells what is news, and says what is to be kept."""
    for workspace in sorted({one.key[0] for one in work}):
        of_workspace = [one for one in work if one.key[0] == workspace]
        ids = {e.terms for one in of_workspace for e in (*one.evidence, *one.new) if e.terms is not None}
        ids |= {row.terms for one in of_workspace for row in one.before.values()}
        valid = await terms.known(tx, workspace, ids)
        for one in of_workspace:
            _decide(one, valid)


def _decide(one: Clocked, valid: Mapping[UUID, Terms]) -> None:
    evidence = (*one.evidence, *one.new)
    due: list[datetime] = []
    next_: list[datetime] = []
    found = clocks(evidence, valid)
    for clock in found:
        row = one.before.get(clock.name)
        told = row.told if row is not None else NOTHING
        rung = one.rung_at if row is not None and row.next_at is not None and _rings(row.next_at, one) else None
        is_due = rung is not None and clock.due_at is not None and rung >= clock.due_at
        if rung is not None and not is_due and clock.outcome == "runs":
            told = one.teller.warn(clock, told, rung)
        what = news(clock, told, due=is_due)
        if what is not None:
            told = one.teller.decide(what, clock, told, evidence, rung=rung if is_due else None)
        after = Row.of(clock, outcome_of(clock, told), told, rings_at(clock, told))
        if after.outcome == "runs" and after.due_at is not None:
            due.append(after.due_at)
        if after != row or rung is not None:
            one.rows.append(after)
        next_ += [after.next_at] if after.next_at is not None else []
    names = {clock.name for clock in found}
    gone = [_gone(one, row, valid) for name, row in one.before.items() if name not in names]
    one.rows += [row for row in gone if row != one.before[row.name]]
    one.due_at, one.next_at = min(due, default=None), min(next_, default=None)


def _rings(next_at: datetime, one: Clocked) -> bool:
    return one.rung_at is not None and next_at <= one.rung_at


def _gone(one: Clocked, row: Row, valid: Mapping[UUID, Terms]) -> Row:
    told = row.told
    if told.outcome not in (None, "void"):
        told = one.teller.gone(row, valid[row.terms])
    return replace(row, outcome="void", due_at=None, void_reason=row.void_reason or GONE, told=told, next_at=None)


def _kept(work: Sequence[Clocked]) -> tuple[list[tuple[Key, Row]], list[Rings]]:
    rows = [(one.key, row) for one in work for row in one.rows]
    return rows, [Rings(one.key, one.due_at, one.next_at) for one in work]


async def keep(tx: asyncpg.Connection, work: Sequence[Clocked]) -> None:
    """Keep what was worked out without anything new."""
    await repo.write(tx, {}, [], *_kept(work))

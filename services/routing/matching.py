"""One transaction of the matcher: read a part of the queue, let the engine decide, write what it decided."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from services.routing import seating
from services.routing.changes import Changes
from services.routing.config import Config
from services.routing.decided import Excluded, Told, as_waiting, next_due, step_of
from services.routing.domain.engine import Decisions, match_on
from services.routing.domain.floor import Floor
from services.routing.domain.ticket import Ticket
from services.routing.live import LIVE, Desk
from services.routing.opening import Opened, open_to_match
from services.routing.repo import decisions, tickets, workspaces
from services.routing.repo.tickets import FIRST, Place
from shared.bus import Context
from shared.service import Runtime
from shared.telemetry import metrics


@dataclass(slots=True)
class Pass:
    """One walk through a workspace's queue, from its head on, a transaction a part."""

    workspace: str
    forced: bool = False
    """Settings changed: match although the workspace is not marked."""
    whole: bool = True
    """Look at every ticket; else only at those that no match has looked at: for the others nothing has changed."""
    after: Place = FIRST
    due_at: datetime | None = None
    done: bool = False


async def match_part(runtime: Runtime, walk: Pass) -> None:
    """Match the next part of the queue; `walk.done` where it was the last, or where there is nothing to do."""
    config = runtime.config
    assert isinstance(config, Config)
    async with runtime.work() as (tx, ctx):
        opened = await open_to_match(tx, ctx, walk.workspace)
        if opened is None or not _wanted(walk, opened):
            walk.done = True
            return
        with metrics.MATCH_SECONDS.time():
            given = await _match(tx, ctx, config, walk, opened)
    for mode in given:
        metrics.TICKETS_GIVEN.labels(mode).inc()


def _wanted(walk: Pass, opened: Opened) -> bool:
    """Whether there is anything to do; the head of the queue decides how much."""
    if walk.after != FIRST:
        return True
    row = opened.workspaces[walk.workspace]
    due = row.due_at is not None and row.due_at <= opened.now
    walk.whole = walk.forced or row.dirty or due
    walk.due_at = None if walk.whole else row.due_at
    return walk.whole or row.news


async def _match(tx: asyncpg.Connection, ctx: Context, config: Config, walk: Pass, opened: Opened) -> list[str]:
    desk, head = LIVE.desk(walk.workspace), walk.after == FIRST
    locked = opened.workspaces[walk.workspace]
    seats = await seating.seats(tx, locked)
    floor = Floor(desk.crew, seats, opened.now)
    found = await _read(tx, walk, desk, floor, config.match_page)
    asked_before = any(ticket.version > 1 for ticket in found)
    excluded = await decisions.excluded(tx, walk.workspace, opened.now) if asked_before else {}
    result = match_on(floor, as_waiting(found, desk.needs, excluded, opened.now), most=config.match_most)
    by_id = {ticket.id: ticket for ticket in found}
    changes = Changes(ctx, opened.now, {(ticket.workspace, ticket.id): ticket for ticket in found})
    await _write(tx, changes, walk.workspace, by_id, result)
    _go_on(walk, found, result, config.match_page)
    _note_due(walk, [by_id[not_yet.ticket.id] for not_yet in result.waiting], desk, excluded, opened.now)
    due_at = walk.due_at if walk.done else opened.now  # where we die between parts, another replica goes on at once
    await workspaces.matched(tx, walk.workspace, due_at=due_at, whole=walk.whole, head=head)
    ctx.after_commit(lambda: seating.keep(locked, floor.seated(seats)))
    return [given.ticket.need.mode for given in result.given]


async def _read(tx: asyncpg.Connection, walk: Pass, desk: Desk, floor: Floor, limit: int) -> list[Ticket]:
    """The next tickets in order of service; where nobody has room, behind the head only those without a reason."""
    full = not floor.roomy(desk.needs.lightest()) & floor.available
    unexplained = not walk.whole or (full and not walk.forced and walk.after != FIRST)
    return await tickets.waiting(tx, walk.workspace, after=walk.after, limit=limit, unexplained=unexplained)


async def _write(
    tx: asyncpg.Connection, changes: Changes, workspace: str, by_id: dict[UUID, Ticket], result: Decisions
) -> None:
    told = Told()
    for given in result.given:
        changes.step(step_of(by_id[given.ticket.id], given, changes.now), why=told.why(given))
    reasons = []
    for not_yet in result.waiting:
        ticket = by_id[not_yet.ticket.id]
        if ticket.waiting_reason is None:
            changes.tell_waiting(ticket)
        if ticket.waiting_reason != not_yet.reason:
            changes.waits(ticket, not_yet.reason, told.refusals(not_yet.refusals))
            reasons.append((ticket.id, not_yet.reason))
    await tickets.set_reasons(tx, workspace, reasons)
    await changes.save(tx)


def _go_on(walk: Pass, found: Sequence[Ticket], result: Decisions, page: int) -> None:
    looked_at = len(found) - len(result.left)
    walk.done = not looked_at or (not result.left and len(found) < page)
    if not walk.done:
        last = found[looked_at - 1]
        assert last.enqueued_at is not None
        walk.after = (last.rank, last.enqueued_at, last.id)


def _note_due(walk: Pass, waiting: Sequence[Ticket], desk: Desk, excluded: Excluded, now: datetime) -> None:
    moments = (walk.due_at, next_due(waiting, desk.needs, excluded, now))
    walk.due_at = min((moment for moment in moments if moment is not None), default=None)

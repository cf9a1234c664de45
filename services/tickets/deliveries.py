"""How far answers have come: notify's word moves a message up, and tells when a human reply counts (definitions.md).

A receipt is no change of the ticket: it bumps no version, and the reply's events have the message as their subject.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.tickets import facts, opening_hours
from services.tickets.domain.answering import TAKEN, moves_up
from services.tickets.domain.ticket import Ticket
from services.tickets.repo import answers, names, tickets
from services.tickets.repo.answers import Key, Sent
from services.tickets.repo.names import Holder, Name
from shared.bus import Context
from shared.contracts import settings
from shared.contracts.delivery_events import Delivery, DeliveryChanged
from shared.contracts.envelope import Event
from shared.contracts.ticket_events import ReplyFailed, ReplySent

Told = Event[DeliveryChanged]


async def take_in(tx: asyncpg.Connection, batch: Sequence[Told], ctx: Context) -> None:
    """Move messages up; what is about messages that are not here yet waits for them."""
    if not batch:
        return
    named = {(e.workspace, one): e.data.message for e in batch for one in e.data.provider_hashes or ()}
    echoed = await names.claim(tx, named)
    of = {(event.workspace, event.data.ticket) for event in batch}
    known = {(ticket.workspace, ticket.id): ticket for ticket in await tickets.by_id(tx, sorted(of))}
    rows = await answers.lock(tx, sorted({_key(event) for event in batch}))
    moved: set[Key] = set()
    early: list[Told] = []
    for event in batch:
        row = rows.get(_key(event))
        if row is None:
            early.append(event)
        elif (event.version or 0) > row.version:
            rows[_key(event)] = _moved(ctx, row, event, known.get((event.workspace, row.ticket)))
            moved.add(_key(event))
    await answers.move(tx, [rows[key] for key in sorted(moved)])
    await _take_back(tx, batch, {name: (holder, named[name]) for name, holder in echoed.items()}, ctx)
    await answers.keep(tx, early)


async def _take_back(
    tx: asyncpg.Connection, batch: Sequence[Told], echoed: Mapping[Name, tuple[Holder, UUID]], ctx: Context
) -> None:
    """What was taken for an answer written elsewhere is the echo of one of ours: a copy of it, and no reply."""
    if not echoed:
        return
    causes = {(event.workspace, event.data.message): event for event in batch}
    rows = await answers.lock(tx, sorted({(name[0], holder.message) for name, (holder, _) in echoed.items()}))
    known = await tickets.by_id(tx, sorted({(row.workspace, row.ticket) for row in rows.values()}))
    on = {(ticket.workspace, ticket.id): ticket for ticket in known}
    for (workspace, _), (holder, message) in sorted(echoed.items()):
        row, cause = rows.get((workspace, holder.message)), causes[workspace, message]
        if row is None or row.replied_at is None or (ticket := on.get((workspace, row.ticket))) is None:
            continue
        failed = ReplyFailed(**_carried(ctx, row, ticket), failed_at=row.replied_at)
        ctx.emit(failed, cause=cause, version=row.version + 1, shop=ticket.shop)
    copies = {(name[0], holder.message): message for name, (holder, message) in echoed.items()}
    await names.give(tx, {name: message for name, (_, message) in echoed.items()}, copies)


async def catch_up(
    tx: asyncpg.Connection, ctx: Context, ticket: Ticket | None, key: Key, early: Sequence[Told]
) -> None:
    """Follow what notify had said of a message that is written again after a restore; the facts keep their ids."""
    row = (await answers.lock(tx, [key]))[key]
    for event in early:
        row = _moved(ctx, row, event, ticket)
    await answers.move(tx, [row])


def _key(event: Told) -> Key:
    return (event.workspace, event.data.message)


def _moved(ctx: Context, row: Sent, event: Told, ticket: Ticket | None) -> Sent:
    said, before = event.data, _delivery(row)
    if not moves_up(before, said.state):
        return replace(row, version=event.version or row.version)
    after = replace(row, delivery=said.state, version=event.version or 0, at=said.at, reason=said.reason)
    if ticket is None or row.by is None or row.cycle_started_at is None or row.note:
        return after
    if said.state in TAKEN and row.replied_at is None:
        ctx.emit(reply_sent(ctx, row, ticket, said.at), cause=event, version=after.version, shop=ticket.shop)
        return replace(after, replied_at=said.at)
    if said.state == "failed" and row.replied_at is not None:
        ctx.emit(
            ReplyFailed(**_carried(ctx, row, ticket), failed_at=said.at),
            cause=event,
            version=after.version,
            shop=ticket.shop,
        )
        return replace(after, replied_at=None)
    return after


def _delivery(row: Sent) -> Delivery:
    return row.delivery or "queued"  # type: ignore[return-value]  # the table holds nothing else


def _carried(ctx: Context, row: Sent, ticket: Ticket) -> dict[str, Any]:
    agent = ctx.settings.get("agent", ticket.workspace, row.by or "")
    team = agent.team if isinstance(agent, settings.Agent) else None
    of_reply = {"message": row.id, "by": row.by, "team": team, "reply_cycle": row.cycle or 1}
    return facts.carried(ticket) | of_reply


def reply_sent(ctx: Context, row: Sent, ticket: Ticket, replied_at: datetime) -> ReplySent:
    """What the reply took, in calendar time and in the shop's business time, from the start of its cycle."""
    start = row.cycle_started_at or replied_at
    hours = opening_hours.of_shop(ctx.settings, ticket.workspace, ticket.shop)
    elapsed = max(0, int((replied_at - start).total_seconds()))
    return ReplySent(
        **_carried(ctx, row, ticket),
        replied_at=replied_at,
        since_start_s=elapsed,
        business_since_start_s=elapsed if hours is None else hours.calendar.business_seconds(start, replied_at),
        calendar=None if hours is None else hours.name,
        calendar_version=None if hours is None else hours.version,
    )

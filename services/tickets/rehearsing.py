"""A rule is tried on what has happened: a page of tickets with what it would have done, and nothing is changed."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID

import asyncpg

from services.tickets.domain.rules.engine import Known
from services.tickets.domain.rules.replay import Words, Would, replay
from services.tickets.domain.ticket import Ticket
from services.tickets.opening_hours import of_shop
from services.tickets.repo import reads
from services.tickets.repo import rules as repo
from shared.bus import codec
from shared.bus.settings import SettingsReader
from shared.contracts.envelope import Event
from shared.contracts.ticket_events import TicketEvent
from shared.identity import Identity

EVENTS_MAX = 200
"""Of one ticket, the newest: a rule is not tried on a conversation of years."""
MESSAGES_MAX = 100


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What the rule would have done on a page of tickets; `passed_over` counts why it would not have."""

    tickets: int
    would: list[tuple[UUID, Would]]
    passed_over: Counter[str]
    next: tuple[datetime, UUID] | None


@dataclass(frozen=True, slots=True)
class Span:
    """Which tickets are looked at: active since, before the place where the page before ended."""

    since: datetime
    now: datetime
    before: tuple[datetime, UUID]
    most: int


async def rehearse(
    connection: asyncpg.Connection, reader: SettingsReader, who: Identity, known: Known, span: Span
) -> Rehearsal:
    """Try the rule on one page of tickets that the caller may see."""
    rows = await repo.past(
        connection, who.workspace, since=span.since, shops=who.shops, before=span.before, most=span.most + 1
    )
    shown = rows[: span.most]
    found = await reads.several(connection, who.workspace, [row["id"] for row in shown])
    records = await repo.history(connection, list(found), EVENTS_MAX)
    said = await repo.words(connection, who.workspace, list(found), MESSAGES_MAX) if known.reads_messages else {}
    would = await asyncio.to_thread(_replay, reader, known, span, found, records, said)
    over = Counter(one.outcome.why_not for _, one in would if one.outcome.why_not is not None)
    return Rehearsal(
        tickets=len(shown),
        would=[(ticket, one) for ticket, one in would if one.outcome.matched],
        passed_over=over,
        next=(shown[-1]["active_at"], shown[-1]["id"]) if len(rows) > span.most else None,
    )


def _replay(
    reader: SettingsReader,
    known: Known,
    span: Span,
    tickets: Mapping[UUID, Ticket],
    records: Mapping[UUID, Sequence[bytes]],
    said: Mapping[UUID, Sequence[tuple[datetime, str, bool, bool, str]]],
) -> list[tuple[UUID, Would]]:
    found: list[tuple[UUID, Would]] = []
    for id_, ticket in tickets.items():
        history = _events(records.get(id_, ()))
        words = [Words(*one) for one in said.get(id_, ())]
        hours = of_shop(reader, ticket.workspace, ticket.shop)
        would = replay(
            known,
            ticket,
            history,
            words,
            calendar=hours.calendar if hours is not None else None,
            since=span.since,
            now=span.now,
        )
        found += [(id_, one) for one in would]
    return found


def _events(records: Sequence[bytes]) -> list[Event[TicketEvent]]:
    decoded = (codec.decode(TicketEvent.TOPIC, record, ()) for record in records)
    return [cast("Event[TicketEvent]", event) for event in decoded if event is not None]

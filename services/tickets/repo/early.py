"""Routing's events about tickets that are not here: after a restore the log may know more than the database.

Two batches may miss each other: one does not see a ticket that the other is about to commit, and that one does not see
the event that the first is about to keep. So whoever opens tickets takes a lock that such batches share, and whoever
keeps an event takes it alone, then looks once more. Both take it after all their row locks, so neither waits in a ring.
"""

from collections.abc import Sequence
from typing import cast
from uuid import UUID

import asyncpg

from shared.bus import codec
from shared.contracts.envelope import Event
from shared.contracts.routing_events import RoutingEvent
from shared.errors import MayPass

OPENING = "select pg_advisory_xact_lock_shared(hashtext('early_routing'), 2)"
"""Taken by the statement that inserts tickets."""
_KEEPING = "select pg_advisory_xact_lock(hashtext('early_routing'), 2)"
_ARRIVED = """
    select true from tickets join unnest($1::text[], $2::uuid[]) as u(workspace, id) using (workspace, id) limit 1
"""
_KEEP = """
    insert into early_routing(workspace, ticket, version, record, trace)
    select * from unnest($1::text[], $2::uuid[], $3::int[], $4::bytea[], $5::text[])
    on conflict do nothing
"""
_TAKE = """
    delete from early_routing e using unnest($1::text[], $2::uuid[]) as u(workspace, ticket)
    where e.workspace = u.workspace and e.ticket = u.ticket
    returning e.workspace, e.ticket, e.version, e.record, e.trace
"""

Key = tuple[str, UUID]


async def keep(tx: asyncpg.Connection, events: Sequence[Event[RoutingEvent]]) -> None:
    """Keep events until their tickets arrive; raises MayPass where one has arrived meanwhile."""
    if not events:
        return
    await tx.execute(_KEEPING)
    workspaces, ids = [event.workspace for event in events], [event.data.ticket for event in events]
    if await tx.fetchval(_ARRIVED, workspaces, ids):
        raise MayPass("a ticket arrived while routing's event about it was being kept; both are seen the next time")
    versions = [event.version or 0 for event in events]
    records = [codec.encode(event) for event in events]
    await tx.execute(_KEEP, workspaces, ids, versions, records, [event.trace for event in events])


async def take(tx: asyncpg.Connection, keys: Sequence[Key]) -> list[Event[RoutingEvent]]:
    """What came early about tickets that were just inserted, each ticket's events in their order."""
    if not keys:
        return []
    rows = await tx.fetch(_TAKE, [key[0] for key in keys], [key[1] for key in keys])
    return [_read(row) for row in sorted(rows, key=lambda row: (row["workspace"], row["ticket"], row["version"]))]


def _read(row: asyncpg.Record) -> Event[RoutingEvent]:
    event = codec.decode(RoutingEvent.TOPIC, row["record"], codec.trace_header(row["trace"]))
    assert event is not None and isinstance(event.data, RoutingEvent)
    return cast("Event[RoutingEvent]", event)

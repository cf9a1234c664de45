"""Routing's decisions about tickets that are not here: after a restore the log may know more than the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg
import orjson

from shared.contracts.registry import MESSAGES
from shared.contracts.routing_events import RoutingEvent

_KEEP = """
    insert into early_routing(workspace, ticket, version, event)
    select * from unnest($1::text[], $2::uuid[], $3::int[], $4::jsonb[])
    on conflict (workspace, ticket) do update set version = excluded.version, event = excluded.event
    where early_routing.version < excluded.version
"""
_TAKE = """
    delete from early_routing e using unnest($1::text[], $2::uuid[]) as u(workspace, ticket)
    where e.workspace = u.workspace and e.ticket = u.ticket
    returning e.workspace, e.ticket, e.version, e.event::text
"""


@dataclass(frozen=True, slots=True)
class Early:
    """The newest routing event of a ticket that has not arrived."""

    workspace: str
    version: int
    event: RoutingEvent


async def meet(tx: asyncpg.Connection, *, opening: bool) -> None:
    """Keep whoever opens tickets apart from whoever found none, so that neither misses what the other is writing.

    Those who open (shared) do not wait for each other; where a decision finds no ticket (rare), it waits for them
    and must look again.
    """
    lock = "pg_advisory_xact_lock_shared" if opening else "pg_advisory_xact_lock"
    await tx.execute(f"select {lock}(hashtext('early_routing'), 2)")


async def keep(tx: asyncpg.Connection, early: Sequence[Early]) -> None:
    """Keep them until their tickets arrive; one per ticket."""
    if early:
        await tx.execute(
            _KEEP,
            [one.workspace for one in early],
            [one.event.ticket for one in early],
            [one.version for one in early],
            [orjson.dumps({"type": one.event.TYPE, **one.event.model_dump(mode="json")}).decode() for one in early],
        )


async def take(tx: asyncpg.Connection, keys: Sequence[tuple[str, UUID]]) -> dict[tuple[str, UUID], Early]:
    """What was known early of tickets that arrive now."""
    rows = await tx.fetch(_TAKE, [key[0] for key in keys], [key[1] for key in keys]) if keys else []
    return {(row["workspace"], row["ticket"]): _read(row) for row in rows}


def _read(row: asyncpg.Record) -> Early:
    content = orjson.loads(row["event"])
    event = MESSAGES[content["type"]].model_validate(content)
    assert isinstance(event, RoutingEvent)
    return Early(row["workspace"], row["version"], event)

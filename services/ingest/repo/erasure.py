"""SQL of forgetting: tombstones, and the requests of people who were erased."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast
from uuid import UUID

import asyncpg

from shared.bus import codec
from shared.contracts.envelope import Event
from shared.contracts.raw_inbound import RawReceived
from shared.contracts.topics import RAW_INBOUND
from shared.errors import Refused as Unreadable

AT_ONCE = 50

# Who files a request shares the lock, who sets tombstones takes it alone: neither misses what the other writes.
_FILING = "select pg_advisory_xact_lock_shared(hashtext('ingest.tombstones'), 2)"
_BURYING = "select pg_advisory_xact_lock(hashtext('ingest.tombstones'), 2)"
_BURY = """
    insert into tombstones as t (workspace, hmac, before)
    select * from unnest($1::text[], $2::text[], $3::timestamptz[])
    on conflict (workspace, hmac) do update set before = greatest(t.before, excluded.before)
"""
_QUARANTINED = """
    select workspace, id, channel, account, headers::text as headers, body, blob, received_at from quarantine
    where workspace = $1
"""
_LETTERS = "select id, record, headers::text as headers from dead_letters where topic = $1 order by id for update"


@dataclass(frozen=True, slots=True)
class Refused:
    """A request that could not be read; `letter` is its number where it is a dead letter."""

    workspace: str
    id: UUID
    channel: str
    account: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    blob: str | None
    received_at: datetime
    letter: int | None = None


def of(raw: Event[RawReceived], letter: int | None = None) -> Refused:
    """A record as it would be kept."""
    said = raw.data
    return Refused(
        raw.workspace, raw.id, said.channel, said.account, said.headers, said.body, said.blob, raw.time, letter
    )


async def bury(tx: asyncpg.Connection, tombstones: Sequence[tuple[str, str, datetime]]) -> None:
    """Set tombstones, as (workspace, HMAC, before); each once."""
    if tombstones:
        await tx.execute(_BURYING)
        await tx.execute(_BURY, *(list(column) for column in zip(*sorted(tombstones), strict=True)))


async def buried(tx: asyncpg.Connection, workspaces: Sequence[str]) -> dict[tuple[str, str], datetime]:
    """The tombstones of these workspaces; no others are set before the transaction ends."""
    if not workspaces:
        return {}
    await tx.execute(_FILING)
    rows = await tx.fetch("select workspace, hmac, before from tombstones where workspace = any($1)", list(workspaces))
    return {(row["workspace"], row["hmac"]): row["before"] for row in rows}


async def quarantined(tx: asyncpg.Connection, workspace: str) -> AsyncIterator[list[Refused]]:
    """Everything in a workspace's quarantine, some at a time."""
    some: list[Refused] = []
    async for row in tx.cursor(_QUARANTINED, workspace, prefetch=AT_ONCE):
        some.append(Refused(**{**dict(row), "headers": json.loads(row["headers"])}))
        if len(some) == AT_ONCE:
            yield some
            some = []
    yield some


async def letters(tx: asyncpg.Connection) -> list[Refused]:
    """The dead letters of raw records, as far as they can be read, locked."""
    found = []
    for row in await tx.fetch(_LETTERS, RAW_INBOUND.name):
        headers = [(name, bytes.fromhex(value)) for name, value in json.loads(row["headers"])]
        try:
            raw = codec.decode(RAW_INBOUND.name, row["record"], headers)
        except Unreadable:
            continue
        if raw is not None:
            found.append(of(cast("Event[RawReceived]", raw), row["id"]))
    return found


async def let_go(tx: asyncpg.Connection, theirs: Sequence[Refused]) -> None:
    """Delete these requests, and account for them."""
    workspaces, ids = [one.workspace for one in theirs], [one.id for one in theirs]
    await tx.execute(
        """
        delete from quarantine q using unnest($1::text[], $2::uuid[]) as u(workspace, id)
        where q.workspace = u.workspace and q.id = u.id
        """,
        workspaces,
        ids,
    )
    await tx.execute(
        """
        insert into erased_requests(workspace, id) select * from unnest($1::text[], $2::uuid[]) on conflict do nothing
        """,
        workspaces,
        ids,
    )
    blobs = [one.blob for one in theirs if one.blob is not None]
    await tx.execute("delete from raw_blobs where key = any($1)", blobs)
    await tx.execute("delete from dead_letters where id = any($1)", [one.letter for one in theirs if one.letter])

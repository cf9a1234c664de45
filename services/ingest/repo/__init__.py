"""SQL of ingest: the quarantine of requests that no parser could read, and how long large bodies are kept."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from shared.contracts.envelope import Event
from shared.contracts.raw_inbound import RawReceived

_FILE = """
    insert into quarantine(workspace, id, shop, channel, account, reason, detail, headers, body, blob, received_at)
    select * from unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                         $8::jsonb[], $9::bytea[], $10::text[], $11::timestamptz[])
    on conflict (workspace, id) do nothing
"""
_FACTS = """
    number, id, shop, channel, account, reason, detail, headers, blob, received_at, filed_at,
    octet_length(body) as size
"""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A request in quarantine without its body; `size` is that of the body kept here, 0 where it is a blob."""

    number: int
    id: UUID
    shop: str | None
    channel: str
    account: str
    reason: str
    detail: str
    headers: dict[str, str]
    blob: str | None
    received_at: datetime
    filed_at: datetime
    size: int


def _read(row: asyncpg.Record) -> Quarantined:
    values = dict(row)
    return Quarantined(**{**values, "headers": json.loads(values["headers"])})


async def file(tx: asyncpg.Connection, refused: Sequence[Event[RawReceived]]) -> None:
    """Put these into quarantine; those that are there already stay as they are."""
    rows = [
        (
            raw.workspace,
            raw.id,
            raw.shop,
            raw.data.channel,
            raw.data.account,
            raw.data.refusal,
            raw.data.detail or "",
            json.dumps(raw.data.headers),
            raw.data.body,
            raw.data.blob,
            raw.time,
        )
        for raw in refused
    ]
    if rows:
        await tx.execute(_FILE, *map(list, zip(*rows, strict=True)))


async def page(
    connection: asyncpg.Connection, workspace: str, shops: Sequence[str], *, before: int | None, limit: int
) -> list[Quarantined]:
    """The newest of the workspace (of these shops; empty: all) that were filed before the number `before`."""
    rows = await connection.fetch(
        f"""
        select {_FACTS} from quarantine
        where workspace = $1 and ($2::text[] = '{{}}' or shop = any($2)) and ($3::bigint is null or number < $3)
        order by number desc limit $4
        """,
        workspace,
        list(shops),
        before,
        limit,
    )
    return [_read(row) for row in rows]


async def find(
    connection: asyncpg.Connection, workspace: str, shops: Sequence[str], id_: UUID, *, body_max: int
) -> tuple[Quarantined, bytes] | None:
    """One request with the first `body_max` bytes of its body."""
    row = await connection.fetchrow(
        f"""
        select {_FACTS}, substring(body for $4) as beginning from quarantine
        where workspace = $1 and id = $2 and ($3::text[] = '{{}}' or shop = any($3))
        """,
        workspace,
        id_,
        list(shops),
        body_max,
    )
    if row is None:
        return None
    values = dict(row)
    beginning = values.pop("beginning")
    return Quarantined(**{**values, "headers": json.loads(values["headers"])}), beginning


async def standing(connection: asyncpg.Connection, ids: Sequence[UUID]) -> set[UUID]:
    """Which of these raw records stand in quarantine, or were sent by somebody who was erased (for `verify`)."""
    rows = await connection.fetch(
        "select id from quarantine where id = any($1) union select id from erased_requests where id = any($1)",
        list(ids),
    )
    return {row["id"] for row in rows}


async def keep_blobs(tx: asyncpg.Connection, raws: Sequence[Event[RawReceived]], *, keep: timedelta) -> None:
    """Note until when the bodies of these records are kept; the same body again is kept anew."""
    until = {raw.data.blob: raw.time + keep for raw in raws if raw.data.blob is not None}
    if until:
        await tx.execute(
            """
            insert into raw_blobs(key, expires_at) select * from unnest($1::text[], $2::timestamptz[])
            on conflict (key) do update set expires_at = greatest(raw_blobs.expires_at, excluded.expires_at)
            """,
            sorted(until),
            [until[key] for key in sorted(until)],
        )


async def expired_blobs(tx: asyncpg.Connection, *, limit: int) -> list[str]:
    """Bodies whose time is over and that nothing in quarantine needs, locked until the transaction ends."""
    rows = await tx.fetch(
        """
        select key from raw_blobs r
        where expires_at < now() and not exists (select 1 from quarantine q where q.blob = r.key)
        order by expires_at limit $1 for update skip locked
        """,
        limit,
    )
    return [row["key"] for row in rows]


async def forget_blobs(tx: asyncpg.Connection, keys: Sequence[str]) -> None:
    """They are no longer in the store."""
    await tx.execute("delete from raw_blobs where key = any($1)", list(keys))


async def forget_quarantined(tx: asyncpg.Connection, *, older_than: timedelta, limit: int) -> int:
    """Delete the oldest requests that were filed longer ago than this; gives how many."""
    rows = await tx.fetch(
        """
        delete from quarantine where number in (
            select number from quarantine where filed_at < now() - $1::interval
            order by filed_at limit $2 for update skip locked)
        returning number
        """,
        older_than,
        limit,
    )
    return len(rows)

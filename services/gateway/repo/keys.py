"""SQL of API keys: what is kept of one is enough to recognise it, never to use it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from services.gateway.keys import Fresh, Key

_COLUMNS = "id, workspace, role, agent, shops, label, created_at, last_used"


@dataclass(frozen=True, slots=True)
class Kept:
    """A key that is not revoked, with its hash; `live` is False where its workspace is gone."""

    key: Key
    hash: bytes
    live: bool


def _read(row: asyncpg.Record) -> Key:
    values = dict(row)
    return Key(**{**values, "shops": tuple(values["shops"])})


async def add(tx: asyncpg.Connection, key: Key, fresh: Fresh, *, created_by: str) -> None:
    """Keep a new key."""
    await tx.execute(
        """
        insert into api_keys(id, workspace, role, agent, shops, hash, label, created_by, created_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        """,
        key.id,
        key.workspace,
        key.role,
        key.agent,
        list(key.shops),
        fresh.hash,
        key.label,
        created_by,
        key.created_at,
    )


async def find(connection: asyncpg.Connection, id_: str) -> Kept | None:
    """The key of this id, unless it is revoked."""
    row = await connection.fetchrow(
        f"""
        select {_COLUMNS}, hash, workspace is null or exists (
            select 1 from settings s
            where s.workspace = api_keys.workspace and s.kind = 'workspace' and not s.deleted) as live
        from api_keys where id = $1 and revoked_at is null
        """,
        id_,
    )
    if row is None:
        return None
    values = dict(row)
    hash_, live = values.pop("hash"), values.pop("live")
    return Kept(key=Key(**{**values, "shops": tuple(values["shops"])}), hash=hash_, live=live)


async def those_in_force(connection: asyncpg.Connection, ids: Sequence[str]) -> set[str]:
    """Those of the keys that are not revoked and whose workspace is there."""
    rows = await connection.fetch(
        """
        select k.id from api_keys k
        where k.id = any($1::text[]) and k.revoked_at is null and (k.workspace is null or exists (
            select 1 from settings s
            where s.workspace = k.workspace and s.kind = 'workspace' and not s.deleted))
        """,
        ids,
    )
    return {row["id"] for row in rows}


async def page(connection: asyncpg.Connection, workspace: str | None, *, after: str, limit: int) -> list[Key]:
    """Keys in force of the workspace (None: the installation's own) in the order of their ids, those after `after`."""
    rows = await connection.fetch(
        f"""
        select {_COLUMNS} from api_keys
        where workspace is not distinct from $1 and id > $2 and revoked_at is null order by id limit $3
        """,
        workspace,
        after,
        limit,
    )
    return [_read(row) for row in rows]


async def revoke(tx: asyncpg.Connection, id_: str, workspace: str | None, now: datetime) -> bool:
    """Revoke a key of the workspace; False where it has no such key in force."""
    revoked = await tx.fetchval(
        """
        update api_keys set revoked_at = $3
        where id = $1 and workspace is not distinct from $2 and revoked_at is null returning true
        """,
        id_,
        workspace,
        now,
    )
    return bool(revoked)


async def note_use(tx: asyncpg.Connection, used: Mapping[str, datetime]) -> None:
    """Write down when keys were last used."""
    await tx.execute(
        """
        update api_keys k set last_used = greatest(k.last_used, used.at)
        from unnest($1::text[], $2::timestamptz[]) as used(id, at) where k.id = used.id
        """,
        sorted(used),
        [used[id_] for id_ in sorted(used)],
    )


async def in_force(connection: asyncpg.Connection, role: str, workspace: str | None) -> bool:
    """Whether a key of this role is there that is not revoked."""
    return bool(
        await connection.fetchval(
            """
            select true from api_keys
            where role = $1 and workspace is not distinct from $2 and revoked_at is null limit 1
            """,
            role,
            workspace,
        )
    )


async def revoke_role(tx: asyncpg.Connection, role: str, workspace: str | None, now: datetime) -> None:
    """Revoke every key of a role, in a workspace or of the installation."""
    await tx.execute(
        """
        update api_keys set revoked_at = $3
        where role = $1 and workspace is not distinct from $2 and revoked_at is null
        """,
        role,
        workspace,
        now,
    )

"""SQL of sessions and their refresh tokens; what they last and when they end is counted by the database's clock."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import asyncpg

from shared.identity import Role

_STANDING = """
    select s.id, s.workspace, s.user_id, s.key_id, coalesce(u.role, k.role) as role,
           coalesce(u.agent, k.agent) as agent, coalesce(u.shops, k.shops) as shops, u.email, u.name,
           s.workspace is null or exists (
               select 1 from settings w where w.workspace = s.workspace and w.kind = 'workspace' and not w.deleted
           ) as live
    from sessions s
    left join users u on u.workspace = s.workspace and u.id = s.user_id and u.disabled_at is null
    left join api_keys k on k.id = s.key_id and k.revoked_at is null
    where s.id = any($1::text[]) and s.ended_at is null and s.expires_at > clock_timestamp()
      and coalesce(u.id, k.id) is not null
"""

Spent = Literal["now", "before", "reused", "unknown"]


@dataclass(frozen=True, slots=True)
class Session:
    """A session in force and what it stands for now: its user's or its key's role, agent and shops."""

    id: str
    workspace: str | None
    user_id: str | None
    key_id: str | None
    role: Role
    agent: str | None
    shops: tuple[str, ...]
    email: str | None
    name: str | None
    live: bool
    """False where its workspace is gone."""


async def add(
    tx: asyncpg.Connection,
    id_: str,
    *,
    workspace: str | None,
    user_id: str | None = None,
    key_id: str | None = None,
    lifetime: timedelta,
    refresh_hash: bytes,
) -> None:
    """Begin a session with its first refresh token."""
    await tx.execute(
        """
        insert into sessions(id, workspace, user_id, key_id, created_at, expires_at)
        values ($1, $2, $3, $4, clock_timestamp(), clock_timestamp() + $5)
        """,
        id_,
        workspace,
        user_id,
        key_id,
        lifetime,
    )
    await tx.execute("insert into refresh_tokens(session, hash) values ($1, $2)", id_, refresh_hash)


async def in_force(connection: asyncpg.Connection, ids: Iterable[str]) -> dict[str, Session]:
    """Those of the sessions that are in force: not ended, not expired, of a user or key that is not refused."""
    rows = await connection.fetch(_STANDING, sorted(set(ids)))
    return {row["id"]: Session(**{**row, "shops": tuple(row["shops"])}) for row in rows}


async def spend(tx: asyncpg.Connection, id_: str, *, used: bytes, successor: bytes, again_within: timedelta) -> Spent:
    """Spend a refresh token for its successor, holding the session's row.

    `before`: it was spent a moment ago and its successor is not used yet, so its answer was lost on the way.
    `reused`: it was spent before that, so two have it. `unknown`: it never was one of this session's.
    """
    await tx.execute("select from sessions where id = $1 for update", id_)
    token = await tx.fetchrow(
        """
        select spent_at is null as fresh, spent_at > clock_timestamp() - $3::interval as lately,
               exists (select 1 from refresh_tokens n where n.session = $1 and n.hash = $4 and n.spent_at is null)
               as successor_fresh
        from refresh_tokens where session = $1 and hash = $2
        """,
        id_,
        used,
        again_within,
        successor,
    )
    if token is None:
        return "unknown"
    if not token["fresh"]:
        return "before" if token["lately"] and token["successor_fresh"] else "reused"
    await tx.execute(
        "update refresh_tokens set spent_at = clock_timestamp() where session = $1 and hash = $2", id_, used
    )
    await tx.execute("insert into refresh_tokens(session, hash) values ($1, $2)", id_, successor)
    return "now"


async def expires_in_s(connection: asyncpg.Connection, id_: str) -> int:
    """Whole seconds that a session may still be prolonged."""
    left = await connection.fetchval(
        "select extract(epoch from expires_at - clock_timestamp())::int from sessions where id = $1", id_
    )
    return max(0, int(left or 0))


async def end(tx: asyncpg.Connection, id_: str, why: str) -> bool:
    """End a session; False where it is not in force."""
    ended = await tx.fetchval(
        """
        update sessions set ended_at = clock_timestamp(), ended_why = $2
        where id = $1 and ended_at is null returning true
        """,
        id_,
        why,
    )
    return bool(ended)


async def end_all_of(tx: asyncpg.Connection, workspace: str, user_id: str, why: str) -> None:
    """End every session of a user."""
    await tx.execute(
        """
        update sessions set ended_at = clock_timestamp(), ended_why = $3
        where workspace = $1 and user_id = $2 and ended_at is null
        """,
        workspace,
        user_id,
        why,
    )


async def forget_expired(tx: asyncpg.Connection) -> None:
    """Delete what can open nothing any more."""
    await tx.execute("delete from sessions where expires_at < clock_timestamp() - interval '1 day'")

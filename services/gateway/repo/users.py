"""SQL of users: people of a workspace who sign in with a password."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg

from shared.identity import Role

_COLUMNS = "workspace, id, email, name, role, agent, shops, disabled_at, created_at, last_signed_in"


@dataclass(frozen=True, slots=True)
class User:
    """A user as he is kept, without his password."""

    workspace: str
    id: str
    email: str
    name: str
    role: Role
    agent: str | None
    shops: tuple[str, ...]
    created_at: datetime
    disabled_at: datetime | None = None
    last_signed_in: datetime | None = None


@dataclass(frozen=True, slots=True)
class WithPassword:
    """A user and the hash of his password, None where he has none yet."""

    user: User
    password: str | None = field(repr=False)


def _read(row: asyncpg.Record) -> User:
    values = {name: row[name] for name in _COLUMNS.split(", ")}
    return User(**{**values, "shops": tuple(values["shops"])})


async def add(tx: asyncpg.Connection, user: User, *, password: str | None, created_by: str) -> bool:
    """Keep a new user; False where the workspace has one with his e-mail address."""
    added = await tx.fetchval(
        """
        insert into users(workspace, id, email, name, role, agent, shops, password, created_by, created_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        on conflict (workspace, email) do nothing returning true
        """,
        user.workspace,
        user.id,
        user.email,
        user.name,
        user.role,
        user.agent,
        list(user.shops),
        password,
        created_by,
        user.created_at,
    )
    return bool(added)


async def get(connection: asyncpg.Connection, workspace: str, id_: str, *, lock: bool = False) -> User | None:
    """One user, with his row locked where he is to be changed."""
    row = await connection.fetchrow(
        f"select {_COLUMNS} from users where workspace = $1 and id = $2 {'for update' if lock else ''}", workspace, id_
    )
    return None if row is None else _read(row)


async def by_email(connection: asyncpg.Connection, workspace: str, email: str) -> WithPassword | None:
    """The user with this e-mail address."""
    row = await connection.fetchrow(
        f"select {_COLUMNS}, password from users where workspace = $1 and email = $2", workspace, email
    )
    return None if row is None else WithPassword(_read(row), row["password"])


async def page(connection: asyncpg.Connection, workspace: str, *, after: str, limit: int) -> Sequence[User]:
    """Users in the order of their ids, those after `after`."""
    rows = await connection.fetch(
        f"select {_COLUMNS} from users where workspace = $1 and id > $2 order by id limit $3", workspace, after, limit
    )
    return [_read(row) for row in rows]


async def save(tx: asyncpg.Connection, user: User) -> None:
    """Write what may change of him."""
    await tx.execute(
        """
        update users set name = $3, role = $4, agent = $5, shops = $6, disabled_at = $7
        where workspace = $1 and id = $2
        """,
        user.workspace,
        user.id,
        user.name,
        user.role,
        user.agent,
        list(user.shops),
        user.disabled_at,
    )


async def set_password(tx: asyncpg.Connection, workspace: str, id_: str, password: str) -> bool:
    """Write the hash of his password; False where there is no such user."""
    done = await tx.fetchval(
        "update users set password = $3 where workspace = $1 and id = $2 returning true", workspace, id_, password
    )
    return bool(done)


async def delete(tx: asyncpg.Connection, workspace: str, id_: str) -> bool:
    """Delete him, his sessions with him; False where there is no such user."""
    done = await tx.fetchval("delete from users where workspace = $1 and id = $2 returning true", workspace, id_)
    return bool(done)


async def signed_in(tx: asyncpg.Connection, user: User, now: datetime) -> None:
    """He signed in just now."""
    await tx.execute(
        "update users set last_signed_in = $3 where workspace = $1 and id = $2", user.workspace, user.id, now
    )

"""SQL of settings documents and of all their versions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
import orjson

from shared.errors import Conflict

_COLUMNS = "workspace, kind, id, version, document, deleted, updated_by, updated_at"


@dataclass(frozen=True, slots=True)
class Setting:
    """A document in one version, as it is kept: secrets sealed."""

    workspace: str
    kind: str
    id: str
    version: int
    document: dict[str, Any]
    deleted: bool
    updated_by: str
    updated_at: datetime


def _read(row: asyncpg.Record) -> Setting:
    return Setting(**{**row, "document": orjson.loads(row["document"])})


async def lock(tx: asyncpg.Connection, workspace: str, kind: str, id_: str) -> Setting | None:
    """The document, deleted or not, held against other writers until the end; None where there never was one.

    An advisory lock, since what does not exist yet has no row to lock.
    """
    await tx.execute("select pg_advisory_xact_lock(hashtextextended($1, 3))", f"{workspace}/{kind}/{id_}")
    row = await tx.fetchrow(
        f"select {_COLUMNS} from settings where workspace = $1 and kind = $2 and id = $3 for update",
        workspace,
        kind,
        id_,
    )
    return _read(row) if row else None


async def save(tx: asyncpg.Connection, setting: Setting, *, recovered: bool = False) -> None:
    """Write a version into the table and the history; raises Conflict where another workspace has the account's id."""
    values = (
        setting.workspace,
        setting.kind,
        setting.id,
        setting.version,
        orjson.dumps(setting.document).decode(),
        setting.deleted,
        setting.updated_by,
        setting.updated_at,
    )
    try:
        await tx.execute(
            """
            insert into settings(workspace, kind, id, version, document, deleted, updated_by, updated_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8)
            on conflict (workspace, kind, id) do update
            set version = excluded.version, document = excluded.document, deleted = excluded.deleted,
                updated_by = excluded.updated_by, updated_at = excluded.updated_at
            """,
            *values,
        )
    except asyncpg.UniqueViolationError as error:
        raise Conflict(
            f"the id {setting.id} is taken by an account of another workspace; ids of accounts are unique in the "
            "installation, because webhook addresses hold them",
            reason="account_id_taken",
        ) from error
    await tx.execute(
        """
        insert into settings_history
            (workspace, kind, id, version, document, deleted, updated_by, updated_at, recovered)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        """,
        *values,
        recovered,
    )


async def get(connection: asyncpg.Connection, workspace: str, kind: str, id_: str) -> Setting | None:
    """The document where there is one that is not deleted."""
    row = await connection.fetchrow(
        f"select {_COLUMNS} from settings where workspace = $1 and kind = $2 and id = $3 and not deleted",
        workspace,
        kind,
        id_,
    )
    return _read(row) if row else None


async def page(connection: asyncpg.Connection, workspace: str, kind: str, *, after: str, limit: int) -> list[Setting]:
    """Documents of a kind in the order of their ids, those after `after`."""
    rows = await connection.fetch(
        f"""
        select {_COLUMNS} from settings
        where workspace = $1 and kind = $2 and id > $3 and not deleted order by id limit $4
        """,
        workspace,
        kind,
        after,
        limit,
    )
    return [_read(row) for row in rows]


async def workspaces(connection: asyncpg.Connection, *, after: str, limit: int) -> list[Setting]:
    """The workspace documents of the installation in the order of their ids."""
    rows = await connection.fetch(
        f"""
        select {_COLUMNS} from settings
        where kind = 'workspace' and workspace > $1 and not deleted order by workspace limit $2
        """,
        after,
        limit,
    )
    return [_read(row) for row in rows]


async def workspace_exists(connection: asyncpg.Connection, workspace: str) -> bool:
    """Whether there is a workspace of this id."""
    return bool(
        await connection.fetchval(
            "select true from settings where workspace = $1 and kind = 'workspace' and not deleted", workspace
        )
    )


async def existing(
    connection: asyncpg.Connection, workspace: str, wanted: Sequence[tuple[str, str]]
) -> set[tuple[str, str]]:
    """Those of the wanted (kind, id) that are there."""
    rows = await connection.fetch(
        """
        select s.kind, s.id from settings s
        join unnest($2::text[], $3::text[]) as wanted(kind, id) on s.kind = wanted.kind and s.id = wanted.id
        where s.workspace = $1 and not s.deleted
        """,
        workspace,
        [kind for kind, _ in wanted],
        [id_ for _, id_ in wanted],
    )
    return {(row["kind"], row["id"]) for row in rows}


async def everything(connection: asyncpg.Connection) -> list[Setting]:
    """All documents of all workspaces, deleted ones too, in the order of their keys."""
    rows = await connection.fetch(f"select {_COLUMNS} from settings order by workspace, kind, id")
    return [_read(row) for row in rows]

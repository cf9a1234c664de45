"""Forward-only migrations: numbered SQL files, each applied once to the service's own schema."""

import hashlib
import logging
import re
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from shared.errors import Bug

log = logging.getLogger(__name__)

RUNTIME = Path(__file__).parent / "runtime"
"""The tables the consumer runtime needs in every schema; applied before a service's own."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file; its name is its identity, its checksum guards against a later edit."""

    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def read(folder: Path, prefix: str) -> list[Migration]:
    """The folder's migrations in order; raises Bug where a name is not NNNN_words.sql."""
    files = sorted(folder.glob("*.sql"))
    for file in files:
        if not re.fullmatch(r"\d{4}_[a-z0-9_]+\.sql", file.name):
            raise Bug(f"{file.name} is not named like 0001_what_it_does.sql")
    return [Migration(name=f"{prefix}/{file.stem}", sql=file.read_text()) for file in files]


async def migrate(dsn: str, schema: str, folder: Path) -> list[str]:
    """Bring `schema` to the newest version; gives the names applied now. Concurrent runs wait for each other."""
    connection = await asyncpg.connect(
        dsn, timeout=10, server_settings={"application_name": f"switchboard-migrate-{schema}"}
    )
    try:
        await connection.execute("select pg_advisory_lock(hashtext($1), 0)", f"migrate {schema}")
        await connection.execute(f'create schema if not exists "{schema}"')
        await connection.execute(f'set search_path to "{schema}"')
        await connection.execute(
            "create table if not exists migrations"
            "(name text primary key, checksum text not null, applied_at timestamptz not null default now())"
        )
        return await _apply(connection, [*read(RUNTIME, "runtime"), *read(folder, schema)])
    finally:
        await connection.close()


async def _apply(connection: asyncpg.Connection, wanted: list[Migration]) -> list[str]:
    done = {row["name"]: row["checksum"] for row in await connection.fetch("select name, checksum from migrations")}
    applied = []
    for migration in wanted:
        if migration.name in done:
            if done[migration.name] != migration.checksum:
                raise Bug(f"migration {migration.name} was changed after it was applied; add a new one instead")
            continue
        async with connection.transaction():
            await connection.execute(migration.sql)
            await connection.execute(
                "insert into migrations(name, checksum) values ($1, $2)", migration.name, migration.checksum
            )
        log.info("migration applied", extra={"migration": migration.name})
        applied.append(migration.name)
    return applied

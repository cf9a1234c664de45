"""Takes and brings back earlier states of the desk's database while its services run, as a restore or failover does."""

import asyncpg

from tests.desk import Desk


async def snapshot(desk: Desk) -> str:
    """Copy the database as it is now; gives the copy's name."""
    copy = f"{desk.database}_then"
    connection = await asyncpg.connect(desk.stack.dsn("postgres"))
    try:
        await connection.execute(f'drop database if exists "{copy}"')
        await _empty(connection, desk.database)
        await connection.execute(f'create database "{copy}" template "{desk.database}"')
        await connection.execute(f'alter database "{desk.database}" allow_connections true')
    finally:
        await connection.close()
    return copy


async def restore(desk: Desk, copy: str) -> None:
    """Put the copy in the database's place; all that happened since is gone."""
    connection = await asyncpg.connect(desk.stack.dsn("postgres"))
    try:
        await _empty(connection, desk.database)
        await connection.execute(f'drop database "{desk.database}"')
        await connection.execute(f'create database "{desk.database}" template "{copy}"')
        await connection.execute(f'drop database "{copy}"')
    finally:
        await connection.close()


async def _empty(connection: asyncpg.Connection, database: str) -> None:
    """End all sessions, and let no new ones in."""
    await connection.execute(f'alter database "{database}" allow_connections false')
    await connection.execute(
        "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = $1", database
    )

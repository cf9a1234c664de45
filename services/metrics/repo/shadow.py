"""A second schema beside the one in use, with the same tables: filled from the log, compared, or put in its place."""

import asyncpg

from services.metrics.domain.events import TOPICS
from services.metrics.repo import standing
from services.metrics.repo.facts import TABLES

LIVE = "metrics"
SCHEMA = "metrics_rebuild"
FILLED = (*TABLES.values(), *standing.TABLES)
SAMPLE = 5

_CLAIM = "select pg_try_advisory_lock(hashtext($1), 3)"
_POSITIONS = f"select topic, partition, next_offset from {LIVE}.consumed where topic = any($1::text[])"
_SHARE = "select pg_advisory_xact_lock_shared(hashtext($1), 4)"
_HOLD = ("set local lock_timeout = '3s'", f"select pg_advisory_xact_lock(hashtext('{LIVE}'), 4)")
_TAKE_OVER = (
    f"drop view {', '.join(f'{LIVE}.{view}' for view in standing.VIEWS)}",
    f"drop table {', '.join(f'{LIVE}.{table}' for table in FILLED)}",
    *(f"alter table {SCHEMA}.{table} set schema {LIVE}" for table in FILLED),
    *(f"alter view {SCHEMA}.{view} set schema {LIVE}" for view in standing.VIEWS),
)
_DIFFERENT = {
    table: f"""
        select row_to_json(d)::text as row, count(*) over () as n from (
            (select 'in use, not on the log' as side, l.* from (
                select * from {LIVE}.{table} except select * from {SCHEMA}.{table}) as l)
            union all
            (select 'on the log, not in use' as side, r.* from (
                select * from {SCHEMA}.{table} except select * from {LIVE}.{table}) as r)
        ) as d limit {SAMPLE}
    """
    for table in FILLED
}


async def claim(connection: asyncpg.Connection) -> bool:
    """Whether this session is the only one that rebuilds; held until it ends."""
    return bool(await connection.fetchval(_CLAIM, SCHEMA))


async def drop(connection: asyncpg.Connection) -> None:
    """Leave nothing of it."""
    await connection.execute(f"drop schema if exists {SCHEMA} cascade")


async def positions(connection: asyncpg.Connection) -> dict[tuple[str, int], int]:
    """How far the facts in use go, by topic and partition."""
    rows = await connection.fetch(_POSITIONS, list(TOPICS))
    return {(row["topic"], row["partition"]): row["next_offset"] for row in rows}


async def share(tx: asyncpg.Connection) -> None:
    """Use the tables in use until the transaction ends; the first thing of all that reads or writes facts.

    They cannot change places meanwhile. Table locks alone would not do: readers take them in an order of their own.
    """
    await tx.execute(_SHARE, LIVE)


async def hold(tx: asyncpg.Connection) -> None:
    """Have the tables in use to oneself until the transaction ends; raises LockNotAvailableError where others stay."""
    for statement in _HOLD:
        await tx.execute(statement)


async def take_over(tx: asyncpg.Connection) -> None:
    """Put these tables and views in the place of those in use."""
    for statement in _TAKE_OVER:
        await tx.execute(statement)


async def count(tx: asyncpg.Connection) -> dict[str, int]:
    """Rows by table."""
    return {table: await tx.fetchval(f"select count(*) from {SCHEMA}.{table}") for table in FILLED}


async def differences(connection: asyncpg.Connection) -> list[dict[str, object]]:
    """Tables that differ: how many rows, and a few of them."""
    found: list[dict[str, object]] = []
    for table, sql in _DIFFERENT.items():
        rows = await connection.fetch(sql)
        if rows:
            found.append({"table": table, "rows": rows[0]["n"], "sample": [row["row"] for row in rows]})
    return found

"""Migrations are applied once, in order, by whoever comes first; a command with a key takes effect once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from shared.db.idempotency import Answer, once, request_hash
from shared.db.migrations import migrate
from shared.errors import Bug, Invalid
from tests.eventually import eventually
from tests.stack import Stack

SERVICES = Path(__file__).parents[2] / "services"
OWNERS = sorted(folder.parent.name for folder in SERVICES.glob("*/migrations") if any(folder.glob("*.sql")))

_SHAPE = """
    select table_name, column_name, data_type, is_nullable, column_default from information_schema.columns
    where table_schema = $1 and table_name <> 'migrations' order by table_name, ordinal_position
"""
_INDEXES = "select indexdef from pg_indexes where schemaname = $1 and tablename <> 'migrations' order by indexname"
HASH = request_hash("POST", "/v1/tickets", b"{}")


@pytest.fixture
async def database(stack: Stack) -> AsyncIterator[str]:
    name = await stack.create_database()
    yield stack.dsn(name)
    await stack.drop_database(name)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "0001_first.sql").write_text("create table one (n int not null);")
    (tmp_path / "0002_second.sql").write_text("alter table one add m text;")
    return tmp_path


async def shape(dsn: str, schema: str) -> list[str]:
    connection = await asyncpg.connect(dsn)
    try:
        rows = [*await connection.fetch(_SHAPE, schema), *await connection.fetch(_INDEXES, schema)]
        return [str(tuple(row)).replace(schema, "schema") for row in rows]
    finally:
        await connection.close()


async def test_many_that_migrate_at_once_apply_each_migration_once(database: str, folder: Path) -> None:
    applied = await asyncio.gather(*(migrate(database, "desk", folder) for _ in range(6)))
    assert sorted(map(len, applied)) == [0, 0, 0, 0, 0, len(max(applied, key=len))]
    assert max(applied, key=len)[-2:] == ["desk/0001_first", "desk/0002_second"]


async def test_a_migration_changed_after_it_was_applied_is_refused(database: str, folder: Path) -> None:
    await migrate(database, "desk", folder)
    (folder / "0001_first.sql").write_text("create table one (n bigint not null);")
    with pytest.raises(Bug, match="0001_first was changed"):
        await migrate(database, "desk", folder)


async def test_a_migration_that_fails_leaves_nothing_and_can_be_mended(database: str, folder: Path) -> None:
    third = folder / "0003_third.sql"
    third.write_text("create table two (n int); select 1 / 0;")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(database, "desk", folder)
    third.write_text("create table two (n int);")
    assert await migrate(database, "desk", folder) == ["desk/0003_third"]


async def test_a_file_that_is_not_numbered_is_refused(database: str, folder: Path) -> None:
    (folder / "later.sql").write_text("select 1;")
    with pytest.raises(Bug, match="is not named like"):
        await migrate(database, "desk", folder)


@pytest.mark.parametrize("owner", OWNERS)
async def test_a_service_that_was_migrated_step_by_step_has_the_schema_of_a_new_one(
    database: str, tmp_path: Path, owner: str
) -> None:
    files = sorted((SERVICES / owner / "migrations").glob("*.sql"))
    await migrate(database, owner, SERVICES / owner / "migrations")
    whole = await shape(database, owner)
    connection = await asyncpg.connect(database)
    await connection.execute(f'drop schema "{owner}" cascade')
    await connection.close()
    for file in files:
        (tmp_path / file.name).write_text(file.read_text())
        await migrate(database, owner, tmp_path)
    assert await shape(database, owner) == whole
    assert len(whole) > len(files)


@pytest.fixture
async def desk(database: str, folder: Path) -> AsyncIterator[str]:
    await migrate(database, "desk", folder)
    yield database


async def connect(dsn: str) -> asyncpg.Connection:
    return await asyncpg.connect(dsn, server_settings={"search_path": "desk"})


async def effect(connection: asyncpg.Connection, key: str | None, hash_: bytes = HASH) -> Answer:
    async def run() -> Answer:
        number = await connection.fetchval("insert into one values (1) returning (select count(*) from one)")
        return Answer(201, b"number %d" % number)

    async with connection.transaction():
        return await once(connection, principal="agent", key=key, request_hash=hash_, run=run)


async def test_the_second_request_with_a_key_gets_the_first_ones_answer(desk: str) -> None:
    connection = await connect(desk)
    first = await effect(connection, "k")
    assert await effect(connection, "k") == first
    assert await connection.fetchval("select count(*) from one") == 1
    await connection.close()


async def test_the_same_key_for_another_request_is_refused(desk: str) -> None:
    connection = await connect(desk)
    await effect(connection, "k")
    with pytest.raises(Invalid, match="another request"):
        await effect(connection, "k", request_hash("POST", "/v1/tickets", b"{1}"))
    assert await connection.fetchval("select count(*) from one") == 1
    await connection.close()


async def test_of_two_requests_at_once_the_later_waits_and_gets_the_same_answer(desk: str) -> None:
    one, other, watcher = [await connect(desk) for _ in range(3)]
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def slow() -> Answer:
        begun.set()
        await may_end.wait()
        await one.execute("insert into one values (1)")
        return Answer(201, b"slow")

    async def first() -> Answer:
        async with one.transaction():
            return await once(one, principal="agent", key="k", request_hash=HASH, run=slow)

    running = asyncio.create_task(first())
    await begun.wait()
    waiting = asyncio.create_task(effect(other, "k"))

    async def blocked() -> bool:
        return await watcher.fetchval("select exists (select from pg_stat_activity where wait_event_type = 'Lock')")

    await eventually(blocked, what="the second request waiting for the first")
    may_end.set()
    assert await running == await waiting == Answer(201, b"slow")
    assert await watcher.fetchval("select count(*) from one") == 1
    for connection in (one, other, watcher):
        await connection.close()


async def test_a_request_that_failed_leaves_its_key_free(desk: str) -> None:
    connection = await connect(desk)

    async def fail() -> Answer:
        raise Invalid("not now")

    with pytest.raises(Invalid, match="not now"):
        async with connection.transaction():
            await once(connection, principal="agent", key="k", request_hash=HASH, run=fail)
    assert (await effect(connection, "k")).status == 201
    await connection.close()


@pytest.mark.parametrize("key", ["", "x" * 256, "schlüssel", "two\nlines"], ids=["empty", "long", "not ASCII", "lines"])
async def test_a_key_that_is_none_is_refused(desk: str, key: str) -> None:
    connection = await connect(desk)
    with pytest.raises(Invalid):
        await effect(connection, key)
    await connection.close()

"""How long ingest keeps what it received: a large body as long as its record, quarantine for its own days."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from services.ingest import repo
from services.ingest.retention import expire_some
from shared.blobs import BlobStore
from shared.contracts.envelope import Event
from shared.contracts.raw_inbound import RawReceived
from shared.db.pool import create_pool, transaction
from shared.ids import new_id
from tests.stack import Stack

MONTH, WEEK = timedelta(days=30), timedelta(days=7)


@pytest.fixture
async def pool(stack: Stack) -> AsyncIterator[asyncpg.Pool]:
    name = await stack.create_database(await stack.migrated())
    made = await create_pool(stack.dsn(name), "ingest")
    yield made
    await made.close()
    await stack.drop_database(name)


def raw(blob: str, *, age: timedelta, refusal: str | None = None) -> Event[RawReceived]:
    data = RawReceived(channel="postmark", account="mailbox", blob=blob, refusal=refusal)
    return Event(id=new_id(), source="ingest", time=datetime.now(UTC) - age, workspace="main", data=data)


async def received(pool: asyncpg.Pool, blobs: BlobStore, *raws: Event[RawReceived]) -> None:
    await blobs.put([(event.data.blob or "", b"x") for event in raws])
    async with transaction(pool) as tx:
        await repo.file(tx, [event for event in raws if event.data.refusal])
        await repo.keep_blobs(tx, raws, keep=WEEK)


def kept(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


async def test_a_large_body_goes_when_its_record_goes(pool: asyncpg.Pool, tmp_path: Path) -> None:
    blobs = BlobStore(str(tmp_path))
    await received(pool, blobs, raw("main/a/raw", age=MONTH), raw("main/b/raw", age=timedelta(days=6)))
    assert await expire_some(pool, blobs, quarantine=MONTH) == 1
    assert kept(tmp_path) == {"main/b/raw"}
    assert await expire_some(pool, blobs, quarantine=MONTH) == 0


async def test_the_same_body_again_is_kept_anew(pool: asyncpg.Pool, tmp_path: Path) -> None:
    blobs, old = BlobStore(str(tmp_path)), raw("main/a/raw", age=MONTH)
    await received(pool, blobs, old)
    await received(pool, blobs, replace(old, time=datetime.now(UTC)))
    assert await expire_some(pool, blobs, quarantine=MONTH) == 0
    assert kept(tmp_path) == {"main/a/raw"}


async def test_a_body_in_quarantine_stays_as_long_as_its_row(pool: asyncpg.Pool, tmp_path: Path) -> None:
    blobs = BlobStore(str(tmp_path))
    await received(pool, blobs, raw("main/raw/a", age=MONTH, refusal="no_sender"))
    assert await expire_some(pool, blobs, quarantine=MONTH) == 0
    assert await expire_some(pool, blobs, quarantine=timedelta()) == 2
    assert kept(tmp_path) == set()
    assert await pool.fetchval("select count(*) from quarantine") == 0


async def test_a_body_that_is_gone_already_is_no_error(pool: asyncpg.Pool, tmp_path: Path) -> None:
    blobs = BlobStore(str(tmp_path))
    await received(pool, blobs, raw("main/a/raw", age=MONTH))
    (tmp_path / "main/a/raw").unlink()
    assert await expire_some(pool, blobs, quarantine=MONTH) == 1
    assert await pool.fetchval("select count(*) from raw_blobs") == 0

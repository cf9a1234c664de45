"""What was received goes when its time is over: large bodies with their records, quarantine after its own days."""

import asyncio
import logging
from datetime import timedelta

import asyncpg

from services.ingest import repo
from services.ingest.config import Config
from shared.blobs import BlobStore
from shared.db.pool import transaction
from shared.service import Runtime

log = logging.getLogger(__name__)

PAUSE_S = 600
AT_ONCE = 200


async def expire(runtime: Runtime) -> None:
    """Look every ten minutes; any replica may, rows that another one holds are passed over."""
    config = runtime.config
    assert isinstance(config, Config)
    blobs = BlobStore(config.blobs, timeout_s=config.blobs_timeout_s)
    while True:
        while await expire_some(runtime.pool, blobs, quarantine=timedelta(days=config.quarantine_days)):
            pass
        await asyncio.sleep(PAUSE_S)


async def expire_some(pool: asyncpg.Pool, blobs: BlobStore, *, quarantine: timedelta) -> int:
    """Let go of up to AT_ONCE bodies and as many requests in quarantine; gives how many went.

    The blob goes before its row: what fails in between is done again, and deleting what is gone already is no error.
    """
    async with transaction(pool) as tx:
        forgotten = await repo.forget_quarantined(tx, older_than=quarantine, limit=AT_ONCE)
        keys = await repo.expired_blobs(tx, limit=AT_ONCE)
        await blobs.delete(keys)
        await repo.forget_blobs(tx, keys)
    if forgotten or keys:
        log.info("retention is over", extra={"bodies": len(keys), "quarantined": forgotten})
    return forgotten + len(keys)

"""Raw records in, quarantine out: what a parser refused is filed where people find it, until its sender is erased."""

from collections.abc import Mapping, Sequence

import asyncpg

from services.ingest import erasure, repo
from shared.bus import Context, Handler
from shared.bus.interest import reads
from shared.contracts.envelope import Event
from shared.contracts.privacy_events import ErasureRequested
from shared.contracts.raw_inbound import RawReceived
from shared.contracts.topics import DAYS_7, RAW_INBOUND
from shared.telemetry import metrics


async def on_raw(tx: asyncpg.Connection, batch: Sequence[Event[RawReceived]], ctx: Context) -> None:
    """File what could not be read, and mind the blobs of large bodies; messages stand on inbound-messages already."""
    refused = [raw for raw in batch if raw.data.refusal is not None]
    kept = await erasure.drop_late(tx, refused, ctx)
    await repo.file(tx, kept)
    gone = {raw.id for raw in refused} - {raw.id for raw in kept}
    await repo.keep_blobs(tx, [raw for raw in batch if raw.id not in gone], keep=RAW_INBOUND.retention or DAYS_7)
    for raw in kept:
        ctx.after_commit(metrics.QUARANTINED.labels(raw.data.channel, raw.data.refusal).inc)


@reads(ErasureRequested)
async def on_erasure(tx: asyncpg.Connection, batch: Sequence[Event[ErasureRequested]], ctx: Context) -> None:
    """Forget people in what nobody could read; files of what was read lie where tickets deletes them."""
    await erasure.forget(tx, batch, ctx)


HANDLERS: Mapping[str, Handler] = {RAW_INBOUND.name: on_raw, ErasureRequested.TOPIC: on_erasure}

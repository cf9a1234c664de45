"""Raw records in, quarantine out: what a parser refused is filed where people find it."""

from collections.abc import Mapping, Sequence

import asyncpg

from services.ingest import repo
from shared.bus import Context, Handler
from shared.contracts.envelope import Event
from shared.contracts.raw_inbound import RawReceived
from shared.contracts.topics import DAYS_7, RAW_INBOUND
from shared.telemetry import metrics


async def on_raw(tx: asyncpg.Connection, batch: Sequence[Event[RawReceived]], ctx: Context) -> None:
    """File what could not be read, and mind the blobs of large bodies; messages stand on inbound-messages already."""
    refused = [raw for raw in batch if raw.data.refusal is not None]
    await repo.file(tx, refused)
    await repo.keep_blobs(tx, batch, keep=RAW_INBOUND.retention or DAYS_7)
    for raw in refused:
        ctx.after_commit(metrics.QUARANTINED.labels(raw.data.channel, raw.data.refusal).inc)


HANDLERS: Mapping[str, Handler] = {RAW_INBOUND.name: on_raw}

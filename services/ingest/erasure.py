"""Forgetting a person where nobody could read what he sent: quarantine, dead letters, and the bodies of both."""

import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime

import asyncpg

from services.ingest import mentions
from services.ingest.repo import erasure
from services.ingest.repo.erasure import Refused
from shared.blobs import BlobStore
from shared.bus import Context
from shared.contracts.envelope import Event
from shared.contracts.privacy_events import ErasureDone, ErasureRequested
from shared.contracts.raw_inbound import RawReceived
from shared.errors import NotFound
from shared.tombstones import Tombstones

SERVICE = "ingest"
BLOBS_TIMEOUT_S = 3
"""Less than a transaction may be idle."""
BODY_READ = 1024 * 1024
"""The sender stands at the beginning of a request."""

Buried = Mapping[tuple[str, str], datetime]
"""The moment before which nothing is kept, by (workspace, HMAC)."""


async def forget(tx: asyncpg.Connection, batch: Sequence[Event[ErasureRequested]], ctx: Context) -> None:
    """Let go of what these people sent, and say so."""
    buried = {(e.workspace, hmac): e.data.before for e in batch for hmac in e.data.identities}
    await erasure.bury(tx, [(*name, before) for name, before in buried.items()])
    if buried:
        for workspace in sorted({event.workspace for event in batch}):
            async for some in erasure.quarantined(tx, workspace):
                await _let_go(tx, ctx, [one for one in some if await _is_buried(ctx, one, buried)])
        await _let_go(tx, ctx, [one for one in await erasure.letters(tx) if await _is_buried(ctx, one, buried)])
    for event in batch:
        done = ErasureDone(person=event.data.person, request=event.data.request, service=SERVICE)
        ctx.emit(done, cause=event, ordinal=zlib.crc32(SERVICE.encode()))  # each service's word has its own id


async def drop_late(
    tx: asyncpg.Connection, raws: Sequence[Event[RawReceived]], ctx: Context
) -> list[Event[RawReceived]]:
    """Account for requests of erased people that were received before, delete their bodies, and keep the others."""
    buried = await erasure.buried(tx, sorted({raw.workspace for raw in raws}))
    if not buried:
        return list(raws)
    late = [one for raw in raws if await _is_buried(ctx, one := erasure.of(raw), buried)]
    await _let_go(tx, ctx, late)
    gone = {(one.workspace, one.id) for one in late}
    return [raw for raw in raws if (raw.workspace, raw.id) not in gone]


async def _is_buried(ctx: Context, one: Refused, buried: Buried) -> bool:
    oldest = max((before for (workspace, _), before in buried.items() if workspace == one.workspace), default=None)
    if oldest is None or one.received_at >= oldest:
        return False
    body = one.body if one.blob is None else await _beginning(ctx, one.blob)
    found = mentions.hmacs(_names(ctx), one.channel, one.account, one.headers, body)
    moments = (buried[one.workspace, hmac] for hmac in found if (one.workspace, hmac) in buried)
    return any(one.received_at < moment for moment in moments)


async def _let_go(tx: asyncpg.Connection, ctx: Context, theirs: Sequence[Refused]) -> None:
    if theirs:
        await erasure.let_go(tx, theirs)
        await _store(ctx).delete(sorted({one.blob for one in theirs if one.blob is not None}))


async def _beginning(ctx: Context, blob: str) -> bytes:
    try:
        return (await _store(ctx).beginning(blob, at_most=BODY_READ))[0]
    except NotFound:
        return b""


def _store(ctx: Context) -> BlobStore:
    assert ctx.config is not None
    return BlobStore(ctx.config.blobs, timeout_s=BLOBS_TIMEOUT_S)


def _names(ctx: Context) -> Tombstones:
    assert ctx.config is not None
    return Tombstones(ctx.config.key.get_secret_value())

"""Events in: each becomes a fact; an erasure is acknowledged, since ids and numbers are all that is kept here."""

import zlib
from collections.abc import Sequence
from typing import Any

import asyncpg

from services.metrics.domain.events import TOPICS, fact_of
from services.metrics.repo import facts, shadow
from shared.bus import Context, Handler
from shared.bus.interest import reads
from shared.contracts.envelope import Event
from shared.contracts.privacy_events import ErasureDone, ErasureRequested

SERVICE = "metrics"


async def on_facts(tx: asyncpg.Connection, batch: Sequence[Event[Any]], ctx: Context) -> None:
    """Keep what happened."""
    await shadow.share(tx)
    await facts.insert(tx, [fact_of(event) for event in batch])


@reads(ErasureRequested)
async def on_erasure(tx: asyncpg.Connection, batch: Sequence[Event[ErasureRequested]], ctx: Context) -> None:
    """Say that nothing personal is here: facts name a person by an id that leads nowhere once the others are done."""
    for event in batch:
        done = ErasureDone(person=event.data.person, request=event.data.request, service=SERVICE)
        ctx.emit(done, cause=event, ordinal=zlib.crc32(SERVICE.encode()))  # each service's word has an id of its own


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(TOPICS, on_facts),
    ErasureRequested.TOPIC: on_erasure,
}

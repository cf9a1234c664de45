"""Keeping what arrived, whichever way: read it, write its blobs, and have Kafka confirm its records."""

import asyncio
import logging
import time
import traceback
from collections.abc import Callable, Sequence
from typing import NamedTuple

from services.ingest import compose
from services.ingest.compose import Arrival, Composed
from shared.blobs import BlobStore
from shared.bus.producer import BusProducer
from shared.errors import Bug, Malformed, Refused, SwitchboardError
from shared.telemetry import metrics
from shared.telemetry.metrics import labelled

log = logging.getLogger(__name__)

IN_THREAD_BYTES = 128 * 1024
"""Reading a larger body takes milliseconds, in which nobody else should have to wait."""


class Taken(NamedTuple):
    """What became of an arrival, what is said of it beside the ids, and what was written and sent."""

    outcome: str
    more: dict[str, str]
    composed: Composed


class Keeper:
    """Keeps arrivals; what it returned from is on the bus, and what it raised from may be, and is to come again."""

    def __init__(self, blobs: BlobStore, producer: Callable[[], BusProducer]) -> None:
        self._blobs = blobs
        self._producer = producer

    async def keep(self, arrivals: Sequence[Arrival], *, timeout_s: float) -> list[Taken]:
        """Keep arrivals of one channel in their order; Kafka has `timeout_s` to confirm all.

        Raises Refused where the sender can mend one, and what may pass where the blob store or Kafka is away.
        """
        channel = arrivals[0].channel.name
        started = time.perf_counter()
        if sum(len(arrival.request.body) for arrival in arrivals) > IN_THREAD_BYTES:
            taken = await asyncio.to_thread(lambda: [read(arrival) for arrival in arrivals])
        else:
            taken = [read(arrival) for arrival in arrivals]
        read_at = time.perf_counter()
        labelled(metrics.INBOUND_SECONDS, channel, "read").observe(read_at - started)
        if blobs := [blob for one in taken for blob in one.composed.blobs]:
            await self._blobs.put(blobs)
        records = [record for one in taken for record in one.composed.records]
        await self._producer().send_all(records, timeout_s=timeout_s)
        labelled(metrics.INBOUND_SECONDS, channel, "keep").observe(time.perf_counter() - read_at)
        for one in taken:
            labelled(metrics.INBOUND_REQUESTS, channel, one.outcome).inc()
            labelled(metrics.INBOUND_MESSAGES, channel).inc(one.composed.messages)
        return taken


def read(arrival: Arrival) -> Taken:
    """What becomes of an arrival.

    Raises Refused where the sender can mend it: the bytes are no JSON at all, or the shape is ours and broken. What a
    provider sends and we cannot read is taken all the same, to be found in quarantine: it would only be sent again.
    """
    if arrival.passed_over is not None:
        return _quarantined(arrival, arrival.passed_over)
    try:
        parsed = arrival.channel.parse(arrival.request, arrival.account)
        composed = compose.taken(arrival, parsed)
    except Malformed:
        raise
    except Refused as error:
        if arrival.channel.ours:
            raise
        return _quarantined(arrival, error)
    except Exception as error:
        if arrival.channel.ours:
            raise
        log_bug("a parser failed", arrival.channel.name, error)
        return _quarantined(arrival, Bug("the parser failed; it was logged", reason="parser_failed"))
    if parsed.ignored is not None and not composed.ids:
        return Taken("ignored", {"ignored": parsed.ignored}, composed)
    return Taken("accepted", {"quarantined": str(composed.raw)} if parsed.unreadable else {}, composed)


def _quarantined(arrival: Arrival, error: SwitchboardError) -> Taken:
    composed = compose.refused(arrival, error)
    return Taken("quarantined", {"quarantined": str(composed.raw)}, composed)


def log_bug(what: str, channel: str, error: BaseException) -> None:
    """Where it happened, without the error's text: that may quote a customer."""
    where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    log.error(what, extra={"channel": channel, "error": type(error).__name__, "at": where[-5:]})

"""All open streams of this process, and what each of them hears."""

import asyncio
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from services.gateway.caller import Entered
from services.gateway.stream.happened import Happened, encoded, may_hear
from services.gateway.stream.listener import HEARTBEAT, RESYNC, WAITING_BYTES_MAX, WAITING_MAX, Listener
from services.gateway.stream.ring import Ring
from shared.errors import Busy, MayPass
from shared.telemetry import metrics

HEARTBEAT_S = 15.0
RING_BYTES_MAX = 32 * 1024 * 1024
ON_ITS_WAY_MS = 15_000
"""A record reaches the log so long after its timestamp at most: a relay's delivery timeout and a little."""
OF_ONE_MAX = 50
"""Streams that one key or user may hold on one replica."""


class NoStream(MayPass):
    """This replica cannot tell what happens now; another may."""

    reason = "no_stream"


@dataclass(frozen=True, slots=True)
class Limits:
    """How many streams there may be."""

    all: int = 5_000
    of_one: int = OF_ONE_MAX


class Hub:
    """One per process."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.ring = Ring(bytes_max=RING_BYTES_MAX)
        self.joined = asyncio.Event()
        """Set when an agent opens a stream."""
        self._limits = limits or Limits()
        self._listeners: dict[str, set[Listener]] = {}
        self._read_to_end = False
        self._closed: str | None = None

    def read_to_end(self, at_ms: int) -> None:
        """The log was read to the end that it had at this moment: ids go on from shortly before it."""
        self.ring.stamp(at_ms - ON_ITS_WAY_MS)
        self._read_to_end = True

    def not_ready(self) -> str | None:
        """Why no stream can be opened here, or None."""
        return self._closed or (None if self._read_to_end else "the log is not read to its end yet")

    def begin(self, from_ms: int) -> None:
        """What is in the ring does not join on to what comes: everybody who listens begins anew."""
        self.ring.begin(from_ms)
        for listener in self.listeners():
            listener.give(RESYNC)

    def tell(self, events: Iterable[Happened]) -> None:
        """Keep these and tell them to whom they concern."""
        for happened in events:
            if not happened.passing:
                self.ring.add(happened)
            for listener in self._listeners.get(happened.workspace, ()):
                listener.hear(happened)

    def open(self, who: Entered, last_id: int | None) -> Listener:
        """A new stream, with what was missed since `last_id`; raises NoStream or Busy."""
        if (why := self.not_ready()) is not None:
            raise NoStream(f"this replica has no stream now ({why}); connect again")
        self._require_room(who)
        listener = Listener(who)
        listener.give(self._greeting(who))
        for chunk in self._missed(who, last_id):
            listener.give(chunk)
        self._listeners.setdefault(who.identity.workspace, set()).add(listener)
        metrics.STREAMS.inc()
        if who.identity.agent is not None:
            self.joined.set()
        return listener

    def leave(self, listener: Listener) -> None:
        """It is over."""
        workspace = listener.who.identity.workspace
        self._listeners[workspace].discard(listener)
        if not self._listeners[workspace]:
            del self._listeners[workspace]
        metrics.STREAMS.dec()
        metrics.STREAMS_ENDED.labels(listener.ended or "client").inc()

    def listeners(self) -> list[Listener]:
        """All of them."""
        return [listener for of_workspace in self._listeners.values() for listener in of_workspace]

    def live_agents(self) -> list[tuple[str, str]]:
        """Workspace and agent of those with an open stream, each once, sorted."""
        whos = [listener.who.identity for listener in self.listeners() if listener.ended is None]
        return sorted({(who.workspace, who.agent) for who in whos if who.agent is not None})

    def beat(self) -> None:
        """Say to whom nothing was said for a while that we are still here."""
        before = time.monotonic() - HEARTBEAT_S
        for listener in self.listeners():
            if listener.heard_at <= before:
                listener.give(HEARTBEAT)

    def end(self, why: str, whom: Callable[[Listener], bool]) -> None:
        """End the streams of which this is so."""
        for listener in self.listeners():
            if whom(listener):
                listener.end(why)

    def close(self, why: str) -> None:
        """End all; clients connect again, to another replica."""
        self._closed = why
        self.end(why, lambda _: True)

    def _require_room(self, who: Entered) -> None:
        listeners = self.listeners()
        if len(listeners) >= self._limits.all:
            raise Busy(f"this replica holds {len(listeners)} streams, which is its limit; connect again")
        principal = who.identity.principal
        if sum(one.who.identity.principal == principal for one in listeners) >= self._limits.of_one:
            raise Busy(f"{principal} holds {self._limits.of_one} streams already; close one")

    def _missed(self, who: Entered, last_id: int | None) -> list[bytes]:
        """What came since `last_id`; a resync where that is not known any more, or is more than fetching anew."""
        if last_id is None:
            return []
        since = self.ring.since(last_id)
        if since is None:
            return [RESYNC]
        identity = who.identity
        chunks = [one.chunk for one in since if one.workspace == identity.workspace and may_hear(identity, one)]
        fits = len(chunks) < WAITING_MAX // 2 and sum(map(len, chunks)) < WAITING_BYTES_MAX // 2
        return chunks if fits else [RESYNC]

    def _greeting(self, who: Entered) -> bytes:
        """The first event: what comes after it is complete, so this is the moment to fetch what is shown."""
        wait = b"retry: %d\n" % random.randint(500, 2_500)  # noqa: S311 - so that not all come back at once
        return wait + encoded(self.ring.mark, "hello", {"agent": who.identity.agent})


HUB = Hub()
"""This process's."""

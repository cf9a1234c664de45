"""One open stream: what waits to be written to it, bounded, and why it ends."""

import asyncio
import time
from collections import deque
from datetime import datetime

from services.gateway.caller import Entered
from services.gateway.stream.happened import Happened, encoded, may_hear

WAITING_MAX = 4_000
WAITING_BYTES_MAX = 2 * 1024 * 1024
"""A client that leaves more than this unread begins anew with a resync; what waits is the ring's own, not a copy."""
WRITTEN_AT_ONCE = 64 * 1024

HEARTBEAT = b": still here\n\n"
RESYNC = encoded(None, "resync", {})


class Listener:
    """Written to by the hub, read by its response."""

    def __init__(self, who: Entered) -> None:
        self.who = who
        self.heard_at = time.monotonic()
        """When something was last given to it."""
        self.ended: str | None = None
        """Why it ends, once it does."""
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._woken = asyncio.Event()

    def hear(self, happened: Happened) -> None:
        """Take an event that its caller may know of."""
        if self.ended is None and may_hear(self.who.identity, happened):
            self.give(happened.chunk)

    def give(self, chunk: bytes) -> None:
        """Take this; one chunk too many ends the stream instead."""
        if self.ended is not None:
            return
        if len(self._waiting) >= WAITING_MAX or self._bytes + len(chunk) > WAITING_BYTES_MAX:
            self._empty()
            self._put(RESYNC)
            self.end("slow")
            return
        self._put(chunk)

    def end(self, why: str) -> None:
        """Nothing comes after what waits."""
        self.ended = self.ended or why
        self._woken.set()

    def lapsed(self, now: datetime) -> bool:
        """Whether its token does not last any more."""
        return self.who.until is not None and now >= self.who.until

    async def take(self) -> bytes | None:
        """What waits, or much of it, as one; None at the end."""
        while not self._waiting:
            if self.ended is not None:
                return None
            self._woken.clear()
            await self._woken.wait()
        taken = [self._waiting.popleft()]
        size = len(taken[0])
        while self._waiting and size < WRITTEN_AT_ONCE:
            taken.append(self._waiting.popleft())
            size += len(taken[-1])
        self._bytes -= size
        return taken[0] if len(taken) == 1 else b"".join(taken)

    def _put(self, chunk: bytes) -> None:
        self._waiting.append(chunk)
        self._bytes += len(chunk)
        self.heard_at = time.monotonic()
        self._woken.set()

    def _empty(self) -> None:
        self._waiting.clear()
        self._bytes = 0

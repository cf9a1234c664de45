"""The last ten minutes of events in memory, so that who was away for a moment misses nothing."""

from collections import deque
from collections.abc import Iterator

from services.gateway.stream.happened import Happened

KEPT_MS = 10 * 60 * 1000
OVERLAP_MS = 5_000
"""Replicas read the log each at its own pace, so a resume begins so much before the id that the client has."""


class Ring:
    """Events in the order they came; marks never fall."""

    def __init__(self, *, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._events: deque[Happened] = deque()
        self._bytes = 0
        self._floor = 0
        self.mark = 0
        """The newest broker timestamp there was, in ms."""

    def begin(self, from_ms: int) -> None:
        """Forget everything; from here on nothing that the broker stamped at `from_ms` or later will be missing."""
        self._events.clear()
        self._bytes = 0
        self._floor = self.mark = from_ms - 1

    def stamp(self, timestamp_ms: int) -> int:
        """The mark of a record that comes now."""
        self.mark = max(self.mark, timestamp_ms)
        return self.mark

    def add(self, happened: Happened) -> None:
        """Keep one event more, and as few old ones as its room asks for."""
        self._events.append(happened)
        self._bytes += len(happened.chunk)
        while self._bytes > self._bytes_max:
            self._drop()

    def expire(self, now_ms: int) -> None:
        """Drop what is older than ten minutes."""
        while self._events and self._events[0].mark < now_ms - KEPT_MS:
            self._drop()

    def since(self, id_: int) -> Iterator[Happened] | None:
        """What may have come after the event with this id; None where some of it is not kept any more.

        An id from the future is another replica's that has read on: then it begins before what we have read ourselves.
        """
        start = min(id_, self.mark) - OVERLAP_MS
        if start <= self._floor:
            return None
        return (happened for happened in list(self._events) if happened.mark >= start)

    def _drop(self) -> None:
        dropped = self._events.popleft()
        self._bytes -= len(dropped.chunk)
        self._floor = max(self._floor, dropped.mark)

"""A lean HTTP/1.1 client for the figures of the API: kept-alive connections that ask one request after the other."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from bench.processes import quantile_ms


@dataclass(slots=True)
class Asked:
    """What a run came to: how long each answer took, and the run as a whole (seconds)."""

    waits_s: list[float] = field(default_factory=list)
    began: float = 0.0
    took_s: float = 0.0

    @property
    def per_s(self) -> float:
        """Answers a second."""
        return len(self.waits_s) / self.took_s

    def figures(self) -> dict[str, float | None]:
        """As the result shows them."""
        p50, p99 = quantile_ms(self.waits_s, 0.5), quantile_ms(self.waits_s, 0.99)
        return {"per_s": round(self.per_s, 1), "ms_p50": p50, "ms_p99": p99}


class Line:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @staticmethod
    async def to(port: int) -> "Line":
        """Connected to a port of this machine."""
        return Line(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send a request and read its answer, whose length is known or which comes in chunks."""
        self._writer.write(request)
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        at = head.find(b"content-length:")
        if at < 0:
            return int(head[9:12]), await self._chunks()
        length = int(head[at + 15 : head.index(b"\r\n", at)])
        return int(head[9:12]), await self._reader.readexactly(length)

    async def _chunks(self) -> bytes:
        parts = []
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            parts.append(await self._reader.readexactly(size))
            await self._reader.readexactly(2)
        await self._reader.readexactly(2)
        return b"".join(parts)

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


def request(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """A request as it goes over the wire."""
    lines = [f"{method} {path} HTTP/1.1", "host: bench", *(f"{name}: {value}" for name, value in headers.items())]
    if body:
        lines += ["content-type: application/json", f"content-length: {len(body)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def repeated(what: bytes, seconds: float) -> Iterator[bytes]:
    """The same request for so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield what


async def ask_all(port: int, requests: Iterator[bytes], *, connections: int, status: int = 200) -> Asked:
    """Ask all of these over so many connections; raises RuntimeError for any other status."""
    asked = Asked()

    async def one(line: Line) -> None:
        for what in requests:
            began = time.perf_counter()
            got, body = await line.ask(what)
            asked.waits_s.append(time.perf_counter() - began)
            if got != status:
                raise RuntimeError(f"answered {got}: {body[:500].decode()}")

    lines = [await Line.to(port) for _ in range(connections)]
    asked.began, began = time.time(), time.perf_counter()
    try:
        await asyncio.gather(*(one(line) for line in lines))
    finally:
        asked.took_s = time.perf_counter() - began
        for line in lines:
            line.close()
    return asked

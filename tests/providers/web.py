"""An HTTP/1.1 server whose every answer a test decides: also none at all, late, or a broken connection."""

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Got:
    """A request as it arrived; names of headers are in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body."""
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass(frozen=True)
class Reply:
    """An answer; `after_s` later than it could be."""

    status: int
    body: bytes = b"{}"
    headers: tuple[tuple[str, str], ...] = ()
    after_s: float = 0


DROP = None
"""The connection is closed without an answer."""
Behaviour = Callable[[Got], Awaitable[Reply | None]]


class WebProvider:
    """Takes requests and answers as `next` says, in its order, then as usual."""

    def __init__(self) -> None:
        self.got: list[Got] = []
        self.next: deque[Behaviour] = deque()
        self.always: Behaviour | None = None
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    async def stop(self) -> None:
        """Close it with all its connections."""
        assert self._server is not None
        self._server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def take(self, got: Got) -> Reply | None:
        """What it does when it behaves."""
        return Reply(200)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while await self._one(reader, writer):
                    pass
        finally:
            self._connections.discard(task)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = (line.split(": ", 1) for line in head[1:] if line)
        headers = {name.lower(): value for name, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        got = Got(head[0].split(" ")[1], headers, body)
        self.got.append(got)
        behave = self.next.popleft() if self.next else self.always or self.take
        reply = await behave(got)
        if reply is None:
            return False
        await asyncio.sleep(reply.after_s)
        lines = [f"HTTP/1.1 {reply.status} Said", f"content-length: {len(reply.body)}"]
        lines += [f"{name}: {value}" for name, value in reply.headers]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + reply.body)
        await writer.drain()
        return True

    # --- misbehaviour ------------------------------------------------------------------------------------------------

    def says(self, status: int, body: bytes = b"{}", **headers: str) -> Behaviour:
        """Refuses without taking it."""

        async def behave(_got: Got) -> Reply:
            return Reply(status, body, tuple((name.replace("_", "-"), value) for name, value in headers.items()))

        return behave

    def takes_late(self, after_s: float) -> Behaviour:
        """Takes it, and answers when nobody waits any more."""

        async def behave(got: Got) -> Reply | None:
            reply = await self.take(got)
            return reply and Reply(reply.status, reply.body, reply.headers, after_s)

        return behave

    async def takes_and_drops(self, got: Got) -> Reply | None:
        """Takes it, and closes the connection instead of answering."""
        await self.take(got)
        return DROP

    async def drops(self, _got: Got) -> Reply | None:
        """Closes the connection without having taken it."""
        return DROP

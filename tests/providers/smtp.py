"""A submission server (RFC 6409) that misbehaves as it is told, at the command it is told."""

import asyncio
import contextlib
from collections import deque
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import cast

ANSWERS = {
    "MAIL": "250 2.1.0 Ok",
    "RCPT": "250 2.1.5 Ok",
    "DATA": "354 Go ahead",
    ".": "250 2.0.0 Queued",
    "AUTH": "235 Ok",
}
DROP = "drop"
"""Instead of an answer: the connection is closed."""
HANG = "hang"
"""Instead of an answer: nothing."""


class SmtpServer:
    """Keeps what it has taken; `next` holds, for each mail to come, answers by command that differ from the usual."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.next: deque[dict[str, str]] = deque()
        self.commands: list[str] = []
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=40 * 1024 * 1024)

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def connected(self) -> int:
        """How many sessions are open."""
        return len(self._connections)

    async def stop(self) -> None:
        """Close it with all its connections."""
        assert self._server is not None
        self._server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._talk(reader, writer)
        finally:
            self._connections.discard(task)
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 fake\r\n")
        differs: dict[str, str] = {}
        while line := (await reader.readline()).decode().strip():
            self.commands.append(line)
            verb = line.split(" ", 1)[0].upper()
            if verb == "EHLO":
                writer.write(b"250-fake\r\n250 AUTH PLAIN\r\n")
                continue
            if verb == "MAIL":
                differs = self.next.popleft() if self.next else {}
            said = differs.get(verb, ANSWERS.get(verb, "250 Ok"))
            if not await _say(writer, said):
                return
            if verb == "DATA" and said.startswith("354"):
                content = await reader.readuntil(b"\r\n.\r\n")
                said = differs.get(".", ANSWERS["."])
                if said.startswith("250") or differs.get("taken"):
                    raw = content[:-3].replace(b"\r\n..", b"\r\n.")
                    self.mails.append(cast("EmailMessage", message_from_bytes(raw, policy=policy.default)))
                if not await _say(writer, said):
                    return
            if verb == "QUIT":
                return


async def _say(writer: asyncio.StreamWriter, said: str) -> bool:
    if said == DROP:
        return False
    if said == HANG:
        await asyncio.sleep(3600)
    writer.write(said.encode() + b"\r\n")
    await writer.drain()
    return True

"""Where customers' mail arrives: a submission server (RFC 6409) for one sender, as far as our own client speaks it."""

import asyncio
import base64
import binascii
import contextlib
import hmac
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage

from switchboard.seed.customers.place import HOST

MAIL_MAX_BYTES = 2 * 1024 * 1024
_END = b"\r\n.\r\n"

Take = Callable[[str, EmailMessage], None]


class MailServer:
    """Takes mail from whoever logs in with the password; `take` is given the recipient's address and the mail."""

    def __init__(self, password: str, take: Take) -> None:
        self._password = password.encode()
        self._take = take
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self, port: int) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, HOST, port, limit=MAIL_MAX_BYTES)

    async def stop(self) -> None:
        """Close it with all its connections."""
        if self._server is not None:
            self._server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        gone = (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError)
        try:
            with contextlib.suppress(*gone):
                await self._talk(reader, writer)
        finally:
            self._connections.discard(task)
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _say(writer, "220 customers.example")
        known, recipient = False, ""
        while line := (await reader.readline()).decode("utf-8", "replace").strip():
            verb = line[:4].upper()
            if verb == "EHLO":
                await _say(writer, "250-customers.example\r\n250 AUTH PLAIN")
            elif verb == "QUIT":
                return await _say(writer, "221 2.0.0 Bye")
            elif verb == "AUTH":
                known = self._proves(line)
                await _say(writer, "235 2.7.0 Welcome" if known else "535 5.7.8 The password is another one")
            elif not known:
                await _say(writer, "530 5.7.0 Log in first")
            elif verb == "DATA":
                await _say(writer, "354 Go ahead")
                raw = (await reader.readuntil(_END)).removesuffix(_END[2:]).replace(b"\r\n..", b"\r\n.")
                self._take(recipient, message_from_bytes(raw, policy=policy.default))
                await _say(writer, "250 2.0.0 It is in the mailbox")
            else:
                recipient = line.partition("<")[2].partition(">")[0] if verb == "RCPT" else recipient
                await _say(writer, "250 Ok")
        return None

    def _proves(self, line: str) -> bool:
        """AUTH PLAIN with the password (RFC 4616)."""
        try:
            password = base64.b64decode(line.rsplit(" ", maxsplit=1)[-1], validate=True).rpartition(b"\0")[2]
        except (binascii.Error, ValueError):
            return False
        return hmac.compare_digest(password, self._password)


async def _say(writer: asyncio.StreamWriter, line: str) -> None:
    writer.write(line.encode() + b"\r\n")
    await writer.drain()


def words(mail: EmailMessage) -> str:
    """What a reader sees of it."""
    body = mail.get_body(("plain",))
    return str(body.get_content()).replace("\r\n", "\n").strip() if body is not None else ""

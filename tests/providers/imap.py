"""A mail server's IMAP side, for one user and one folder, that misbehaves as it is told."""

import asyncio
import contextlib
import re
import ssl
from dataclasses import dataclass, field

_ASKED = re.compile(r"(\S+) (?:UID )?(\S+) ?(.*)")


@dataclass
class Folder:
    """The mails by UID."""

    validity: int = 1
    mails: dict[int, bytes] = field(default_factory=dict)
    next_uid: int = 1

    def add(self, *mails: bytes) -> None:
        """They arrive."""
        for mail in mails:
            self.mails[self.next_uid] = mail
            self.next_uid += 1

    def renumber(self) -> None:
        """Another validity, other UIDs."""
        mails = list(self.mails.values())
        self.mails, self.validity, self.next_uid = {}, self.validity + 1, 101
        self.add(*mails)


class ImapServer:
    """`refuse` and `drop` name UIDs that it says NO to, and in the middle of which it hangs up."""

    def __init__(self, password: str, tls: ssl.SSLContext | None = None) -> None:
        self.folder = Folder()
        self.password = password
        self.commands: list[str] = []
        self.refuse: set[int] = set()
        self.drop: set[int] = set()
        self.pretended_size: dict[int, int] = {}
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)

    async def stop(self) -> None:
        """Close it with all its connections."""
        assert self._server is not None
        self._server.close()
        await self.hang_up()

    async def hang_up(self) -> None:
        """Close all connections."""
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._talk(reader, writer)
        finally:
            self._connections.discard(task)
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK ready\r\n")
        while line := (await reader.readline()).decode().strip():
            asked = _ASKED.fullmatch(line)
            assert asked is not None
            tag, command, arguments = asked.groups()
            self.commands.append(f"{command} {arguments}".strip())
            untagged, said = self._answer(command.upper(), arguments)
            for part in untagged:
                writer.write(part)
                await writer.drain()
            if said is None:
                return
            writer.write(f"{tag} {said}\r\n".encode())
            await writer.drain()
            if command.upper() == "LOGOUT":
                return

    def _answer(self, command: str, arguments: str) -> tuple[list[bytes], str | None]:
        """What comes before the tagged answer, and that answer; None where it hangs up."""
        if command == "CAPABILITY":
            return [b"* CAPABILITY IMAP4rev1\r\n"], "OK done"
        if command == "LOGIN":
            return [], "OK done" if arguments.endswith(f'"{self.password}"') else "NO wrong password"
        if command == "EXAMINE":
            validity, following = self.folder.validity, self.folder.next_uid
            told = f"* {len(self.folder.mails)} EXISTS\r\n* OK [UIDVALIDITY {validity}] ok\r\n"
            return [f"{told}* OK [UIDNEXT {following}] ok\r\n".encode()], "OK [READ-ONLY] done"
        if command == "SEARCH":
            found = " ".join(map(str, self._named(arguments.split(" ")[1])))
            return [f"* SEARCH {found}\r\n".encode()], "OK done"
        if command == "FETCH":
            return self._fetch(*arguments.split(" ", 1))
        return [], "OK done" if command in ("NOOP", "LOGOUT") else "BAD what"

    def _fetch(self, named: str, what: str) -> tuple[list[bytes], str | None]:
        said = []
        for uid in self._named(named):
            mail = self.folder.mails[uid]
            number = list(self.folder.mails).index(uid) + 1
            if "RFC822.SIZE" in what:
                size = self.pretended_size.get(uid, len(mail))
                said.append(f"* {number} FETCH (UID {uid} RFC822.SIZE {size})\r\n".encode())
                continue
            if uid in self.refuse:
                return said, "NO that mail is broken"
            content = mail.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if "HEADER" in what else mail
            literal = f"BODY[] {{{len(content)}}}\r\n".encode() + content
            if uid in self.drop:
                return [*said, f"* {number} FETCH (UID {uid} ".encode() + literal[: len(literal) // 2]], None
            before, behind = (f"UID {uid} ".encode(), b"") if uid % 2 else (b"", f" UID {uid}".encode())
            said.append(f"* {number} FETCH (".encode() + before + literal + behind + b")\r\n")
        return said, "OK done"

    def _named(self, given: str) -> list[int]:
        """The UIDs of a set that are there."""
        wanted = []
        for run in given.split(","):
            first, _, last = run.partition(":")
            ends = range(int(first), (self.folder.next_uid if last == "*" else int(last or first)) + 1)
            wanted += [uid for uid in self.folder.mails if uid in ends]
        return wanted

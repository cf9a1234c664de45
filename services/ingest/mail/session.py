"""One connection of a mail server, within limits: how many there are, how much they hold, how long they may take."""

import asyncio
from typing import TYPE_CHECKING, Any, cast

from aiosmtpd.smtp import SMTP, syntax

from shared.channels.base import MIB

if TYPE_CHECKING:
    import ssl

    from services.ingest.mail.envelope import Envelopes

MAIL_MAX_BYTES = 40 * MIB
HELD_MAX_BYTES = 160 * MIB
"""Of all mails on their way in together; whoever comes on top is asked to come again."""
COMMANDS_MAX = {"*": 10_000, "NOOP": 100, "EHLO": 100, "HELO": 100, "LHLO": 100, "VRFY": 10, "HELP": 10}
BUSY = b"421 4.3.2 too many connections; try again later\r\n"
FULL = b"421 4.3.1 too much mail at once; try again later\r\n"


class Room:
    """What all connections share: so many of them, half of those for one peer, and so many bytes."""

    def __init__(self, connections: int) -> None:
        self._connections = connections
        self._by_peer: dict[str, int] = {}
        self.held = 0

    def enter(self, peer: str) -> bool:
        """Take a place; False where there is none."""
        if sum(self._by_peer.values()) >= self._connections:
            return False
        if self._by_peer.get(peer, 0) >= max(1, self._connections // 2):
            return False
        self._by_peer[peer] = self._by_peer.get(peer, 0) + 1
        return True

    def leave(self, peer: str) -> None:
        """Give the place back."""
        self._by_peer[peer] -= 1
        if not self._by_peer[peer]:
            del self._by_peer[peer]


class MailSession(SMTP):
    """SMTP as a last stop: no log-in, no relay."""

    lmtp = False
    line_length_limit = MIB
    """Many programs write longer lines than RFC 5322 allows; their mails are read all the same."""

    def __init__(
        self, hooks: "Envelopes", room: Room, *, name: str, tls: "ssl.SSLContext | None", idle_s: float
    ) -> None:
        super().__init__(
            hooks,
            data_size_limit=MAIL_MAX_BYTES,
            enable_SMTPUTF8=True,
            hostname=name,
            ident="ESMTP",
            tls_context=tls,
            timeout=idle_s,
            command_call_limit=COMMANDS_MAX,
            loop=asyncio.get_running_loop(),
        )
        self._room = room
        self._peer: str | None = None
        self._held = 0
        self._receiving = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin where there is room; comes again after STARTTLS."""
        if self._peer is None:
            peer = str((transport.get_extra_info("peername") or ("local",))[0])
            if not self._room.enter(peer):
                _say(transport, BUSY)
                return
            self._peer = peer
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Give back what it took."""
        if self._peer is None or self.session is None:
            return
        self.let_go()
        self._room.leave(self._peer)
        super().connection_lost(error)

    def eof_received(self) -> bool | None:
        """As always, where it had begun."""
        return super().eof_received() if self._peer is not None else None

    def data_received(self, data: bytes) -> None:
        """Count what is held until the mail is kept or let go."""
        if self._peer is None:
            return
        self._held += len(data)
        self._room.held += len(data)
        if self._room.held > HELD_MAX_BYTES and self._held > MIB:
            _say(self.transport, FULL)
            return
        super().data_received(data)

    def let_go(self) -> None:
        """Nothing is held any more."""
        self._room.held -= self._held
        self._held = 0

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - the library's
        """The mail itself."""
        self._receiving = True
        try:
            await super().smtp_DATA(arg)
        finally:
            self._receiving = False
            self.let_go()

    async def smtp_AUTH(self, _arg: str) -> None:  # noqa: N802 - the library's
        """Nobody is known here, so nobody may relay."""
        await self.push("502 5.5.1 nobody logs in here")

    async def push(self, status: Any) -> None:
        """Over LMTP a mail that is refused whole is refused to each recipient (RFC 2033 §4.2)."""
        refused = self._receiving and isinstance(status, str) and status.startswith(("500 Line", "552 "))
        if refused and self.lmtp and self.envelope is not None:
            status = "\r\n".join([status] * len(self.envelope.rcpt_tos))
        await super().push(status)


class LocalSession(MailSession):
    """LMTP: the greeting is another one, and each recipient has his own answer."""

    lmtp = True

    @syntax("LHLO hostname")
    async def smtp_LHLO(self, hostname: str) -> None:  # noqa: N802 - the library's
        """The greeting."""
        await super().smtp_EHLO(hostname)

    async def smtp_EHLO(self, _hostname: str) -> None:  # noqa: N802 - the library's
        """No command of LMTP."""
        await self.push("500 5.5.1 say LHLO")

    async def smtp_HELO(self, _hostname: str) -> None:  # noqa: N802 - the library's
        """No command of LMTP."""
        await self.push("500 5.5.1 say LHLO")


def _say(transport: asyncio.BaseTransport | None, words: bytes) -> None:
    """The last words to somebody."""
    if transport is not None:
        cast("asyncio.WriteTransport", transport).write(words)
        transport.close()

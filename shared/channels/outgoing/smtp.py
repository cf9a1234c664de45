"""One mail over SMTP submission (RFC 6409), command by command: only the end of DATA hands it over (RFC 5321 §4.1.1.4).

Whatever fails before the mail's content is sent has changed nothing. Between content and answer nobody knows.
"""

import asyncio
import contextlib
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field

import aiosmtplib

from shared.channels.formats import enhanced_status
from shared.channels.outgoing.client import Client
from shared.channels.outgoing.outcomes import Accepted, Outcome, Rejected, TryLater, Unsure
from shared.errors import Invalid

CLOSING = 421
"""The server closes the session (RFC 5321 §3.8)."""
UNPROVED = frozenset({530, 534, 535, 538})
"""The server wants another log-in, or TLS before one (RFC 4954 §6, RFC 3207 §4)."""
OUR_NAME = "switchboard"
"""What we call ourselves in EHLO; looking up the machine's name may block."""


@dataclass(frozen=True, slots=True)
class Server:
    """The account's submission server; `tls` is `starttls`, `tls` (from the first byte) or `none`."""

    host: str
    port: int
    tls: str
    user: str
    password: str = field(repr=False)


async def submit(client: Client, server: Server, *, sender: str, recipients: Sequence[str], mail: bytes) -> Outcome:
    """Hand one mail over to the first of the recipients, and to those of the others whom the server takes."""
    try:
        async with asyncio.timeout(client.timeout_s / 2):
            connection = await _reused(client, server, sender, recipients) or await _ready(
                client, server, sender, recipients
            )
    except (Invalid, aiosmtplib.SMTPException, OSError) as error:
        return _before(error)
    try:
        async with asyncio.timeout(client.timeout_s / 2):
            await connection.data(mail)
    except aiosmtplib.SMTPResponseException as error:
        connection.close()
        return _refused(error, "refused")
    except (aiosmtplib.SMTPException, OSError) as error:
        connection.close()
        return Unsure("timeout" if isinstance(error, TimeoutError) else "connection-lost")
    except BaseException:
        connection.close()
        raise
    client.sessions.give_back(server, connection)
    return Accepted()


def _before(error: Exception) -> Outcome:
    """What failed before any content was sent; nothing happened.

    A server that lacks STARTTLS is a bare SMTPException of the library's.
    """
    if isinstance(error, Invalid):
        return Rejected(error.reason)
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return TryLater("account-unauthorized")
    if isinstance(error, (aiosmtplib.SMTPConnectError, aiosmtplib.SMTPHeloError)):
        return TryLater("no-connection")
    if isinstance(error, aiosmtplib.SMTPRecipientRefused):
        return _refused(error, "no-such-recipient")
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return _refused(error, "refused")
    lacking = isinstance(error, aiosmtplib.SMTPNotSupported) or type(error) is aiosmtplib.SMTPException
    return TryLater("not-supported" if lacking else "no-connection")


def _refused(error: aiosmtplib.SMTPResponseException, reason: str) -> Outcome:
    """4xx may pass, 5xx stands (RFC 5321 §4.2.1); that nobody may send before a log-in is not the mail's fault."""
    if error.code in UNPROVED:
        return TryLater("account-unauthorized")
    word = enhanced_status.word(error.message, otherwise=f"{reason}-{error.code}")
    return TryLater(word) if error.code < 500 else Rejected(word)


async def _reused(client: Client, server: Server, sender: str, recipients: Sequence[str]) -> aiosmtplib.SMTP | None:
    """A session that is open already; None where there is none, or its server has given it up meanwhile."""
    session = client.sessions.take(server)
    if session is None:
        return None
    try:
        await _addressed(session, sender, recipients)
    except aiosmtplib.SMTPResponseException as error:
        session.close()
        if error.code == CLOSING:
            return None
        raise
    except (aiosmtplib.SMTPException, OSError):
        session.close()
        return None
    except BaseException:
        session.close()
        raise
    return session


async def _addressed(session: aiosmtplib.SMTP, sender: str, recipients: Sequence[str]) -> None:
    """Say whom it goes to; a copy that the server does not take leaves the others as they are."""
    await session.mail(sender)
    await session.rcpt(recipients[0])
    for copy in recipients[1:]:
        with contextlib.suppress(aiosmtplib.SMTPRecipientRefused):
            await session.rcpt(copy)


async def _ready(client: Client, server: Server, sender: str, recipients: Sequence[str]) -> aiosmtplib.SMTP:
    """A connection on which nothing but the content is missing."""
    connection = aiosmtplib.SMTP(
        hostname=server.host,
        sock=await _connected(client, server),
        use_tls=server.tls == "tls",
        start_tls=server.tls == "starttls",
        local_hostname=OUR_NAME,
        timeout=client.timeout_s,
    )
    try:
        await connection.connect()
        if server.user:
            await connection.login(server.user, server.password)
        await _addressed(connection, sender, recipients)
    except BaseException:
        connection.close()
        raise
    return connection


async def _connected(client: Client, server: Server) -> socket.socket:
    """A socket to a checked address of the server."""
    async with asyncio.timeout(client.connect_s):
        addresses = await client.addresses.of(server.host, server.port)
    failed: OSError = OSError("the name has no address")
    for address in addresses[:3]:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        raw = socket.socket(family, socket.SOCK_STREAM)
        raw.setblocking(False)
        try:
            async with asyncio.timeout(client.connect_s):
                await asyncio.get_running_loop().sock_connect(raw, (address, server.port))
            return raw
        except BaseException as error:
            with contextlib.suppress(OSError):
                raw.close()
            if not isinstance(error, OSError):
                raise
            failed = error
    raise failed

"""Handing mails to a submission server: never in the clear unless told so, over sessions that do not stay for ever."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from shared.channels.outgoing import smtp, smtp_sessions
from shared.channels.outgoing.addresses import Addresses
from shared.channels.outgoing.client import Client
from shared.channels.outgoing.outcomes import Accepted, Outcome, Rejected, TryLater
from tests.eventually import eventually
from tests.providers.smtp import SmtpServer

MAIL = b"Subject: Hello\r\n\r\nHello\r\n"


@pytest.fixture
async def far() -> AsyncIterator[SmtpServer]:
    """A server that listens."""
    server = SmtpServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """An account's connections."""
    made = Client(httpx.AsyncClient(), Addresses(allow_private=True), timeout_s=5)
    yield made
    await made.close()


def at(far: SmtpServer) -> smtp.Server:
    return smtp.Server("127.0.0.1", far.port, "none", "", "")


async def submitted(
    client: Client, server: smtp.Server, *, to: str = "ada@example.org", cc: tuple[str, ...] = ()
) -> Outcome:
    return await smtp.submit(client, server, sender="care@bikes.example", recipients=(to, *cc), mail=MAIL)


async def test_a_server_without_tls_gets_neither_mail_nor_password(far: SmtpServer, client: Client) -> None:
    server = replace(at(far), tls="starttls", user="care", password="secret")
    assert await submitted(client, server) == TryLater("not-supported")
    assert [command.split()[0] for command in far.commands] == ["EHLO"]


async def test_a_refusal_says_why(far: SmtpServer, client: Client) -> None:
    far.next.extend([{".": "552 5.3.4 Too big"}, {"RCPT": "450 4.2.2 Over quota"}, {"MAIL": "530 5.7.0 Log in"}])
    came = [await submitted(client, at(far)) for _ in range(3)]
    assert came == [Rejected("message-too-large"), TryLater("mailbox-full"), TryLater("account-unauthorized")]


async def test_more_mails_than_sessions_are_kept_go_out_side_by_side(far: SmtpServer, client: Client) -> None:
    came = await asyncio.gather(*(submitted(client, at(far), to=f"c{n}@example.org") for n in range(9)))
    assert set(came) == {Accepted()} and len(far.mails) == 9
    assert len(client.sessions._idle) <= smtp_sessions.MOST


async def test_a_session_that_nobody_uses_is_closed(
    far: SmtpServer, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp_sessions, "IDLE_S", 0.2)
    assert await submitted(client, at(far)) == Accepted()
    assert far.connected == 1

    async def gone() -> bool:
        return far.connected == 0

    await eventually(gone, what="a closed session")


async def test_a_copy_that_is_not_taken_leaves_the_others_as_they_are(far: SmtpServer, client: Client) -> None:
    assert await submitted(client, at(far), cc=("kim@example.org", "lee@example.org")) == Accepted()
    assert [c for c in far.commands if c.startswith("RCPT")] == [
        f"RCPT TO:<{name}@example.org>" for name in ("ada", "kim", "lee")
    ]

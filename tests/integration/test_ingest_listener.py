"""Mail servers deliver to a real ingest: by SMTP, by LMTP, with TLS, while Kafka is away, and beyond the limits."""

import asyncio
import smtplib
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import pytest

from tests.certificates import Authority
from tests.desk import free_port
from tests.eventually import eventually
from tests.integration.ingests import Ingest, start_ingest, stop_ingest
from tests.shop import SECRET
from tests.stack import Stack

T = TypeVar("T")
CARE, HELP, CHAT = "care@bikes.example", "help@bikes.example", "chat@bells.example"
TOKEN = "b" * 42
CONNECTIONS = 4


@dataclass
class Doors:
    """A running ingest with its ports for mail."""

    ingest: Ingest
    smtp: int
    lmtp: int
    authority: Path

    async def talk(self, say: Callable[[smtplib.SMTP], T], *, lmtp: bool = False, tls: bool = False) -> T:
        """What a mail server says to us, in a thread."""

        def session() -> T:
            kind, port = (smtplib.LMTP, self.lmtp) if lmtp else (smtplib.SMTP, self.smtp)
            with closing(kind("127.0.0.1", port, local_hostname="mx.customer.example")) as server:
                server.sock.settimeout(30)
                if tls:
                    server.starttls(context=ssl.create_default_context(cafile=str(self.authority)))
                return say(server)

        return await asyncio.to_thread(session)


@pytest.fixture(scope="module")
def doors(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    authority = Authority(tmp_path_factory.mktemp("tls"))
    certificate, key = authority.sign("mx", address="127.0.0.1")
    smtp, lmtp = free_port(), free_port()
    more = {
        "SWITCHBOARD_SMTP_PORT": str(smtp),
        "SWITCHBOARD_LMTP_PORT": str(lmtp),
        "SWITCHBOARD_SMTP_CERT": str(certificate),
        "SWITCHBOARD_SMTP_KEY": str(key),
        "SWITCHBOARD_SMTP_CONNECTIONS": str(2 * CONNECTIONS),
    }
    ingest = start_ingest(stack, more)
    for id_, shop, addresses in (("care", "bikes", f"{CARE},{HELP}"), ("chat", "bells", CHAT)):
        document = {
            "channel": "mail",
            "shop": shop,
            "secrets": [{"value": SECRET}],
            "options": {"addresses": addresses},
        }
        stack.run(ingest.put(id_, document))
    yield Doors(ingest, smtp, lmtp, authority.file)
    stop_ingest(ingest)


def mail(text: str, *, to: str = CARE, id_: str | None = None) -> bytes:
    return (
        f"From: Ada <ada@customer.example>\r\nTo: {to}\r\nSubject: Order\r\n"
        f"Message-ID: <{id_ or uuid4().hex}@customer.example>\r\nDate: Fri, 2 Jan 2026 03:00:00 +0000\r\n\r\n{text}\r\n"
    ).encode()


def deliver(body: bytes, *to: str) -> Callable[[smtplib.SMTP], dict[str, tuple[int, bytes]]]:
    return lambda server: server.sendmail("ada@customer.example", list(to) or [CARE], body)


async def received(doors: Doors, text: str) -> list[tuple[str, str, str | None]]:
    """Id, account and token of every record with this text, in the order of the log."""
    found = await doors.ingest.records("inbound-messages")
    return [(str(e.id), e.data.account, e.data.reply_token) for e, _ in found if e.data.text == text]


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
async def test_a_delivered_mail_is_on_the_bus_when_the_server_is_told_so(doors: Doors, tls: bool) -> None:
    text = f"Where is it? {uuid4()}\n.\nPlease"
    body = mail(text.replace("\n", "\r\n"))
    for _ in range(2):
        await doors.talk(deliver(body, f"care+t{TOKEN}@bikes.example"), tls=tls)
    found = await received(doors, text)
    assert len(found) == 2
    assert len(set(found)) == 1, "the same mail again is the same message"
    assert found[0][1:] == ("care", TOKEN)


async def test_each_account_gets_a_mail_once_and_strangers_are_told(doors: Doors) -> None:
    text = str(uuid4())
    body = mail(text)
    refused = await doors.talk(deliver(body, CARE, HELP, CHAT, "nobody@bikes.example"))
    assert refused["nobody@bikes.example"][0] == 550
    assert b"5.1.1" in refused["nobody@bikes.example"][1]
    assert sorted(account for _, account, _ in await received(doors, text)) == ["care", "chat"]


async def test_over_lmtp_every_recipient_has_an_answer(doors: Doors) -> None:
    text = str(uuid4())

    def say(server: smtplib.SMTP) -> list[int]:
        server.ehlo_or_helo_if_needed()
        server.mail("<>")
        said = [server.rcpt(to)[0] for to in (CARE, "nobody@bikes.example", CHAT)]
        server.putcmd("data")
        said.append(server.getreply()[0])
        server.send(mail(text) + b".\r\n")
        return [*said, server.getreply()[0], server.getreply()[0]]

    assert await doors.talk(say, lmtp=True) == [250, 550, 250, 354, 250, 250]
    assert sorted(account for _, account, _ in await received(doors, text)) == ["care", "chat"]


async def test_what_is_too_large_or_no_mail_has_its_place(doors: Doors) -> None:
    def too_large(server: smtplib.SMTP) -> int:
        server.ehlo_or_helo_if_needed()
        assert server.esmtp_features["size"] == str(40 * 1024 * 1024)
        assert "auth" not in server.esmtp_features
        return server.mail("ada@customer.example", [f"SIZE={41 * 1024 * 1024}"])[0]

    assert await doors.talk(too_large, tls=True) == 552
    marker = uuid4().hex.encode()
    await doors.talk(deliver(b"this is no mail " + marker + b"\r\n"))

    async def filed() -> bool:
        async with doors.ingest.owner() as client:
            page = (await client.get("/v1/quarantine")).json()["items"]
        return any(item["channel"] == "mail" and item["reason"] == "no_sender" for item in page)

    await eventually(filed, what="the mail in quarantine")


async def test_a_mail_with_files_comes_whole_and_a_pipe_may_post_it_too(doors: Doors) -> None:
    head, _, text = mail(marker := str(uuid4())).partition(b"\r\n\r\n")
    photo = b"\r\n".join([b"QUJD" * 18] * 15_000)  # 1 MiB
    parts = [b"Content-Type: text/plain\r\n\r\n" + text]
    parts.append(b"Content-Type: image/png; name=a.png\r\nContent-Transfer-Encoding: base64\r\n\r\n" + photo + b"\r\n")
    kind = b'\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="x"\r\n\r\n'
    body = head + kind + b"".join(b"--x\r\n" + part for part in parts) + b"--x--\r\n"
    await doors.talk(deliver(body))
    headers = {"authorization": f"Bearer {SECRET}", "content-type": "message/rfc822"}
    posted = await doors.ingest.send({"url": "/v1/inbound/mail/care", "content": body, "headers": headers})
    assert posted.status_code == 202
    found = await received(doors, marker)
    assert [id_ for id_, _, _ in found] == posted.json()["ids"] * 2
    event, _ = await doors.ingest.message(found[0][0])
    assert [(file.name, file.size) for file in event.data.attachments] == [("a.png", 810_000)]


async def test_one_server_cannot_take_every_connection(doors: Doors) -> None:
    @contextmanager
    def connected() -> Iterator[bytes]:
        with socket.create_connection(("127.0.0.1", doors.smtp), timeout=10) as one:
            yield one.recv(100)[:3]

    def many() -> list[bytes]:
        with connected() as a, connected() as b, connected() as c, connected() as d, connected() as beyond:
            return [a, b, c, d, beyond]

    assert await asyncio.to_thread(many) == [b"220"] * CONNECTIONS + [b"421"]


async def test_while_kafka_is_away_the_mail_stays_with_its_server(doors: Doors) -> None:
    text = str(uuid4())
    body = mail(text, id_="kept@customer.example")
    stack = doors.ingest.desk.stack
    await stack.kill_kafka()
    try:
        started = time.monotonic()
        with pytest.raises(smtplib.SMTPDataError) as refused:
            await doors.talk(deliver(body))
        assert refused.value.smtp_code == 451
        assert time.monotonic() - started < 8
    finally:
        await stack.start_kafka()

    async def taken() -> bool:
        try:
            await doors.talk(deliver(body))
        except smtplib.SMTPDataError:
            return False
        return True

    await eventually(taken, timeout_s=60, what="the mail taken")
    found = await received(doors, text)
    assert found
    assert len(set(found)) == 1

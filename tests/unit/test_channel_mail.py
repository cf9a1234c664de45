"""The channel `mail`: the bytes of a mail become a message, and the account's secret proves them over HTTP."""

import base64

import httpx
import pytest

from shared.channels import CHANNELS
from shared.channels.base import Request
from shared.channels.outgoing.addresses import Addresses
from shared.channels.outgoing.client import Client
from shared.channels.outgoing.outcomes import Rejected, Rendered
from shared.errors import Invalid, Unauthenticated
from tests.unit.channel_requests import NOW, SECRET, account, only, read

MAIL = CHANNELS["mail"]
TOKEN = "a" * 42
WRITTEN = b"""From: Ada <ada@customer.example>\r
To: care@bikes.example\r
Subject: =?utf-8?q?Caf=C3=A9?=\r
Message-ID: <one@customer.example>\r
Date: Fri, 2 Jan 2026 03:00:00 +0000\r
\r
Where is my order?\r
"""


def request(body: bytes = WRITTEN, **headers: str) -> Request:
    return Request(headers=headers, body=body, received_at=NOW)


def test_a_mail_becomes_a_message() -> None:
    said = only(read("mail", request(**{"envelope-to": f"care+t{TOKEN}@bikes.example"})))
    assert (said.sender.value, said.sender.name, said.subject) == ("ada@customer.example", "Ada", "Café")
    assert said.text == "Where is my order?"
    assert said.reply_token == TOKEN


def test_the_same_mail_over_another_way_is_the_same_message() -> None:
    first = only(read("mail", request()))
    again = only(read("mail", request(b"Received: from a by b; Fri, 2 Jan 2026 03:00:01 +0000\r\n" + WRITTEN)))
    assert first.natural_id == again.natural_id


def test_a_mail_without_any_id_is_known_by_its_bytes() -> None:
    body = b"From: ada@customer.example\r\n\r\nHello\r\n"
    ids = [only(read("mail", request(each))).natural_id for each in (body, body, body + b"!")]
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize("body", [b"", b"\r\n", b"nothing that is a mail", b"\xff" * 100])
def test_what_is_no_mail_is_refused(body: bytes) -> None:
    with pytest.raises(Invalid):
        read("mail", request(body))


def test_over_http_the_secret_proves_a_mail() -> None:
    basic = base64.b64encode(f"any:{SECRET}".encode()).decode()
    for right in (f"Bearer {SECRET}", f"Basic {basic}"):
        MAIL.verify(request(authorization=right), account())
    for wrong in ("", "Bearer ", "Bearer no", f"Digest {SECRET}", "Basic %%%"):
        with pytest.raises(Unauthenticated):
            MAIL.verify(request(authorization=wrong), account())


async def test_without_a_submission_server_nothing_is_sent() -> None:
    http = httpx.AsyncClient()
    rendered = Rendered("key", "ada@customer.example", b"")
    assert await MAIL.send(rendered, account(), Client(http, Addresses(), timeout_s=1)) == Rejected("no-smtp-host")

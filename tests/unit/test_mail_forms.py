"""Forms that providers post, changed at random: messages or a refusal, and large ones within bounds."""

import random
import time
import tracemalloc
from dataclasses import replace

import pytest

from shared.channels import CHANNELS
from shared.channels.base import Request
from shared.channels.formats import multipart
from shared.errors import Refused
from tests.unit.channel_requests import NOW, account, form, mailgun_signed
from tests.unit.test_mail_properties import mutated

MIB = 1024 * 1024
FIELDS = {
    "from": "Ada <ada@example.org>",
    "headers": "Message-ID: <a@x>\nDate: Fri, 02 Jan 2026 04:04:05 +0100\n",
    "message-headers": '[["Message-Id", "<a@x>"]]',
    "body-plain": "Hi",
    "text": "Hi",
    "envelope": '{"to": ["care@bikes.example"]}',
    "charsets": '{"text": "utf-8"}',
}
FILES = [("attachment1", "a.png", "image/png", b"\x89PNG\r\n")]


@pytest.mark.parametrize("channel", ["mailgun", "sendgrid"])
def test_a_changed_form_is_read_or_refused(channel: str) -> None:
    chance = random.Random(20260105)
    given = form(FIELDS | mailgun_signed(), FILES)
    for _ in range(1_500):
        changed = replace(given, body=mutated(given.body, chance))
        for step in (CHANNELS[channel].verify, CHANNELS[channel].parse):
            try:
                step(changed, account())
            except Refused:
                continue


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data; boundary=x", b"--x\r\n" * 800_000),
        ("multipart/form-data; boundary=x", b"--x\r\nA: b\r\n\r\n" + b"\r\n--y" * 800_000),
        ("multipart/form-data; boundary=x", b"--x\r\nA: " + b"b" * 4_000_000),
        ("multipart/form-data; boundary=" + "x" * 5_000, b"--x"),
        ("application/x-www-form-urlencoded", b"a&" * 2_000_000),
        ("application/x-www-form-urlencoded", b"a=" + b"%41" * 1_300_000),
    ],
)  # fmt: skip
def test_a_form_made_to_be_slow_or_large_is_neither(kind: str, body: bytes) -> None:
    before = time.process_time()
    read(Request({"content-type": kind}, body, NOW))
    assert time.process_time() - before < 3, "1 s on a quiet machine"
    tracemalloc.start()
    try:
        read(Request({"content-type": kind}, body, NOW))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak <= max(16 * MIB, 20 * len(body))


def read(request: Request) -> None:
    try:
        multipart.read(request.headers["content-type"], request.body)
    except Refused:
        return

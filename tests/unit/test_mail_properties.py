"""Whatever bytes claim to be a mail: a mail or a refusal, in bounded time and memory."""

import base64
import random
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.channels.base import AccountContext
from shared.channels.formats import mail_message, rfc822
from shared.errors import Refused
from tests.unit.channel_requests import NOW

ACCOUNT = AccountContext("main", "bikes", "mail", (), {"from": "care@bikes.example"})
MIB = 1024 * 1024
HEAD = b"From: a@b.c\r\nMessage-ID: <x@y>\r\n"
CASES, CASES_LONG = 3_000, 60_000


def handled(raw: bytes) -> None:
    """Read, made a message and written as one; any error but a refusal fails the test."""
    try:
        found = rfc822.read(raw)
        for received in mail_message.parsed(found, mail_message.Arrived("mail", ACCOUNT, NOW, "r")).received:
            received.message.model_dump_json()
    except Refused:
        return


# ruff: noqa: E501 - words that stand in mails, many on a line
LINES = st.sampled_from(
    [
        "From: a@b.c", "Content-Type: multipart/mixed; boundary=x", "Content-Type: text/html; charset=utf-7", "--x", "--x--",
        "Content-Type: message/delivery-status", "Content-Transfer-Encoding: base64", "Action: failed", "Status: 5.1.1",
        "Content-Type: multipart/report; boundary=x", "Content-Type: message/rfc822", "Message-ID: <a@b>", "", "> q", "On 1 wrote:",
        "Content-Disposition: attachment; filename*=utf-8''%e2%82", "Subject: =?utf-8?b?4pyT?= =?x?q?=C3?=", "YQ==", "=C3=", "\t",
    ]
)  # fmt: skip


@given(st.lists(LINES | st.text(max_size=30), max_size=30))
def test_any_lines(lines: list[str]) -> None:
    handled("\r\n".join(lines).encode("utf-8", "surrogatepass"))


def mutated(raw: bytes, chance: random.Random) -> bytes:
    """The same bytes with a few changed, taken out, doubled or put elsewhere."""
    out = bytearray(raw)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(out) + 1)
        to = min(len(out), at + chance.randint(1, 40))
        kind = chance.randrange(4)
        if kind == 0:
            out[at:to] = chance.randbytes(to - at)
        elif kind == 1:
            del out[at:to]
        elif kind == 2:
            out[at:at] = out[at:to] * chance.randint(1, 50)
        else:
            out[at:at] = chance.choice([b"\r\n\r\n", b"--", b"\0", b"=?utf-8?b?", b"\xff", b";", b"boundary=", b"<>"])
    return bytes(out)


def test_changed_recorded_mails_are_handled_within_a_second_each(corpora: Path, long_run: bool) -> None:
    chance = random.Random(20260105)
    files = [path.read_bytes() for path in sorted((corpora / "rfc822").rglob("*.eml"))]
    small = [raw for raw in files if len(raw) < 64 * 1024]
    slowest = 0.0
    for _ in range(CASES_LONG if long_run else CASES):
        raw = mutated(chance.choice(small), chance)
        before = time.process_time()
        handled(raw)
        slowest = max(slowest, time.process_time() - before)
    assert slowest < 1


N = 4 * 1000 * 1000
BOMBS = {
    "short lines": HEAD + b"\r\n" + b"a\n" * (N // 2),
    "blank lines": HEAD + b"\r\n" + b"\r\n" * (N // 2),
    "quoted lines": HEAD + b"\r\n" + b"> a\n" * (N // 4),
    "base64": HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(b"x" * (N * 3 // 4)),
    "one word a line": HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n" + b"YQ==\n" * (N // 5),
    "quoted-printable": HEAD + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + b"=20=\n" * (N // 5),
    "html": HEAD + b"Content-Type: text/html\r\n\r\n" + b"<p>hello</p>" * (N // 12),
    "entities": HEAD + b"Content-Type: text/html\r\n\r\n" + b"&bigcup;" * (N // 8),
    "boundaries": HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n" * (N // 5),
    "parts in parts": HEAD + b"".join(
        b"Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n" % (n, n) for n in range(50_000)
    ),
    "mails in mails": HEAD + b"Content-Type: message/rfc822\r\n\r\n" * (N // 36),
    "headers": HEAD + b"X: y\r\n" * (N // 6),
    "folded headers": HEAD + b"Subject: x\r\n" + b" y\r\n" * (N // 4),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_a_mail_made_to_be_slow_or_large_is_neither(name: str) -> None:
    raw = BOMBS[name]
    before = time.process_time()
    handled(raw)
    assert time.process_time() - before < 3, "1 s on a quiet machine"
    tracemalloc.start()
    try:
        handled(raw)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak <= max(16 * MIB, 20 * len(raw))

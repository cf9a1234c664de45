"""Parsers: the time a recorded payload takes, by channel, beside its bare decoding, and what a mail of 1 MB takes.

The payloads are those of `switchboard corpus`; nothing is sent anywhere, so no server is needed.
"""

import base64
import logging
import statistics
from argparse import Namespace
from collections import defaultdict
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import orjson

from bench.timing import fastest_us
from shared.channels.base import AccountContext
from shared.channels.formats import mail_message, rfc822
from switchboard.corpus.judging import reading
from switchboard.corpus.layout import Item, folders
from switchboard.corpus.payload import payload

MAIL_BYTES = 1_000_000
REPEATS = 15
WORDS = "The gear of my bike slips when I ride uphill, and the shop told me to write here. "


async def measure(given: Namespace) -> dict[str, Any]:
    """Figures by channel, and those of mails that are 1 MB long in different ways."""
    logging.disable(logging.CRITICAL)
    by_channel = _recorded(given.corpora) if given.corpora else {}
    mails = {name: _mail(raw) for name, raw in _large_mails().items()}
    return {"parsers": {"us_per_payload": by_channel, "mail_1mb_ms": mails}}


def _recorded(root: Path) -> dict[str, dict[str, float]]:
    """Median of each payload's runs; of these the mean, the slowest and, where bodies are JSON, the bare decoding."""
    took: dict[str, list[float]] = defaultdict(list)
    bare: dict[str, list[float]] = defaultdict(list)
    for item in (item for folder in folders(root) for item in folder.items):
        how = reading(item)
        if how is None:
            continue
        runs = [how.take(item).took_us for _ in range(REPEATS)]
        took[how.by].append(statistics.median(runs))
        bare[how.by].append(_bare_us(item))
    return {
        name: {
            "payloads": len(each),
            "mean": round(statistics.mean(each), 1),
            "p50": round(statistics.median(each), 1),
            "slowest": round(max(each), 1),
            "bare_mean": round(statistics.mean(bare[name]), 1),
        }
        for name, each in sorted(took.items())
    }


def _bare_us(item: Item) -> float:
    """The decoding alone: of JSON by a fast library, of mail by the standard one; of other bodies a look at them."""
    body = payload(item).request.body
    if item.path.suffix == ".eml":
        return fastest_us(lambda: _walked(body), 3)
    return fastest_us(lambda: _decoded(body), REPEATS)


def _decoded(body: bytes) -> None:
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        body.decode("utf-8", "replace")


def _walked(raw: bytes) -> None:
    """A mail as the standard library takes it apart, with the bytes of its parts."""
    try:
        for part in message_from_bytes(raw, policy=policy.default).walk():
            part.get_payload(decode=True)
    except Exception:  # noqa: BLE001 - it breaks on some of them; the time until then counts
        return


# --- one large mail -------------------------------------------------------------------------------------------------


def _large_mails() -> dict[str, bytes]:
    """Mails that are large by their file, their words, their HTML, and by what they quote."""
    line = (WORDS + "\r\n").encode()
    quoted = b"Yes, please.\r\n\r\nOn 1 May 2026, Ada <ada@example.org> wrote:\r\n" + (b"> " + line) * (
        MAIL_BYTES // 84
    )
    html = b"<html><body>" + (b"<div><p>" + line + b"</p><br></div>") * (MAIL_BYTES // 106) + b"</body></html>"
    file = base64.encodebytes(bytes(range(256)) * (MAIL_BYTES // 350)).replace(b"\n", b"\r\n")
    attached = (
        b"--b\r\nContent-Type: text/plain\r\n\r\n" + line * 10 + b"--b\r\nContent-Type: image/jpeg\r\n"
        b'Content-Disposition: attachment; filename="bike.jpg"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
        + file
        + b"--b--\r\n"
    )
    return {
        "file": _headed(b'multipart/mixed; boundary="b"', attached),
        "words": _headed(b"text/plain; charset=utf-8", line * (MAIL_BYTES // len(line))),
        "html": _headed(b"text/html; charset=utf-8", html),
        "quotes": _headed(b"text/plain; charset=utf-8", quoted),
    }


def _headed(kind: bytes, body: bytes) -> bytes:
    return (
        b"From: Ada <ada@example.org>\r\nTo: desk@example.com\r\nSubject: My bike\r\nMessage-ID: <1@example.org>\r\n"
        b"Date: Fri, 1 May 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: " + kind + b"\r\n\r\n" + body
    )


def _mail(raw: bytes) -> dict[str, float]:
    account = AccountContext(workspace="bench", shop="bench", id="bench", secrets=())
    at = datetime(2026, 5, 1, tzinfo=UTC)

    def take() -> None:
        mail_message.parsed(rfc822.read(raw), mail_message.Arrived("bench", account, at, "1"))

    return {
        "bytes": len(raw),
        "ms": round(fastest_us(take, 5) / 1e3, 2),
        "bare_ms": round(fastest_us(lambda: _walked(raw), 5) / 1e3, 2),
    }

"""Every recorded payload with something wrong in it: read or refused with a reason, soon and in bounded memory."""

import json
import logging
import random
import time
import tracemalloc
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shared.bus import codec
from shared.channels import CHANNELS
from shared.channels.base import AccountContext, Channel, Parsed, Request
from shared.channels.formats import mail_message, rfc822
from shared.channels.formats.quotes import visible_html, visible_text
from shared.contracts.envelope import Event, Message
from shared.errors import Refused
from shared.ids import new_id
from switchboard.corpus.judging import reading
from switchboard.corpus.layout import Item, folders
from switchboard.corpus.payload import NOW, Payload, payload
from tests.contract.mutations import mutated

MIB = 1024 * 1024
CPU_S = 1.0
CASES, CASES_LONG = 5_000, 100_000
WEIGHED_EVERY = 100
"""Memory is watched for one case of so many: that makes it slow."""
READERS = (
    *("mail parser", "reply cutting", "instagram", "mailgun", "messenger", "postmark", "sendgrid", "telegram"),
    *("twilio", "whatsapp"),
)
Take = Callable[[Request], Parsed | None]


@dataclass(frozen=True)
class Recorded:
    """A payload, and how it is read; None comes of what becomes no record."""

    name: str
    given: Payload
    take: Take


@pytest.fixture(scope="module")
def recorded(corpora: Path) -> Iterator[dict[str, list[Recorded]]]:
    """All payloads that we have a reader for, by its name."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    found: dict[str, list[Recorded]] = defaultdict(list)
    for item in (item for folder in folders(corpora) for item in folder.items):
        how = reading(item)
        if how is not None:
            given = payload(item)
            found[how.by].append(Recorded(f"{item.folder}/{item.name}", given, _reader(how.by, item, given)))
    yield found
    logging.disable(before)


def _reader(by: str, item: Item, given: Payload) -> Take:
    if by == "mail parser":
        arrived = mail_message.Arrived(item.folder, given.account, NOW, item.name)
        return lambda request: mail_message.parsed(rfc822.read(request.body), arrived)
    if by == "reply cutting":
        return _cut_html if "html" in item.kind else _cut_text
    return lambda request: _posted(CHANNELS[by], request, given)


def _posted(channel: Channel, request: Request, given: Payload) -> Parsed:
    """Proved where it claims to be, and parsed either way: whoever has the secret may send anything."""
    try:
        channel.verify(request, given.account)
    except Refused as refusal:
        assert refusal.reason
    return channel.parse(request, given.account)


def _cut_text(request: Request) -> None:
    text = request.body.decode("utf-8", "replace")
    assert len(visible_text(text)) <= len(text) + 1


def _cut_html(request: Request) -> None:
    visible_html(request.body.decode("utf-8", "replace"))


def handled(take: Take, request: Request) -> bool:
    """Read or refused, never silent; each record is one that the bus takes and gives back. Whether it was read."""
    try:
        parsed = take(request)
    except Refused as refusal:
        assert refusal.reason
        return False
    if parsed is None:
        return True
    assert parsed.received or parsed.receipts or parsed.ignored or parsed.unreadable, "nothing, and no reason"
    events: list[Message] = [*(one.message for one in parsed.received), *parsed.receipts]
    for event in events:
        record: Event[Any] = Event(id=new_id(), source="ingest", time=NOW, workspace="main", data=event)
        codec.decode(event.TOPIC, codec.encode(record), ())
    return True


def trouble(take: Take, request: Request, *, weighed: bool, read: list[bool] | None = None) -> str | None:
    """What is wrong with how it was handled; to `read` it adds whether it was read."""
    begun = time.process_time()
    try:
        was_read = handled(take, request)
    except Exception as error:  # noqa: BLE001 - to find these is the purpose
        return f"{type(error).__name__}: {error}"[:300]
    took_s = time.process_time() - begun
    if read is not None:
        read.append(was_read)
    if took_s > CPU_S:
        return f"took {took_s:.2f} s of CPU for {len(request.body)} bytes"
    if not weighed:
        return None
    peak, most = _peak_bytes(take, request), max(16 * MIB, 20 * len(request.body))
    return f"took {peak} bytes of memory for {len(request.body)}" if peak > most else None


def _peak_bytes(take: Take, request: Request) -> int:
    tracemalloc.start()
    try:
        handled(take, request)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("by", READERS)
def test_whatever_is_wrong_in_a_recorded_payload_it_is_read_or_refused(
    recorded: dict[str, list[Recorded]], by: str, long_run: bool
) -> None:
    assert recorded[by], f"no payloads for {by}"
    found: dict[str, str] = {}
    read: list[bool] = []
    for number in range((CASES_LONG if long_run else CASES) // len(READERS)):
        one = recorded[by][number % len(recorded[by])]
        case = f"{one.name} #{number}"
        request = mutated(one.given.request, random.Random(case))
        wrong = trouble(one.take, request, weighed=number % WEIGHED_EVERY == 0, read=read)
        if wrong:
            found[case] = wrong
    assert found == {}
    assert sum(read) / len(read) > 0.1, "nearly all are refused at the door"


def test_every_reader_of_recorded_payloads_has_broken_ones(recorded: dict[str, list[Recorded]]) -> None:
    assert set(recorded) == set(READERS)


@pytest.mark.parametrize("name", sorted(CHANNELS))
def test_a_payload_of_another_provider_is_read_or_refused(recorded: dict[str, list[Recorded]], name: str) -> None:
    found = {}
    for one in (one for by in READERS if by != name for one in recorded[by]):
        wrong = trouble(_reader_of(name, one.given), one.given.request, weighed=False)
        if wrong:
            found[one.name] = wrong
    assert found == {}


def _reader_of(name: str, given: Payload) -> Take:
    return lambda request: _posted(CHANNELS[name], request, given)


BODY = 1_000_000
JSON, FORM, PARTS = "application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"
BOMBS: dict[str, tuple[str, bytes]] = {
    "lists in lists": (JSON, b"[" * BODY),
    "objects in objects": (JSON, b'{"message":' * (BODY // 11)),
    "whole objects in objects": (JSON, b'{"message":' * 500 + b"1" + b"}" * 500),
    "digits": (JSON, b'{"update_id":' + b"9" * BODY + b"}"),
    "names": (JSON, json.dumps({f"n{number}": number for number in range(BODY // 16)}).encode()),
    "escapes": (JSON, b'{"text":"' + b"\\u0001" * (BODY // 6) + b'"}'),
    "events": (JSON, json.dumps({"object": "page", "entry": [{"messaging": [{}] * (BODY // 4)}]}).encode()),
    "changes": (JSON, json.dumps({"object": "whatsapp_business_account", "entry": [{}] * (BODY // 4)}).encode()),
    "fields": (FORM, b"a=b&" * (BODY // 4)),
    "fields without names": (FORM, b"&=" * (BODY // 2)),
    "escaped fields": (FORM, b"Body=" + b"%F0%9F%98%80" * (BODY // 12)),
    "parts": (PARTS, b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' * (BODY // 54) + b"--b--\r\n"),
    "headers of a part": (PARTS, b"--b\r\n" + b"X: y\r\n" * (BODY // 6) + b"\r\n1\r\n--b--\r\n"),
    "boundaries": (PARTS, b"--b\r\n" * (BODY // 5)),
    "entities in a page": (JSON, json.dumps({"HtmlBody": "&bigcup;" * (BODY // 8)}).encode()),
    "a packed archive": (JSON, b"PK\x03\x04" + b"\0" * BODY),
    "a packed stream": ("application/gzip", b"\x1f\x8b\x08\0\0\0\0\0" + b"\0" * BODY),
    "a document type with entities": (
        "text/xml",
        b'<!DOCTYPE a [<!ENTITY a "a">' + b'<!ENTITY b "&a;&a;">' * (BODY // 20) + b"]><a>&b;</a>",
    ),
}
"""Bodies made to be slow, or large once they are unpacked; nothing here unpacks an archive or an entity."""


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("name", sorted(CHANNELS))
def test_a_request_made_to_be_slow_or_large_is_neither(
    recorded: dict[str, list[Recorded]], name: str, bomb: str
) -> None:
    kind, body = BOMBS[bomb]
    given = recorded["telegram"][0].given
    request = Request({"content-type": kind, "x-twilio-signature": "x"}, body[: CHANNELS[name].max_body_bytes], NOW)
    given = Payload(request, AccountContext("main", "bikes", "line", ("secret",)), provable=False)
    assert trouble(_reader_of(name, given), request, weighed=True) is None

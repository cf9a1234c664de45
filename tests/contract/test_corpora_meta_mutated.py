"""Recorded webhooks of Meta's with something wrong in them: read or refused with a reason, never anything else."""

import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest

from shared.bus import codec
from shared.channels import CHANNELS
from shared.channels.base import Request
from shared.contracts.envelope import Event
from shared.errors import Refused
from shared.ids import inbound_id
from tests.contract.meta_facts import ACCOUNT, NOW

ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 2**63, 1e308, "", " ", "\0", "x" * 2000, "9" * 400, "\u202e", "\U0001f600" * 300),
    *([], {}, [None], [[]], {"id": {}}, {"": ""}, [{}], "unsupported", "text", "2026-01-02T03:04:05+0000"),
)
ROUNDS = 12
"""Mutations of each payload; more of them find nothing new (100,000 were tried)."""


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every container of a JSON value with each of its keys."""
    found: list[tuple[Any, Any]] = []
    stack = [value]
    while stack:
        within = stack.pop()
        keys = list(within) if isinstance(within, dict) else range(len(within)) if isinstance(within, list) else ()
        found += [(within, key) for key in keys]
        stack += [within[key] for key in keys]
    return found


def mutated(body: bytes, chance: random.Random) -> bytes:
    """The payload with one value replaced, moved or left out, or some of its bytes broken."""
    if chance.random() < 0.4:
        broken = bytearray(body)
        for _ in range(chance.randint(1, 4)):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        return bytes(broken)
    value = json.loads(body)
    for _ in range(chance.randint(1, 3)):
        found = places(value)
        if not found:
            break
        within, key = chance.choice(found)
        what = chance.random()
        if what < 0.2 and isinstance(within, dict):
            del within[key]
        elif what < 0.4:
            within[key] = copy.deepcopy(chance.choice([other[there] for other, there in found]))
        else:
            within[key] = copy.deepcopy(chance.choice(ODD))
    return json.dumps(value).encode()


@pytest.mark.parametrize("channel", ["whatsapp", "messenger", "instagram"])
def test_whatever_is_wrong_in_a_recorded_webhook_no_other_error_escapes(corpora: Path, channel: str) -> None:
    chance = random.Random(channel)
    taken = 0
    for item in json.loads((corpora / channel / "index.json").read_text()):
        body = (corpora / channel / item["file"]).read_bytes()
        for _ in range(ROUNDS):
            taken += read(channel, mutated(body, chance))
    assert taken > 0


def read(channel: str, body: bytes) -> int:
    """How many records it gives; each of them is one that the bus takes and gives back."""
    try:
        parsed = CHANNELS[channel].parse(Request(headers={}, body=body, received_at=NOW), ACCOUNT)
    except Refused as refusal:
        assert refusal.reason
        return 0
    assert parsed.received or parsed.receipts or parsed.ignored
    for said in [one.message for one in parsed.received]:
        name = inbound_id("main", channel, "line", said.natural_id)
        event = Event(id=name, source="ingest", time=NOW, workspace="main", data=said)
        codec.decode("inbound-messages", codec.encode(event), ())
    for told in parsed.receipts:
        name = inbound_id("main", channel, "line", told.about())
        receipt = Event(id=name, source="ingest", time=NOW, workspace="main", data=told)
        codec.decode("inbound-receipts", codec.encode(receipt), ())
    return len(parsed.received) + len(parsed.receipts)

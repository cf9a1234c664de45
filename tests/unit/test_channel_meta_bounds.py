"""No request of Meta's, however hostile, costs more than a second or more memory than it may."""

import json
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from shared.channels import CHANNELS
from shared.channels.base import MIB, Request
from shared.errors import Refused
from tests.unit.channel_requests import NOW, account, change, from_ada, texted, to_page

SMALL = {"from": "1", "id": "1", "type": "text", "text": {"body": "x"}}
MANY = 60_000
IMAGE = {"type": "image", "payload": {"url": "x"}}
HOSTILE: dict[str, tuple[str, Callable[[], Any]]] = {
    "as many messages as may be": ("whatsapp", lambda: from_ada(*[SMALL] * 3100)),
    "too many messages": ("whatsapp", lambda: from_ada(*[SMALL] * 9_900)),
    "far too many messages": ("whatsapp", lambda: from_ada(*[SMALL] * MANY)),
    "too many entries": ("whatsapp", lambda: {"entry": from_ada(SMALL)["entry"] * 2_400}),
    "many messages in many changes": (
        "whatsapp",
        lambda: {"entry": [{"changes": from_ada(*[SMALL] * 200)["entry"][0]["changes"]}] * 45},
    ),
    "things that are none": ("whatsapp", lambda: change({"messages": [1] * 115_000})),
    "people without end": (
        "whatsapp",
        lambda: from_ada(*[SMALL] * 3100, contacts=[{"wa_id": str(n)} for n in range(12_000)]),
    ),
    "a long text": ("whatsapp", lambda: from_ada(texted("\u00e9 " * MIB))),
    "a deep form": (
        "whatsapp",
        lambda: from_ada(texted(type="interactive", interactive={"nfm_reply": {"response_json": "[" * MIB}})),
    ),
    "an order without end": (
        "whatsapp",
        lambda: from_ada(texted(type="order", order={"product_items": [{"quantity": 1}] * 19_000})),
    ),
    "as many events as may be": ("messenger", lambda: to_page(*[{"message": {"mid": "m", "text": "x"}}] * 3100)),
    "too many events": ("messenger", lambda: to_page(*[{"read": {"mid": "m"}}] * 4_900)),
    "words on too many messages": ("messenger", lambda: to_page({"delivery": {"mids": ["m"] * 115_000}})),
    "too many files": ("messenger", lambda: to_page({"message": {"mid": "m", "attachments": [IMAGE] * 9_500}})),
    "files in every message": (
        "messenger",
        lambda: to_page(*[{"message": {"mid": "m", "attachments": [IMAGE] * 100}}] * 95),
    ),
    "a template without end": (
        "messenger",
        lambda: to_page(
            {"message": {"mid": "m", "attachments": [{"type": "template", "payload": {"elements": [{}] * 19_000}}]}}
        ),
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_request_is_read_or_refused_within_bounds(name: str) -> None:
    channel, made = HOSTILE[name]
    body = json.dumps(made(), separators=(",", ":")).encode()[: CHANNELS[channel].max_body_bytes]
    request, at = Request(headers={}, body=body, received_at=NOW), account()
    before = time.process_time()
    _parsed(channel, request, at)
    took_s = time.process_time() - before
    tracemalloc.start()
    _parsed(channel, request, at)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert took_s < 1
    assert peak < max(16 * MIB, 20 * len(body))


def _parsed(channel: str, request: Request, at: Any) -> None:
    try:
        CHANNELS[channel].parse(request, at)
    except Refused:
        return

"""Bad input at the edge: each gets the right 4xx with a reason, is counted by it, and never becomes a 5xx."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.ingests import OTHER_SECRET, Ingest, signed, start_ingest, stop_ingest
from tests.shop import postmark_request, telegram_request
from tests.stack import Stack


@pytest.fixture(scope="module")
def ingest(stack: Stack) -> Iterator[Ingest]:
    running = start_ingest(stack)
    yield running
    stop_ingest(running)


def form(**more: Any) -> bytes:
    return json.dumps({"id": uuid4().hex, "sender": {"id": "77"}, "text": "Hello"} | more).encode()


def telegram(content: bytes, token: str | None = None) -> dict[str, Any]:
    request = telegram_request("x", "77", {})
    headers = request["headers"] if token is None else {"x-telegram-bot-api-secret-token": token}
    return {"url": request["url"], "content": content, "headers": headers}


DEEP = b'{"id": ' + b"[" * 5_000 + b"]" * 5_000 + b"}"
CASES: list[tuple[str, Callable[[], dict[str, Any]], int, str, str]] = [
    (
        "no signature",
        lambda: {"url": "/v1/inbound/http/bikes-form", "content": b"{}"},
        401,
        "http",
        "missing_signature",
    ),
    (
        "a query without end",
        lambda: {"url": "/v1/inbound/http/bikes-form?" + "a=1&" * 60, "content": b"{}"},
        400,
        "http",
        "long_query",
    ),
    ("a wrong signature", lambda: signed(form(), secret="guessed-by-a-stranger"), 401, "http", "bad_signature"),
    ("another account's", lambda: signed(form(), secret=OTHER_SECRET), 401, "http", "bad_signature"),
    ("changed on the way", lambda: signed(form()) | {"content": form()}, 401, "http", "bad_signature"),
    ("stale", lambda: signed(form(), age_s=400), 401, "http", "stale_timestamp"),
    ("from the future", lambda: signed(form(), age_s=-400), 401, "http", "stale_timestamp"),
    ("an unknown account", lambda: signed(form(), account="nobody"), 401, "http", "unknown_account"),
    ("another channel's account", lambda: signed(form(), account="bikes-bot"), 401, "http", "unknown_account"),
    ("an account that is off", lambda: signed(form(), account="closed-form"), 401, "http", "account_disabled"),
    ("an account without secrets", lambda: signed(form(), account="open-form"), 503, "http", "secret_unavailable"),
    ("too large", lambda: signed(b" " * (1024 * 1024 + 1)), 413, "http", "too_large"),
    ("no JSON", lambda: signed(b"hello"), 400, "http", "not_json"),
    ("nothing", lambda: signed(b""), 400, "http", "not_json"),
    ("no UTF-8", lambda: signed(b'{"text": "\xff"}'), 400, "http", "not_utf8"),
    ("deep", lambda: signed(DEEP), 400, "http", "too_deep"),
    ("NUL", lambda: signed(form(text="a\0b")), 400, "http", "nul"),
    ("half a pair", lambda: signed(b'{"text": "\\ud800"}'), 400, "http", "lone_surrogate"),
    ("a list", lambda: signed(b"[]"), 400, "http", "not_an_object"),
    ("wrong types", lambda: signed(form(text=5)), 422, "http", "invalid"),
    ("an unknown field", lambda: signed(form(txet="x")), 422, "http", "invalid"),
    ("no sender", lambda: signed(form(sender={})), 422, "http", "invalid"),
    ("a wrong token", lambda: telegram(b"{}", "wrong"), 401, "telegram", "bad_signature"),
    ("no JSON of Telegram's", lambda: telegram(b"<html>"), 400, "telegram", "not_json"),
    ("too large for Telegram", lambda: telegram(b" " * (1024 * 1024 + 1)), 413, "telegram", "too_large"),
    ("deep of Telegram's", lambda: telegram(DEEP), 400, "telegram", "too_deep"),
    (
        "a wrong password",
        lambda: postmark_request("x", "1", {}) | {"headers": {"authorization": "Basic eDp5"}},
        401,
        "postmark",
        "bad_signature",
    ),
    ("no such channel", lambda: {"url": "/v1/inbound/fax/bikes", "content": b"{}"}, 404, "unknown", "unknown_channel"),
    (
        "another method",
        lambda: {"method": "GET", "url": "/v1/inbound/http/bikes-form"},
        405,
        "unknown",
        "method_not_allowed",
    ),
]


@pytest.mark.parametrize(
    ("request_", "status", "channel", "reason"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
async def test_bad_input_is_refused_with_a_reason_and_counted(
    ingest: Ingest, request_: Callable[[], dict[str, Any]], status: int, channel: str, reason: str
) -> None:
    before = await ingest.refused(channel, reason)
    answer = await ingest.send(request_())
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == f"urn:switchboard:problem:{reason}"
    assert answer.json()["status"] == status
    assert await ingest.refused(channel, reason) == before + 1


async def test_what_breaks_our_schema_is_named_field_by_field_without_its_value(ingest: Ingest) -> None:
    answer = await ingest.send(signed(form(text=5, sender={"email": "no address"})))
    assert {field["pointer"] for field in answer.json()["errors"]} == {"/text", "/sender/email"}
    assert "no address" not in answer.text


@pytest.mark.parametrize(
    ("request_", "challenge"),
    [
        (signed(form(), secret="wrong"), "Switchboard-Signature"),
        (postmark_request("x", "1", {}) | {"headers": {}}, "Basic"),
    ],
    ids=["http", "postmark"],
)
async def test_an_unproved_request_is_told_what_proves_one(
    ingest: Ingest, request_: dict[str, Any], challenge: str
) -> None:
    answer = await ingest.send(request_)
    assert answer.headers["www-authenticate"].startswith(challenge)


async def test_another_method_is_told_which_one_is_taken(ingest: Ingest) -> None:
    answer = await ingest.send({"method": "DELETE", "url": "/v1/inbound/http/bikes-form"})
    assert answer.headers["allow"] == "POST"


async def test_nothing_that_was_refused_is_on_the_bus(ingest: Ingest) -> None:
    for _, request, _, _, _ in CASES:
        await ingest.send(request())
    assert await ingest.records("raw-inbound") == []
    assert await ingest.records("inbound-messages") == []

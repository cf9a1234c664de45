"""An erased identity is found in a request that no parser could read, wherever it stands in it."""

import json
from urllib.parse import urlencode

import pytest

from services.ingest.mentions import WORDS_MAX, hmacs
from shared.tombstones import Tombstones

NAMES = Tombstones("one-key")
MAIL = ("email", "", "ada@example.org")


def found(content: str, identity: tuple[str, str, str], **headers: str) -> bool:
    return NAMES.new(*identity) in hmacs(NAMES, "telegram", "bot", headers, content.encode())


@pytest.mark.parametrize(
    "content",
    [
        json.dumps({"From": "Ada <Ada@Example.org>"}),
        json.dumps({"from": "ada@example.org"}),
        "From: Ada <ada@example.org>\r\nTo: shop@bikes.example",
        urlencode({"sender": "ada@example.org", "text": "x"}),
        "write to ada@example.org.",
        'broken "json: ada@example.org,',
    ],
)
def test_an_address_is_found_in_any_shape(content: str) -> None:
    assert found(content, MAIL)
    assert not found(content, ("email", "", "bob@example.org"))


def test_numbers_and_own_ids_are_found() -> None:
    content = json.dumps({"message": {"from": {"id": 99887766}, "chat": {"id": -100123}}, "id": "customer 7"})
    assert found(content, ("telegram", "", "99887766"))
    assert found(content, ("telegram", "", "-100123"))
    assert found(content, ("external", "bot", "customer 7"))
    assert found("tel=%2B31201234567", ("phone", "", "+31201234567"))
    assert not found(content, ("telegram", "", "9988"))


def test_numbers_without_a_plus_and_ids_that_only_our_account_knows_are_found() -> None:
    content = json.dumps({"messages": [{"from": "31612345678", "from_user_id": "NL.13491"}]})
    assert found(content, ("phone", "", "+31612345678"))
    assert found(content, ("telegram", "bot", "NL.13491"))
    assert not found(content, ("phone", "", "+13491"))


def test_headers_are_read_too_and_bytes_that_are_no_text_do_no_harm() -> None:
    assert found("\udcff".encode("utf-8", "surrogateescape").decode("latin-1"), MAIL, **{"x-from": "ada@example.org"})
    assert NAMES.new(*MAIL) in hmacs(NAMES, "http", "form", {}, b"\xff\x00 ada@example.org")


def test_a_long_request_is_read_to_a_limit() -> None:
    many = " ".join(f"word{number}" for number in range(2 * WORDS_MAX))
    assert len(hmacs(NAMES, "http", "form", {}, many.encode())) <= 4 * WORDS_MAX

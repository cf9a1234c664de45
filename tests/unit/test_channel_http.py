"""The generic signed channel: what a shop's program may send, and what it is told when it is wrong."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.errors import Invalid, Malformed
from tests.unit.channel_requests import NOW, message, parse


def body(**more: Any) -> dict[str, Any]:
    return {"id": "m1", "sender": {"id": "c1"}, "text": "Where is my order?"} | more


def refused(sent: Any) -> list[str]:
    """The pointers of the fields that are wrong."""
    with pytest.raises(Invalid) as error:
        parse("http", sent)
    return [field["pointer"] for field in error.value.fields]


def test_a_message_becomes_the_one_shape_of_all_channels() -> None:
    sender = {"email": "Ada@Example.ORG", "name": " Ada\nLovelace ", "language": "pt-br"}
    sent = body(sender=sender, subject="Order", thread="t1", order="#1001", sent_at="2026-01-02T04:04:05+01:00")
    found = message("http", sent)
    assert (found.channel, found.account, found.natural_id) == ("http", "form", "m1")
    assert found.sender.model_dump() == {
        "kind": "email",
        "scope": "",
        "value": "ada@example.org",
        "name": "Ada Lovelace",
        "language": "pt-BR",
        "verified": False,
    }
    assert (found.subject, found.thread, found.order, found.text) == ("Order", "t1", "#1001", "Where is my order?")
    assert (found.provider_time, found.accepted_at) == (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), NOW)


def test_the_shops_own_id_is_proved_by_its_signature_and_unique_in_the_account() -> None:
    sender = message("http", body()).sender
    assert (sender.kind, sender.scope, sender.value, sender.verified) == ("external", "form", "c1", True)


def test_an_address_that_anyone_may_type_is_proved_only_where_the_shop_says_so() -> None:
    assert not message("http", body(sender={"email": "ada@example.org"})).sender.verified
    assert message("http", body(sender={"email": "ada@example.org", "verified": True})).sender.verified
    assert not message("http", body(sender={"id": "c1", "verified": False})).sender.verified


def test_a_phone_number_is_kept_in_international_form() -> None:
    assert message("http", body(sender={"phone": "+31 (20) 123-45 67"})).sender.value == "+31201234567"
    assert refused(body(sender={"phone": "020 1234567"})) == ["/sender/phone"]


def test_the_language_that_the_customer_chose_wins() -> None:
    found = message("http", body(sender={"id": "c1", "language": "en"}, language="zh-hans"))
    assert found.sender.language == "zh-Hans"


def test_files_are_named_by_their_address() -> None:
    found = message(
        "http", body(text="", attachments=[{"url": "https://shop.example/a.png", "media_type": "image/png"}])
    )
    (file,) = found.attachments
    assert (file.reference, file.media_type, file.blob) == ("https://shop.example/a.png", "image/png", None)


@pytest.mark.parametrize(
    ("sent", "pointers"),
    [
        ({}, ["/id", "/sender"]),
        (body(id=1), ["/id"]),
        (body(id=""), ["/id"]),
        (body(id="x" * 201), ["/id"]),
        (body(sender="c1"), ["/sender"]),
        (body(sender={}), ["/sender"]),
        (body(sender={"id": "c1", "email": "a@b.c"}), ["/sender"]),
        (body(sender={"email": "nobody"}), ["/sender/email"]),
        (body(sender={"id": "c1", "language": "Klingon!"}), ["/sender/language"]),
        (body(text=["a"]), ["/text"]),
        (body(text="  "), [""]),
        (body(tekst="typo"), ["/tekst"]),
        (body(sent_at=1767323045), ["/sent_at"]),
        (body(sent_at="2026-01-02T03:04:05"), ["/sent_at"]),
        (body(sent_at="0001-01-01T00:00:00+14:00"), ["/sent_at"]),
        (body(attachments=[{"url": "file:///etc/passwd"}]), ["/attachments/0/url"]),
        (body(attachments=[{"url": "https://x"}] * 21), ["/attachments"]),
    ],
)
def test_a_wrong_field_is_named(sent: Any, pointers: list[str]) -> None:
    assert refused(sent) == pointers


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"", "not_json"),
        (b"{", "not_json"),
        (b"id=1&text=hello", "not_json"),
        (b'{"id": "m1", "text": "\xff"}', "not_utf8"),
        (b"[]", "not_an_object"),
        (b'"text"', "not_an_object"),
        (b"[" * 100_000, "too_deep"),
        (b'{"a":' * 2000 + b"1" + b"}" * 2000, "too_deep"),
        (b'{"id": "m1", "text": "half \\ud83d"}', "lone_surrogate"),
        (b'{"id": "m1", "text": "\\udc00 half"}', "lone_surrogate"),
        (b'{"id": "m1", "text": "a\\u0000b"}', "nul"),
        (b'{"id": "m1", "a\\u0000b": 1}', "nul"),
        (b'{"id": "m1", "text": NaN}', "not_json"),
    ],
)
def test_bytes_that_are_no_message_are_refused_with_the_reason(sent: bytes, reason: str) -> None:
    with pytest.raises(Malformed) as error:
        parse("http", sent)
    assert error.value.reason == reason


def test_a_backslash_before_u0000_is_no_nul() -> None:
    assert message("http", body(text="\\u0000")).text == "\\u0000"


def test_a_whole_pair_of_surrogates_is_a_character() -> None:
    assert message("http", json.dumps(body(text="👍")).encode()).text == "👍"


def test_a_long_text_stands_whole_beside_its_beginning() -> None:
    (received,) = parse("http", body(text="ab\n" * 200_000)).received
    assert received.long_text is not None
    assert received.long_text.startswith(received.message.text)
    assert (len(received.message.text), len(received.long_text)) == (16_000, 599_999)

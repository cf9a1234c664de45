"""Mail over Mailgun: whose requests are taken, what a route's form says, and what becomes of mails of ours."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.channels import CHANNELS
from shared.channels.base import Request
from shared.errors import Invalid, Unauthenticated
from tests.unit.channel_requests import NOW, OLDER, SECRET, account, form, mailgun_signed, only, read

SENT = "01a20719-75d9-700c-83cc-a366018aeb02"
MAIL = {
    "from": "Ada <Ada@Example.org>",
    "sender": "bounces@example.org",
    "recipient": "care@bikes.example",
    "subject": "Where is it?",
    "body-plain": "Where is my order?",
    "message-headers": json.dumps([["Message-Id", "<a@x>"], ["Date", "Fri, 02 Jan 2026 04:04:05 +0100"]]),
}


def refusal(request: Request, *secrets: str) -> str | None:
    try:
        CHANNELS["mailgun"].verify(request, account(*secrets))
    except Unauthenticated as error:
        return error.reason
    return None


def event(**more: Any) -> Request:
    """A signed event webhook."""
    said = {
        "event": "delivered",
        "timestamp": 1767323045.5,
        "message": {"headers": {"message-id": f"{SENT}@bikes.example"}},
    }
    body = json.dumps({"signature": mailgun_signed(), "event-data": said | more}).encode()
    return Request({"content-type": "application/json"}, body, NOW)


@pytest.mark.parametrize("secret", [SECRET, OLDER])
def test_a_signed_form_is_accepted_with_the_old_and_the_new_key(secret: str) -> None:
    assert refusal(form(MAIL | mailgun_signed(secret)), SECRET, OLDER) is None
    assert refusal(event(), SECRET) is None


def test_another_accounts_key_a_changed_or_missing_signature_is_refused() -> None:
    proof = mailgun_signed()
    assert refusal(form(MAIL | mailgun_signed("of-another-account"))) == "bad_signature"
    assert refusal(form(MAIL | proof | {"token": "0" * 50})) == "bad_signature"
    assert refusal(form(MAIL | proof | {"timestamp": str(int(proof["timestamp"]) + 1)})) == "bad_signature"
    assert refusal(form(MAIL)) == "missing_signature"
    assert refusal(replace(form(MAIL | proof), body=b"--")) == "missing_signature"
    assert refusal(form(MAIL | proof), "") == "bad_signature"


@pytest.mark.parametrize(
    ("age", "reason"),
    [
        (timedelta(hours=8), None),
        (timedelta(hours=10), "stale_timestamp"),
        (timedelta(minutes=-4), None),
        (timedelta(minutes=-6), "stale_timestamp"),
    ],
)
def test_a_request_may_be_as_old_as_the_last_try(age: timedelta, reason: str | None) -> None:
    assert refusal(form(MAIL | mailgun_signed(at=NOW - age))) == reason


def test_a_form_is_a_mail() -> None:
    found = only(read("mailgun", form(MAIL | mailgun_signed())))
    assert (found.sender.value, found.sender.name, found.sender.verified) == ("ada@example.org", "Ada", False)
    assert (found.subject, found.text, found.thread) == ("Where is it?", "Where is my order?", "a@x")
    assert found.provider_time == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_an_urlencoded_form_is_a_mail_too() -> None:
    body = b"from=ada%40example.org&body-plain=Gr%C3%BC%C3%9Fe+a=b+100%25&message-headers=%5B%5D"
    request = Request({"content-type": "application/x-www-form-urlencoded"}, body, NOW)
    assert only(read("mailgun", request)).text == "Grüße a=b 100%"


def test_the_mail_is_the_same_however_often_and_over_whichever_route_it_comes() -> None:
    first = only(read("mailgun", form(MAIL | mailgun_signed())))
    again = only(read("mailgun", form(MAIL | mailgun_signed(at=NOW + timedelta(hours=1)))))
    other = only(read("mailgun", form(MAIL | {"message-headers": json.dumps([["Message-Id", "<b@x>"]])})))
    assert first.natural_id == again.natural_id != other.natural_id


def test_two_mails_that_do_not_say_which_they_are_stay_two() -> None:
    bare = MAIL | {"message-headers": "[]"}
    first, second = (only(read("mailgun", form(bare | {"token": token}))) for token in ("one", "two"))
    assert first.natural_id != second.natural_id
    assert first.content_key is None


def test_a_raw_mail_is_read_as_it_is() -> None:
    raw = "From: a@b.c\r\nMessage-ID: <x@y>\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nGrüße"
    assert only(read("mailgun", form({"body-mime": raw, "recipient": "x@y"}))).text == "Grüße"


def test_the_reply_token_stands_in_the_recipient() -> None:
    token = "abcdefghijklmnopqrstuvwxyz234567abcdefghij"
    assert only(read("mailgun", form(MAIL | {"recipient": f"care+t{token}@bikes.example"}))).reply_token == token
    assert only(read("mailgun", form(MAIL | {"recipient": "care+tshort@bikes.example"}))).reply_token is None


@pytest.mark.parametrize(
    ("more", "state", "reason"),
    [
        ({}, "delivered", None),
        ({"event": "opened"}, "read", None),
        ({"event": "failed", "severity": "permanent", "reason": "suppress-bounce"}, "failed", "suppress-bounce"),
        ({"event": "failed", "severity": "permanent"}, "failed", "bounced"),
    ],
)
def test_an_event_is_a_receipt_of_the_mail_it_names(more: dict[str, str], state: str, reason: str | None) -> None:
    (receipt,) = read("mailgun", event(**more)).receipts
    assert (receipt.provider_id, receipt.state, receipt.reason) == (SENT, state, reason)
    assert receipt.at == datetime(2026, 1, 2, 3, 4, 5, 500_000, tzinfo=UTC)


@pytest.mark.parametrize("more", [{"event": "clicked"}, {"event": "failed", "severity": "temporary"}])
def test_what_does_not_say_how_far_a_mail_came_is_left_aside(more: dict[str, str]) -> None:
    assert read("mailgun", event(**more)).ignored == "not-a-receipt"


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (form({"subject": "x"}), "no_sender"),
        (form(MAIL | {"message-headers": "{"}), "bad_headers"),
        (form(MAIL | {"message-headers": '[["a"]]'}), "bad_headers"),
        (Request({}, b"x", NOW), "not_a_form"),
        (Request({"content-type": "multipart/form-data; boundary=x"}, b"--x\r\n", NOW), "bad_multipart"),
        (event(message={}), "no_message_id"),
        (event(event=""), "no_event"),
    ],
)
def test_what_cannot_be_read_is_kept_with_the_reason(request_: Request, reason: str) -> None:
    with pytest.raises(Invalid) as error:
        read("mailgun", request_)
    assert error.value.reason == reason


def test_a_form_of_endless_parts_is_refused() -> None:
    with pytest.raises(Invalid) as error:
        read("mailgun", form({f"f{n}": "" for n in range(501)}))
    assert error.value.reason == "too_many_parts"


def test_files_lose_the_folders_in_their_names_and_programs_are_left_out() -> None:
    files = [
        ("attachment-1", "C:\\\\temp\\\\a.pdf", "application/pdf", b"%PDF"),
        ("attachment-2", "setup.exe", "application/octet-stream", b"MZ"),
    ]
    (received,) = read("mailgun", form(MAIL, files)).received
    assert [(file.name, file.media_type, file.content) for file in received.files] == [
        ("a.pdf", "application/pdf", b"%PDF")
    ]
    assert received.message.text == "Where is my order?\n\n[file left out: setup.exe (1 KiB), a program]"


def test_files_that_mailgun_keeps_are_named() -> None:
    stored = json.dumps([{"name": "a.pdf", "content-type": "application/pdf", "url": "https://storage.example/0"}])
    (file,) = only(read("mailgun", form(MAIL | {"attachments": stored}))).attachments
    assert (file.name, file.reference, file.blob) == ("a.pdf", "https://storage.example/0", None)

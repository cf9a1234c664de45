"""Mail over SendGrid: whose requests are taken, what Inbound Parse says, and what becomes of mails of ours."""

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shared.channels import CHANNELS
from shared.channels.base import AccountContext, Request
from shared.errors import Invalid, Refused, Unauthenticated
from tests.unit.channel_requests import NOW, SECRET, account, form, only, read, with_password

SENT = "01a20719-75d9-700c-83cc-a366018aeb02"
MAIL = {
    "headers": "Message-ID: <a@x>\nDate: Fri, 02 Jan 2026 04:04:05 +0100\nReferences: <first@x> <>\n",
    "from": "Ada <ada@example.org>",
    "to": "care@bikes.example",
    "subject": "Where is it?",
    "text": "Where is my order?",
    "envelope": '{"to":["care@bikes.example"],"from":"ada@example.org"}',
}
KEY = ec.derive_private_key(7, ec.SECP256R1())
OTHER = ec.derive_private_key(8, ec.SECP256R1())


def public(key: ec.EllipticCurvePrivateKey) -> str:
    return base64.b64encode(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def events(*said: dict[str, Any], key: ec.EllipticCurvePrivateKey | None = KEY, stamp: str = "1767323045") -> Request:
    body = json.dumps([{"smtp-id": f"<{SENT}@bikes.example>", "timestamp": 1767323045} | one for one in said]).encode()
    headers = {"content-type": "application/json"}
    if key is not None:
        signature = key.sign(stamp.encode() + body, ec.ECDSA(SHA256()))
        headers |= {
            "x-twilio-email-event-webhook-signature": base64.b64encode(signature).decode(),
            "x-twilio-email-event-webhook-timestamp": stamp,
        }
    return Request(headers, body, NOW)


def refusal(request: Request, *, events_key: str = "") -> str | None:
    options = {"events_key": events_key} if events_key else {}
    known = AccountContext("main", "bikes", "form", (SECRET,), options)
    try:
        CHANNELS["sendgrid"].verify(request, known)
    except Unauthenticated as error:
        return error.reason
    return None


def test_the_password_or_the_token_proves_a_mail() -> None:
    assert refusal(with_password(SECRET)) is None
    assert refusal(form(MAIL, query={"token": SECRET})) is None
    assert refusal(form(MAIL, query={"token": "wrong"})) == "bad_signature"
    assert refusal(with_password("wrong")) == "bad_signature"
    assert refusal(form(MAIL)) == "missing_signature"


def test_signed_events_are_proved_by_the_key_and_by_nothing_else() -> None:
    key = public(KEY)
    assert refusal(events({"event": "delivered"}), events_key=key) is None
    assert refusal(events({"event": "delivered"}, key=OTHER), events_key=key) == "bad_signature"
    signed = events({"event": "delivered"})
    tampered = Request(signed.headers, signed.body + b" ", NOW, {"token": SECRET})
    assert refusal(tampered, events_key=key) == "bad_signature"
    later = Request({**signed.headers, "x-twilio-email-event-webhook-timestamp": "1767323046"}, signed.body, NOW)
    assert refusal(later, events_key=key) == "bad_signature"
    broken = Request({**signed.headers, "x-twilio-email-event-webhook-signature": "!"}, signed.body, NOW)
    assert refusal(broken, events_key=key) == "bad_signature"


def test_events_without_a_key_are_proved_by_the_secret() -> None:
    assert refusal(events({"event": "delivered"})) == "missing_signature"
    unsigned = events({"event": "delivered"}, key=None)
    assert refusal(Request(unsigned.headers, unsigned.body, NOW, {"token": SECRET}), events_key=public(KEY)) is None


def test_a_form_is_a_mail() -> None:
    found = only(read("sendgrid", form(MAIL)))
    assert (found.sender.value, found.sender.name, found.text) == ("ada@example.org", "Ada", "Where is my order?")
    assert (found.subject, found.references, found.thread) == ("Where is it?", ("first@x",), "first@x")
    assert found.natural_id == only(read("sendgrid", form(MAIL | {"dkim": "none"}))).natural_id


def test_each_field_has_its_own_charset() -> None:
    fields: dict[str, str | bytes] = {
        **MAIL,
        "text": "Grüße €".encode("cp1252"),
        "charsets": '{"text": "windows-1252"}',
    }
    assert only(read("sendgrid", form(fields))).text == "Grüße €"


def test_a_raw_mail_is_read_as_it_is() -> None:
    raw = b"From: a@b.c\r\nMessage-ID: <x@y>\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\nGr\xfc\xdfe"
    assert only(read("sendgrid", form({"email": raw}))).text == "Grüße"


def test_the_reply_token_stands_in_the_envelope() -> None:
    token = "abcdefghijklmnopqrstuvwxyz234567abcdefghij"
    envelope = json.dumps({"to": [f"care+t{token}@bikes.example"]})
    assert only(read("sendgrid", form(MAIL | {"envelope": envelope}))).reply_token == token


@pytest.mark.parametrize(
    ("said", "state", "reason"),
    [
        ({"event": "delivered"}, "delivered", None),
        ({"event": "open"}, "read", None),
        ({"event": "bounce", "reason": "500 unknown recipient"}, "failed", "500-unknown-recipient"),
        ({"event": "dropped", "reason": "Bounced Address"}, "failed", "bounced-address"),
    ],
)
def test_an_event_is_a_receipt_of_the_mail_it_names(said: dict[str, str], state: str, reason: str | None) -> None:
    (receipt,) = read("sendgrid", events(said)).receipts
    assert (receipt.provider_id, receipt.state, receipt.reason) == (SENT, state, reason)


def test_one_request_may_hold_many_events() -> None:
    parsed = read("sendgrid", events({"event": "processed"}, {"event": "delivered"}, {"event": "click"}))
    assert [receipt.state for receipt in parsed.receipts] == ["delivered"]
    assert read("sendgrid", events({"event": "deferred"})).ignored == "not-a-receipt"


def test_an_event_that_cannot_be_read_costs_the_others_nothing() -> None:
    parsed = read("sendgrid", events({"event": "open", "smtp-id": ""}, {"event": "delivered"}, {"event": 7}))
    assert ([receipt.state for receipt in parsed.receipts], parsed.unreadable) == (
        ["delivered"],
        ("no_message_id", "wrong_type"),
    )


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (form({"subject": "x"}), "no_sender"),
        (form(MAIL | {"envelope": "{"}), "bad_form_field"),
        (form(MAIL | {"charsets": "[]"}), "bad_form_field"),
        (Request({"content-type": "application/json"}, b"{}", NOW), "no_event"),
        (Request({"content-type": "application/json"}, b"x", NOW), "not_json"),
        (events({"event": "open", "smtp-id": ""}), "no_message_id"),
    ],
)
def test_what_cannot_be_read_is_kept_with_the_reason(request_: Request, reason: str) -> None:
    with pytest.raises(Refused) as error:
        read("sendgrid", request_)
    assert error.value.reason == reason


def test_an_account_without_secrets_lets_nobody_in() -> None:
    bare = AccountContext("main", "bikes", "form", ())
    with pytest.raises(Unauthenticated):
        CHANNELS["sendgrid"].verify(form(MAIL, query={"token": "x"}), bare)
    assert account().secrets
    with pytest.raises(Invalid):
        CHANNELS["sendgrid"].parse(form({}), bare)

"""Whatever a stranger sends, a parser gives messages or a refusal: no other error, ever."""

import base64
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.bus import codec
from shared.channels import CHANNELS
from shared.channels.base import Parsed, Request
from shared.channels.formats import rfc822
from shared.contracts.envelope import Event
from shared.errors import Refused
from shared.ids import inbound_id
from tests.unit.channel_requests import NOW, account, from_ada, parse, texted, to_page

WORDS = {
    "http": "id sender email phone name language verified text subject thread order sent_at attachments url size",
    "telegram": (
        "update_id message edited_message callback_query business_message from sender_chat chat id date message_id "
        "text caption photo document location latitude longitude venue contact poll options dice reply_to_message "
        "reply_markup inline_keyboard callback_data data message_thread_id is_topic_message edit_date is_bot"
    ),
    "postmark": (
        "From FromFull Email Name MessageID Date TextBody HtmlBody StrippedTextReply Headers Value Attachments Content "
        "ContentType MailboxHash ToFull Subject RawEmail"
    ),
    "whatsapp": (
        "object entry changes field value messages statuses message_echoes contacts metadata from from_user_id to id "
        "timestamp type text body image caption mime_type reaction emoji message_id edit revoke original_message_id "
        "message interactive button_reply nfm_reply response_json list_reply title order product_items location "
        "latitude longitude context referral status errors code biz_opaque_callback_data wa_id user_id profile name"
    ),
    "messenger": (
        "object entry messaging changes standby field value sender recipient id timestamp message mid text attachments "
        "type payload url coordinates lat long is_echo is_deleted is_self app_id metadata reply_to story reaction "
        "action emoji postback title referral delivery mids watermark read message_edit num_edit product elements"
    ),
    "mailgun": "event-data event timestamp severity message headers message-id user-variables signature token reason",
    "sendgrid": "event smtp-id sg_message_id timestamp reason type",
    "twilio": "MessageSid SmsSid From Body NumMedia MediaUrl0 MessageStatus SmsStatus ErrorCode OptOutType CallSid",
}
WORDS["instagram"] = WORDS["messenger"]
DOCUMENTS = sorted(name for name, channel in CHANNELS.items() if not channel.takes_mail)
"""Channels whose requests are JSON, or may be."""
SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
) | st.text(st.characters(), max_size=20)


def documents(channel: str) -> st.SearchStrategy[Any]:
    """JSON with the words of the channel in places where they may not belong."""
    names = st.sampled_from(WORDS[channel].split())
    values = st.recursive(
        SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=6), max_leaves=12
    )
    return st.dictionaries(names, values, max_size=8)


def encoded(channel: str, document: Any) -> bytes:
    """The document as its provider posts it."""
    if channel != "twilio":
        return json.dumps(document).encode()
    return urlencode({name: str(value) for name, value in document.items()}, errors="replace").encode()


def outcome(channel: str, body: bytes) -> Parsed | None:
    """What became of it; any error that is no refusal fails the test, and so does a message that is no record."""
    request = Request(headers={}, body=body, received_at=NOW)
    try:
        parsed = CHANNELS[channel].parse(request, account())
    except Refused:
        return None
    for received in parsed.received:
        key = inbound_id("main", channel, "form", received.message.natural_id)
        event = Event(id=key, source="ingest", time=NOW, workspace="main", data=received.message)
        codec.decode("inbound-messages", codec.encode(event), ())
    for receipt in parsed.receipts:
        told = Event(id=UUID(int=1), source="ingest", time=NOW, workspace="main", data=receipt)
        codec.decode("inbound-receipts", codec.encode(told), ())
    return parsed


@pytest.mark.parametrize("channel", sorted(CHANNELS))
@given(body=st.binary(max_size=300))
def test_any_bytes(channel: str, body: bytes) -> None:
    outcome(channel, body)


@pytest.mark.parametrize("channel", DOCUMENTS)
@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_document(channel: str, data: st.DataObject) -> None:
    outcome(channel, encoded(channel, data.draw(documents(channel))))


def almost(channel: str) -> st.SearchStrategy[dict[str, Any]]:
    """A right message with a few values that are anything."""
    person = {"id": 7, "first_name": "Ada", "language_code": "en"}
    right: dict[str, dict[str, Any]] = {
        "http": {"id": "m", "sender": {"id": "c"}, "text": "hi", "subject": "s", "thread": "t", "order": "o"},
        "telegram": {
            "message_id": 1,
            "from": person,
            "chat": {"id": 7, "type": "private"},
            "date": 1,
            "text": "hi",
            "photo": [{"file_id": "x"}],
            "reply_to_message": {"message_id": 2, "chat": {"id": 7}},
        },
        "postmark": {
            "FromFull": {"Email": "a@b.c", "Name": "A"},
            "Date": "Fri, 02 Jan 2026 04:04:05 +0100",
            "TextBody": "hi",
            "Headers": [{"Name": "References", "Value": "<a@b>"}],
        },
        "mailgun": {"event-data": {}, "signature": {}},
        "sendgrid": {"event": "delivered", "smtp-id": "<a@b>", "timestamp": 1},
        "twilio": {
            "MessageSid": "SM1",
            "From": "+31612345678",
            "Body": "hi",
            "NumMedia": "1",
            "MediaUrl0": "https://m",
        },
    }
    right["whatsapp"] = texted(
        context={"id": "wamid.0"}, referral={"headline": "x"}, image={"id": "1"}, reaction={"message_id": "w"}
    )
    right["messenger"] = right["instagram"] = {
        "mid": "m1",
        "text": "hi",
        "attachments": [{"type": "image", "payload": {"url": "https://files.example/1"}}],
        "is_echo": True,
        "reply_to": {"mid": "m0"},
        "app_id": 1,
    }
    base = right[channel]
    changed = st.dictionaries(st.sampled_from(sorted(base)), SCALARS, max_size=2)
    return changed.map(lambda change: base | change)


WRAPPED: dict[str, Callable[[str, dict[str, Any]], dict[str, Any]]] = {
    "telegram": lambda kind, body: {"update_id": 1, kind: body},
    "whatsapp": lambda _kind, body: from_ada(body, texted()),
    "messenger": lambda _kind, body: to_page({"message": body}, {"message": {"mid": "m9", "text": "hi"}}),
    "instagram": lambda _kind, body: to_page({"message": body}, about="instagram"),
}
"""How a message is sent, where it is not the whole body."""


@pytest.mark.parametrize("channel", DOCUMENTS)
@settings(max_examples=300)
@given(data=st.data(), kind=st.sampled_from(["message", "edited_message", "business_message", "channel_post"]))
def test_a_message_with_something_wrong_in_it(channel: str, data: st.DataObject, kind: str) -> None:
    body = data.draw(almost(channel))
    outcome(channel, encoded(channel, WRAPPED.get(channel, lambda _kind, one: one)(kind, body)))


@settings(max_examples=300)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["From", "To", "Subject", "Date", "Content-Type", "References", "Message-ID", "X"]),
            st.text(st.characters(blacklist_characters="\r\n"), max_size=60),
        ),
        max_size=8,
    ),
    st.text(max_size=200),
)
def test_any_raw_mail(headers: list[tuple[str, str]], text: str) -> None:
    raw = "\r\n".join(f"{name}: {value}" for name, value in headers) + "\r\n\r\n" + text
    try:
        rfc822.read(raw.encode("utf-8", "surrogatepass"))
    except Refused:
        return
    outcome("mail", raw.encode("utf-8", "surrogatepass"))
    outcome("postmark", json.dumps({"RawEmail": raw, "FromFull": {"Email": "a@b.c"}}).encode())


def test_the_fuzzing_meets_messages_too() -> None:
    assert parse("http", {"id": "m", "sender": {"id": "c"}, "text": "hi"}).received


@pytest.mark.parametrize("unit", ["<div>", "<!--", "<script>", "<a ", "&", "<p>\n ", "< ", "</"])
def test_a_hostile_mail_is_read_in_linear_time(unit: str) -> None:
    html = unit * (1_000_000 // len(unit))
    body = {
        "FromFull": {"Email": "a@b.c"},
        "HtmlBody": html,
        "Attachments": [{"Content": base64.b64encode(b"x").decode()}],
    }
    assert outcome("postmark", json.dumps(body).encode()) is not None


MANY = 100_000
HOSTILE = {
    "a subject of encoded words": "Subject: " + "=?utf-8?q?a?= " * MANY,
    "recipients without end": "To: " + "a@b.c, " * MANY,
    "comments in comments": "From: " + "(" * MANY + "a@b.c",
    "references without end": "References: " + "<a@b> " * MANY,
    "headers without end": "X: y\r\n" * MANY,
    "parameters without end": "Content-Type: text/plain" + "; a=b" * MANY,
    "parts in parts": "\r\n".join(f"Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}" for n in range(2000)),
    "a charset that is none": "Content-Type: text/plain; charset=punycode\r\n\r\n" + "-a9" * MANY,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_raw_mail_is_read_or_refused_within_seconds(name: str) -> None:
    body = {"FromFull": {"Email": "a@b.c"}, "RawEmail": f"From: a@b.c\r\n{HOSTILE[name]}\r\n\r\nhi"}
    before = time.process_time()
    outcome("postmark", json.dumps(body).encode())
    assert time.process_time() - before < 20

"""SMS over Twilio: who signed, what customers said, what became of what we sent, and what it costs."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode
from uuid import UUID

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.channels import CHANNELS
from shared.channels.base import AccountContext, Parsed, Request
from shared.channels.formats.sms_text import segments
from shared.channels.formats.twilio_signature import fields
from shared.channels.outgoing.addresses import Addresses
from shared.channels.outgoing.client import Client
from shared.channels.outgoing.outcomes import Accepted, Fetch, Fetched, Outcome, Rejected, TryLater, Unsure
from shared.contracts.inbound_messages import Attachment
from shared.contracts.outbound_commands import Recipient, SendMessage
from shared.errors import Invalid, Refused, Unauthenticated

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
URL = "https://desk.example/v1/inbound/twilio/care-sms"
OPTIONS = {"public_url": URL, "account_sid": "AC1", "from": "+3197010000000"}
TWILIO = CHANNELS["twilio"]


def account(**more: Any) -> AccountContext:
    fields = {"secrets": ("token-2", "token-1"), "credentials": ("token-2",), "options": OPTIONS}
    return AccountContext("main", "bikes", "care-sms", **(fields | more))


def signature(url: str, form: dict[str, str], token: str = "token-1") -> str:
    text = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.digest(token.encode(), text.encode(), hashlib.sha1)).decode()


def request(form: dict[str, str], sign: str | None = None, query: str = "") -> Request:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    if sign is not None:
        headers["x-twilio-signature"] = sign
    return Request(headers, urlencode(form).encode(), NOW, query_string=query)


def parsed(**form: str) -> Parsed:
    return TWILIO.parse(request(form), account())


MESSAGE = {"MessageSid": "SM1", "From": "+31612345678", "To": "+3197010000000", "Body": "Waar is mijn fiets?"}


@pytest.mark.parametrize("url", [URL, URL.replace("example/", "example:443/")], ids=["plain", "with its port"])
@pytest.mark.parametrize("token", ["token-1", "token-2"])
def test_a_request_signed_with_any_secret_of_the_account_is_taken(url: str, token: str) -> None:
    TWILIO.verify(request(MESSAGE, signature(url, MESSAGE, token)), account())


@pytest.mark.parametrize(
    ("sign", "reason"),
    [
        (None, "missing_signature"),
        ("", "missing_signature"),
        ("AAAA", "bad_signature"),
        (signature(URL, MESSAGE, "token-of-another-account"), "bad_signature"),
        (signature(URL, MESSAGE | {"Body": "Something else"}), "bad_signature"),
        (signature(URL.replace("care", "other"), MESSAGE), "bad_signature"),
    ],
)
def test_what_is_not_signed_by_the_account_is_refused(sign: str | None, reason: str) -> None:
    with pytest.raises(Unauthenticated) as refused:
        TWILIO.verify(request(MESSAGE, sign), account())
    assert refused.value.reason == reason


def test_the_query_is_signed_with_the_address() -> None:
    sign = signature(URL + "?a=1&a=2", MESSAGE)
    TWILIO.verify(request(MESSAGE, sign, query="a=1&a=2"), account())
    with pytest.raises(Unauthenticated):
        TWILIO.verify(request(MESSAGE, sign, query="a=2&a=1"), account())


def test_without_the_address_that_twilio_was_given_nothing_is_believed() -> None:
    with pytest.raises(Unauthenticated) as refused:
        TWILIO.verify(request(MESSAGE, signature("", MESSAGE)), account(options={}))
    assert refused.value.reason == "no_public_url"


@pytest.mark.parametrize("public_url", ["https://[desk.example/x", "https://desk\u2100example/x"])
def test_an_address_that_is_none_is_named_as_the_reason(public_url: str) -> None:
    with pytest.raises(Unauthenticated) as refused:
        TWILIO.verify(request(MESSAGE, signature(public_url, MESSAGE)), account(options={"public_url": public_url}))
    assert refused.value.reason == "bad_public_url"


def test_a_body_that_is_no_form_is_proved_by_its_hash() -> None:
    body = b'{"a": 1}'
    query = f"bodySHA256={hashlib.sha256(body).hexdigest()}"
    sign = signature(f"{URL}?{query}", {})
    headers = {"content-type": "application/json", "x-twilio-signature": sign}
    TWILIO.verify(Request(headers, body, NOW, query_string=query), account())
    with pytest.raises(Unauthenticated):
        TWILIO.verify(Request(headers, body + b" ", NOW, query_string=query), account())


def test_a_message_is_of_its_phone_number_and_the_same_again_is_the_same() -> None:
    (first,), (again,) = parsed(**MESSAGE).received, parsed(**MESSAGE).received
    message = first.message
    assert (message.natural_id, message.text, message.thread) == ("SM1", "Waar is mijn fiets?", "+31612345678")
    assert (message.sender.kind, message.sender.value, message.sender.verified) == ("phone", "+31612345678", True)
    assert message == again.message


def test_pictures_are_named_by_their_addresses() -> None:
    media = {"NumMedia": "3", "MediaUrl0": "https://api.twilio.com/m/1", "MediaContentType0": "image/JPEG"}
    (received,) = parsed(**MESSAGE | media | {"Body": "", "MediaUrl1": ""}).received
    (file,) = received.message.attachments
    assert (file.reference, file.media_type) == ("https://api.twilio.com/m/1", "image/jpeg")


@pytest.mark.parametrize(
    ("words", "more", "automatic"),
    [
        ("STOP", {}, "opt-out"),
        (" stopall ", {}, "opt-out"),
        ("Start", {}, "opt-in"),
        ("help", {}, "help"),
        ("Nee dank je", {"OptOutType": "STOP"}, "opt-out"),
        ("Cancel", {}, None),
        ("stop sending the wrong size", {}, None),
    ],
)
def test_words_that_carriers_give_a_meaning_wake_nobody(
    words: str, more: dict[str, str], automatic: str | None
) -> None:
    (received,) = parsed(**MESSAGE | {"Body": words} | more).received
    assert received.message.automatic == automatic


@pytest.mark.parametrize(
    ("form", "state", "reason"),
    [
        ({"MessageStatus": "sent"}, "sent", None),
        ({"SmsStatus": "delivered"}, "delivered", None),
        ({"MessageStatus": "read"}, "read", None),
        ({"MessageStatus": "undelivered", "ErrorCode": "30005"}, "failed", "no-such-recipient"),
        ({"MessageStatus": "failed", "ErrorCode": "39999"}, "failed", "error-39999"),
        ({"MessageStatus": "failed"}, "failed", "failed"),
    ],
)
def test_what_became_of_a_message_is_a_receipt(form: dict[str, str], state: str, reason: str | None) -> None:
    (receipt,) = parsed(MessageSid="SM9", From="+3197010000000", To="+31612345678", **form).receipts
    assert (receipt.provider_id, receipt.state, receipt.reason) == ("SM9", state, reason)


@pytest.mark.parametrize(("query", "name"), [(str(UUID(int=7)), str(UUID(int=7))), ("anything", "SM9"), ("", "SM9")])
def test_a_receipt_is_of_our_message_where_its_address_names_one(query: str, name: str) -> None:
    asked = replace(request({"MessageSid": "SM9", "MessageStatus": "delivered"}), query={"message": query})
    (receipt,) = TWILIO.parse(asked, account()).receipts
    assert receipt.provider_id == name


def test_an_address_with_a_query_of_its_own_is_signed_with_what_was_asked() -> None:
    at = account(options=OPTIONS | {"public_url": f"{URL}?shop=bikes"})
    for query in ("shop=bikes", f"shop=bikes&message={UUID(int=1)}"):
        TWILIO.verify(request(MESSAGE, signature(f"{URL}?{query}", MESSAGE), query=query), at)
    with pytest.raises(Unauthenticated):
        TWILIO.verify(request(MESSAGE, signature(URL, MESSAGE), query="shop=bikes"), at)
    (part,) = TWILIO.render(answer(), at)
    assert parse_qs(part.body.decode())["StatusCallback"] == [f"{URL}?shop=bikes&message={UUID(int=1)}"]


@pytest.mark.parametrize(
    ("form", "ignored"),
    [
        ({"MessageSid": "SM9", "MessageStatus": "queued"}, "under-way"),
        ({"CallSid": "CA1", "From": "+31612345678"}, "call"),
    ],
)
def test_what_is_no_message_is_left_aside_with_a_reason(form: dict[str, str], ignored: str) -> None:
    assert parsed(**form).ignored == ignored


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        ({"Body": "Hi"}, "not_a_message"),
        ({"MessageSid": "SM1", "Body": "Hi", "From": "whatsapp:+31612345678"}, "no_sender"),
        ({"MessageSid": "SM1", "MessageStatus": "teleported"}, "unknown_status"),
        ({f"f{number}": "1" for number in range(600)}, "too_many_fields"),
    ],
)
def test_what_cannot_be_read_says_why(form: dict[str, str], reason: str) -> None:
    with pytest.raises(Invalid) as refused:
        parsed(**form)
    assert refused.value.reason == reason


@given(st.binary(max_size=400), st.sampled_from(["application/x-www-form-urlencoded", "text/plain", ""]), st.text())
def test_any_bytes_are_read_or_refused(body: bytes, content_type: str, query: str) -> None:
    headers = {"content-type": content_type, "x-twilio-signature": "x"}
    asked = Request(headers, body, NOW, query_string=query)
    for step in (TWILIO.verify, TWILIO.parse):
        with contextlib.suppress(Refused):
            step(asked, account())


# --- answers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("ж" * 70, 1),
        ("ж" * 71, 2),
        ("😀" * 35, 1),
        ("😀" * 66, 2),
        ("😀" * 67, 3),
        ("a" * 306, 2),
        ("a" * 152 + "€" + "a" * 152, 3),
        ("", 1),
    ],
)
def test_segments_are_counted_as_they_are_paid(text: str, count: int) -> None:
    assert segments(text) == count


def answer(text: str = "Morgen.", **more: Any) -> SendMessage:
    fields: dict[str, Any] = {
        "message": UUID(int=1), "ticket": UUID(int=2), "person": UUID(int=3), "channel": "twilio",
        "account": "care-sms", "recipient": Recipient(kind="phone", value="+31612345678"), "text": text,
    }  # fmt: skip
    return SendMessage(**(fields | more))


class Anywhere(Addresses):
    """Every name is at one public address."""

    async def of(self, host: str, port: int) -> list[str]:
        return ["192.0.32.7"]


def sent(reply: Callable[[httpx.Request], httpx.Response], at: AccountContext | None = None) -> Outcome:
    client = Client(httpx.AsyncClient(transport=httpx.MockTransport(reply)), Anywhere(), timeout_s=5)
    return asyncio.run(TWILIO.send(TWILIO.render(answer(), account())[0], at or account(), client))


def says(status: int, **body: Any) -> Callable[[httpx.Request], httpx.Response]:
    return lambda _: httpx.Response(status, stream=httpx.ByteStream(httpx.Response(status, json=body).content))


def test_an_answer_goes_out_from_our_number_and_names_where_its_receipts_go() -> None:
    seen: list[httpx.Request] = []

    def reply(asked: httpx.Request) -> httpx.Response:
        seen.append(asked)
        return says(201, sid="SM77")(asked)

    assert sent(reply) == Accepted("SM77")
    (asked,) = seen
    assert asked.url.path == "/2010-04-01/Accounts/AC1/Messages.json"
    assert asked.headers["authorization"] == "Basic " + base64.b64encode(b"AC1:token-2").decode()
    form = {name: values[0] for name, values in parse_qs(asked.content.decode()).items()}
    back = f"{URL}?message={UUID(int=1)}"
    assert form == {"To": "+31612345678", "From": OPTIONS["from"], "Body": "Morgen.", "StatusCallback": back}


def test_a_long_text_is_several_messages_each_with_its_segments() -> None:
    parts = TWILIO.render(answer("word " * 400), account())
    assert [part.segments for part in parts] == [segments(parse_qs(part.body.decode())["Body"][0]) for part in parts]
    backs = [parse_qs(part.body.decode())["StatusCallback"] for part in parts]
    assert backs == [[URL], [f"{URL}?message={UUID(int=1)}"]]


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (says(400, code=21610), Rejected("opted-out")),
        (says(400, code=21211), Rejected("no-such-recipient")),
        (says(400, code=12345), Rejected("error-12345")),
        (says(429, code=20429), TryLater("too-many-requests")),
        (says(401, code=20003), TryLater("account-unauthorized")),
        (says(503), TryLater("http-503")),
        (says(500), Unsure("http-500")),
    ],
)
def test_refusals_are_told_apart(reply: Callable[[httpx.Request], httpx.Response], outcome: Outcome) -> None:
    assert sent(reply) == outcome


def test_without_a_log_in_nothing_is_sent() -> None:
    assert sent(says(201), account(credentials=())) == TryLater("no-credential")
    with pytest.raises(Invalid):
        TWILIO.render(answer(), account(options={}))


@pytest.mark.parametrize(
    ("url", "proved"),
    [
        ("https://api.twilio.com/m/1", True),
        ("http://api.twilio.com/m/1", False),
        ("https://api.twilio.com:8443/m/1", False),
        ("https://elsewhere.example/m/1", False),
    ],
)
def test_a_picture_is_fetched_with_our_token_from_the_api_alone(url: str, proved: bool) -> None:
    seen: list[bool] = []

    def reply(asked: httpx.Request) -> httpx.Response:
        seen.append("authorization" in asked.headers)
        return httpx.Response(200, content=b"jpeg")

    assert fetched(url, reply) == Fetched(b"jpeg")
    assert seen == [proved]


@pytest.mark.parametrize("url", ["https://m:x/1", "ftp://api.twilio.com/m/1", "m"])
def test_a_picture_at_no_address_will_never_be_had(url: str) -> None:
    assert fetched(url, says(200)) == Rejected("bad-address")


def fetched(url: str, reply: Callable[[httpx.Request], httpx.Response]) -> Fetch:
    client = Client(httpx.AsyncClient(transport=httpx.MockTransport(reply)), Anywhere(), timeout_s=5)
    assert TWILIO.fetch is not None
    return asyncio.run(TWILIO.fetch(Attachment(reference=url), account(), client))


@given(
    st.lists(st.tuples(st.text(), st.text()), max_size=8), st.sampled_from(["", "&", "&&a", "=b", "%", "%zz=%4", "+"])
)
def test_forms_are_read_as_the_standard_library_does(pairs: list[tuple[str, str]], more: str) -> None:
    body = urlencode(pairs, errors="replace") + more
    assert fields(body.encode()) == parse_qsl(body, keep_blank_values=True)

"""What one request becomes: records within the limit, large things by reference, nothing secret kept."""

import json
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.ingest import compose
from services.ingest.compose import Arrival
from services.ingest.keep import read
from services.ingest.views import as_text
from shared.blobs import person_prefix
from shared.bus import codec
from shared.channels import CHANNELS
from shared.channels.base import Channel, Parsed, Received, Request
from shared.contracts import raw_inbound
from shared.contracts.envelope import MAX_RECORD_BYTES
from shared.contracts.inbound_messages import Attachment, MessageReceived, Sender
from shared.contracts.raw_inbound import RawReceived
from shared.errors import Invalid, Refused
from shared.telemetry import trace
from tests.unit.channel_requests import NOW, account, from_ada, texted, to_page


def arrival(body: bytes, channel: str = "http", **headers: str) -> Arrival:
    request = Request(headers=headers, body=body, received_at=NOW)
    return Arrival(CHANNELS[channel], account(), request, trace.child(None))


def form(**more: Any) -> bytes:
    return json.dumps({"id": "1", "sender": {"email": "ada@example.org"}, "text": "Hello"} | more).encode()


def events(composed: compose.Composed) -> list[Any]:
    return [
        raw_inbound.decode(value, headers) if topic == RawReceived.TOPIC else codec.decode(topic, value, headers)
        for topic, _, value, headers in composed.records
    ]


def size(record: compose.Record) -> int:
    return len(record[2]) + sum(len(name) + len(value) for name, value in record[3])


def test_a_message_becomes_a_raw_record_and_a_normalised_one_that_name_each_other() -> None:
    _, _, composed = read(arrival(form()))
    raw, message = events(composed)
    assert message.id == composed.ids[0]
    assert message.data.raw == str(raw.id) == str(composed.raw)
    assert raw.data.body == form()
    assert composed.blobs == ()


def test_the_same_bytes_are_the_same_records() -> None:
    first, second = read(arrival(form()))[2], read(arrival(form()))[2]
    assert (first.ids, first.raw) == (second.ids, second.raw)


def test_a_large_body_lies_with_the_person_who_wrote_it() -> None:
    body = form() + b" " * 300_000
    _, _, composed = read(arrival(body))
    ((key, content),) = composed.blobs
    assert content == body
    assert key.startswith(person_prefix("main", "email", "", "ada@example.org") + "/")
    assert "ada" not in key


def test_what_could_be_read_goes_out_and_the_whole_is_looked_at_for_the_rest() -> None:
    body = json.dumps(from_ada(texted("one"), {"type": "text"}, texted("two", id="wamid.2"))).encode()
    outcome, said, composed = read(arrival(body, "whatsapp"))
    raw, *messages = events(composed)
    assert (outcome, said) == ("accepted", {"quarantined": str(composed.raw)})
    assert [one.data.text for one in messages] == ["one", "two"]
    assert (raw.data.refusal, raw.data.body) == ("no_message_id", body)
    assert raw.data.detail == "1 of 3 events could not be read, the others were taken: no_message_id"


def test_a_large_request_that_is_looked_at_is_nobodys() -> None:
    body = json.dumps(from_ada(texted("one"), {"type": "text"})).encode() + b" " * 300_000
    ((key, _),) = read(arrival(body, "whatsapp"))[2].blobs
    assert key.startswith("main/raw/")


def test_nothing_that_can_be_read_is_quarantined_as_a_whole() -> None:
    body = json.dumps(from_ada({"type": "text"})).encode()
    outcome, said, composed = read(arrival(body, "whatsapp"))
    assert (outcome, said, composed.ids) == ("quarantined", {"quarantined": str(composed.raw)}, ())


def test_words_up_to_a_moment_are_told_apart_by_person_and_moment() -> None:
    moments = [{"read": {"watermark": 1767323045000 + n}} for n in (0, 1)]
    other = {"read": {"watermark": 1767323045000}, "sender": {"id": "78"}}
    first = read(arrival(json.dumps(to_page(*moments, other)).encode(), "messenger"))[2].ids
    again = read(arrival(json.dumps(to_page(moments[0])).encode(), "messenger"))[2].ids
    assert len(set(first)) == 3
    assert again == first[:1]


@given(st.text(max_size=3), st.integers(1, 400_000))
def test_no_text_makes_a_record_over_the_limit(piece: str, times: int) -> None:
    text = (piece * times)[:350_000] or "x"
    body = json.dumps({"id": "1", "sender": {"id": "7"}, "text": text}).encode()
    try:
        _, _, composed = read(arrival(body))
    except Refused:
        return
    assert all(size(record) <= MAX_RECORD_BYTES for record in composed.records)


def over_the_limit(request: Request, context: Any) -> Parsed:
    """A parser that lets too much through."""
    message = MessageReceived(
        channel="telegram",
        account=context.id,
        natural_id="1",
        sender=Sender(kind="telegram", value="1"),
        attachments=tuple(Attachment(name="n" * 1000) for _ in range(600)),
        accepted_at=request.received_at,
    )
    return Parsed((Received(message),))


def failing(_request: Request, _context: Any) -> Parsed:
    """A parser with a defect."""
    raise KeyError("what the customer wrote")


def refusing(_request: Request, _context: Any) -> Parsed:
    """A parser that does not know this."""
    raise Invalid("this kind is not known", reason="unknown_update")


def test_whatever_becomes_of_a_providers_request_it_is_kept() -> None:
    provider: Channel = CHANNELS["telegram"]
    wanted = {refusing: "unknown_update", failing: "parser_failed", over_the_limit: "too_large"}
    for parser, reason in wanted.items():
        taken = replace(arrival(b"{}", "telegram"), channel=replace(provider, parse=parser))
        outcome, more, composed = read(taken)
        (raw,) = events(composed)
        assert outcome == "quarantined"
        assert more == {"quarantined": str(raw.id)}
        assert (raw.data.refusal, raw.data.body) == (reason, b"{}")
        assert "customer" not in raw.data.detail


def test_of_the_headers_no_secret_and_no_control_character_is_kept() -> None:
    given_headers = {
        "authorization": "Basic x",
        "cookie": "a=b",
        "x-telegram-bot-api-secret-token": "x",
        "user-agent": "provider\x00\r\n1",
        "x-forwarded-for": "192.0.2.1",
    }
    kept = compose.kept_headers(given_headers, CHANNELS["telegram"].secret_headers)
    assert kept == {"user-agent": "provider   1", "x-forwarded-for": "192.0.2.1"}


@given(st.dictionaries(st.text(max_size=50), st.text(max_size=3_000), max_size=20))
def test_kept_headers_are_bounded(headers: dict[str, str]) -> None:
    kept = compose.kept_headers(headers, frozenset())
    assert sum(len(name) + len(value) for name, value in kept.items()) <= compose.HEADERS_MAX


@given(st.text(max_size=200), st.integers(0, 3))
def test_a_text_cut_within_a_character_is_shown_as_text(text: str, cut: int) -> None:
    whole = (text + "早").encode("utf-8", "replace")
    shown, encoding = as_text(whole[: len(whole) - cut])
    assert encoding == "text"
    assert whole.decode().startswith(shown)


def test_bytes_that_are_no_text_are_shown_as_base64() -> None:
    assert as_text(b"\xff\xd8\xff\xe0" * 4) == ("/9j/4P/Y/+D/2P/g/9j/4A==", "base64")
    assert as_text(b"") == ("", "text")

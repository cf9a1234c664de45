"""Whatever stands on a topic is read or refused, never anything else; and what we write we read back."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.bus import codec
from shared.contracts.envelope import MAX_RECORD_BYTES, Event
from shared.contracts.inbound_messages import MessageReceived, Sender
from shared.contracts.registry import MESSAGES
from shared.contracts.topics import TOPICS
from shared.errors import Refused, TooLarge

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)
MOMENT = st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
TOPIC = st.sampled_from(sorted(TOPICS))
HEADERS = st.lists(st.tuples(st.text(max_size=12) | st.just("traceparent"), st.binary(max_size=60)), max_size=4)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.sampled_from(sorted(MESSAGES)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@st.composite
def messages(draw: st.DrawFn) -> Event[MessageReceived]:
    """Events as ingest makes them."""
    data = MessageReceived(
        channel="http",
        account="form",
        natural_id=draw(TEXT),
        sender=Sender(kind="external", value=draw(TEXT.filter(bool)), name=draw(st.none() | TEXT)),
        text=draw(TEXT),
        accepted_at=draw(MOMENT),
    )
    return Event(
        id=draw(st.uuids()),
        source="ingest",
        time=draw(MOMENT),
        workspace=draw(TEXT.filter(bool)),
        data=data,
        shop=draw(st.none() | TEXT.filter(bool)),
        version=draw(st.none() | st.integers(1, 2**53)),
        correlation=draw(st.uuids()),
        causation=draw(st.none() | st.uuids()),
        causation_depth=draw(st.integers(0, 32)),
    )


@given(event=messages())
def test_what_is_written_is_read_back(event: Event[MessageReceived]) -> None:
    read = codec.decode(event.topic, codec.encode(event), codec.trace_header(TRACE))
    assert read == event
    assert read is not None and read.trace == TRACE


def read_or_refused(topic: str, value: bytes | None, headers: Any) -> None:
    try:
        event = codec.decode(topic, value, headers)
    except Refused:
        return
    assert event is None or isinstance(event.id, UUID)


@given(topic=TOPIC, value=st.none() | st.binary(max_size=200), headers=HEADERS)
def test_any_bytes_are_read_or_refused(topic: str, value: bytes | None, headers: Any) -> None:
    read_or_refused(topic, value, headers)


@given(topic=TOPIC, value=JSON, headers=HEADERS)
def test_any_json_is_read_or_refused(topic: str, value: Any, headers: Any) -> None:
    read_or_refused(topic, json.dumps(value).encode(errors="surrogatepass"), headers)


@given(
    event=messages(), name=st.sampled_from(["id", "type", "time", "data", "version", "workspace", "shop"]), value=JSON
)
def test_an_envelope_with_one_wrong_attribute_is_read_or_refused(event: Event[Any], name: str, value: Any) -> None:
    attributes = json.loads(codec.encode(event))
    for wrong in ({**attributes, name: value}, {**attributes, "causationdepth": value}):
        read_or_refused(event.topic, json.dumps(wrong).encode(errors="surrogatepass"), [])


@pytest.mark.parametrize(
    "value",
    [b"[" * 200_000, b'{"a":' * 200_000, b'"' + b"\\" * 99_999, b"1e999", b'{"version": 1e400}'],
    ids=["lists without end", "objects without end", "backslashes", "a number too large", "an infinite version"],
)
def test_json_made_to_hurt_is_refused(value: bytes) -> None:
    with pytest.raises(Refused):
        codec.decode("inbound-messages", value, [])


def test_a_record_over_the_limit_is_refused_both_ways() -> None:
    with pytest.raises(TooLarge):
        codec.decode("inbound-messages", b" " * (MAX_RECORD_BYTES + 1), [])
    data = MessageReceived(
        channel="http",
        account="form",
        natural_id="1",
        sender=Sender(kind="external", value="a"),
        text="é" * 400_000,
        accepted_at=datetime.now(UTC),
    )
    event = Event(id=UUID(int=1), source="ingest", time=datetime.now(UTC), workspace="shop", data=data)
    with pytest.raises(TooLarge):
        codec.encode(event)


@given(value=st.binary(max_size=60))
def test_a_trace_is_taken_only_where_it_is_one(value: bytes) -> None:
    trace = codec.trace_of([("traceparent", value)])
    assert trace is None or trace.encode() == value


def test_a_refusal_does_not_repeat_what_the_customer_wrote() -> None:
    secret = "my card is 4111 1111 1111 1111"
    record = {
        "id": str(UUID(int=1)),
        "source": "ingest",
        "type": MessageReceived.TYPE,
        "time": "2026-01-01T00:00:00Z",
        "workspace": "shop",
        "data": {"channel": secret, "sender": secret, "text": ["list", secret]},
    }
    with pytest.raises(Refused) as refused:
        codec.decode("inbound-messages", json.dumps(record).encode(), [])
    assert "4111" not in str(refused.value)

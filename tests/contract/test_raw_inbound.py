"""The raw topic holds what was received, byte for byte."""

from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from shared.contracts import raw_inbound
from shared.contracts.envelope import Event
from shared.contracts.raw_inbound import RawReceived

GOLDEN_HEADERS = [
    ("ce_specversion", b"1.0"),
    ("ce_id", b"1f0e4f5a-7f9e-5a1c-8a39-0d5b1e1f0c11"),
    ("ce_source", b"ingest"),
    ("ce_type", b"switchboard.inbound.raw-received.v1"),
    ("ce_time", b"2026-01-02T03:04:05+00:00"),
    ("ce_workspace", b"main"),
    ("ce_shop", b"bikes"),
    ("channel", b"telegram"),
    ("account", b"bikes-bot"),
    ("http", b'{"content-type": "application/json"}'),
    ("refusal", b"unknown-update"),
    ("detail", b"no message in the update"),
]


def test_a_record_of_an_older_release_is_read() -> None:
    event = raw_inbound.decode(b'{"update_id": 1}', GOLDEN_HEADERS)
    assert event.id == UUID("1f0e4f5a-7f9e-5a1c-8a39-0d5b1e1f0c11")
    assert event.time == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert (event.workspace, event.shop, event.data.account) == ("main", "bikes", "bikes-bot")
    assert event.data.refusal == "unknown-update"
    value, headers = raw_inbound.encode(event)
    assert (value, headers) == (b'{"update_id": 1}', GOLDEN_HEADERS)


@given(st.binary(max_size=200), st.dictionaries(st.text(max_size=20), st.text(max_size=50), max_size=5))
def test_body_and_headers_come_back_as_they_were(body: bytes, headers: dict[str, str]) -> None:
    event = Event(
        id=UUID(int=1),
        source="ingest",
        time=datetime(2026, 1, 1, tzinfo=UTC),
        workspace="main",
        data=RawReceived(channel="http", account="form", headers=headers, body=body),
    )
    assert raw_inbound.decode(*raw_inbound.encode(event)) == event

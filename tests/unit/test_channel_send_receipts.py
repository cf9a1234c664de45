"""What providers say of messages that were sent through them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from services.ingest.compose import Arrival, taken
from shared.bus import codec
from shared.channels import CHANNELS
from shared.channels.base import Request
from shared.contracts.inbound_receipts import ReceiptReceived
from shared.errors import Invalid
from shared.ids import inbound_id
from tests.unit.channel_requests import NOW, account, parse

MESSAGE = "01a20719-75d9-700c-83cc-a366018aeb02"
DELIVERY = {
    "RecordType": "Delivery", "MessageID": "883953f4", "Recipient": "ada@example.org",
    "DeliveredAt": "2026-01-02T02:00:00-05:00", "Metadata": {"message": MESSAGE},
}  # fmt: skip


def receipt(channel: str, body: Any) -> ReceiptReceived:
    """The one receipt that the body is."""
    parsed = parse(channel, body)
    assert parsed.received == ()
    (found,) = parsed.receipts
    return found


def test_a_program_says_what_became_of_an_answer() -> None:
    found = receipt("http", {"receipt": {"message": MESSAGE, "state": "failed", "reason": "blocked"}})
    assert (found.provider_id, found.state, found.reason) == (MESSAGE, "failed", "blocked")
    assert (found.at, found.accepted_at, found.account) == (NOW, NOW, "form")


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({"receipt": {"message": "m1", "state": "read"}}, ["/receipt/message"]),
        ({"receipt": {"message": MESSAGE, "state": "seen"}}, ["/receipt/state"]),
        ({"receipt": {"message": MESSAGE, "state": "read"}, "text": "x"}, ["/text"]),
        ({"receipt": {"message": MESSAGE, "state": "failed", "reason": "A long story"}}, ["/receipt/reason"]),
    ],
)
def test_a_program_is_told_what_is_wrong_with_its_receipt(body: Any, pointers: list[str]) -> None:
    with pytest.raises(Invalid) as error:
        parse("http", body)
    assert [field["pointer"] for field in error.value.fields] == pointers


def test_a_delivered_mail_is_known_by_the_id_that_travelled_along() -> None:
    found = receipt("postmark", DELIVERY)
    assert (found.provider_id, found.state) == (MESSAGE, "delivered")
    assert found.at == datetime(2026, 1, 2, 7, tzinfo=UTC)
    assert receipt("postmark", DELIVERY | {"Metadata": {}}).provider_id == "883953f4"


def test_an_opened_mail_is_read_and_a_bounced_one_failed() -> None:
    assert receipt("postmark", DELIVERY | {"RecordType": "Open"}).state == "read"
    bounced = receipt("postmark", DELIVERY | {"RecordType": "Bounce", "Type": "HardBounce"})
    assert (bounced.state, bounced.reason) == ("failed", "hard-bounce")


@pytest.mark.parametrize(
    "said", [{"RecordType": "Bounce", "Type": "Transient"}, {"RecordType": "Click"}, {"RecordType": "SpamComplaint"}]
)
def test_what_does_not_say_how_far_a_mail_came_is_left_aside(said: dict[str, str]) -> None:
    parsed = parse("postmark", DELIVERY | said)
    assert (parsed.received, parsed.receipts, parsed.ignored) == ((), (), "not-a-receipt")


def test_a_receipt_goes_to_its_topic_with_the_same_id_each_time() -> None:
    request = Request(headers={}, body=b"{}", received_at=NOW)
    arrival = Arrival(CHANNELS["postmark"], account(), request, "00-" + "1" * 32 + "-" + "2" * 16 + "-01")
    parsed = parse("postmark", DELIVERY)
    composed = taken(arrival, parsed)
    (topic, _, value, _) = composed.records[1]
    event = codec.decode(topic, value, [])
    assert event is not None and event.data == parsed.receipts[0]
    assert event.id == inbound_id("main", "postmark", "form", f"receipt:{MESSAGE}:delivered")
    assert (topic, composed.ids, composed.messages) == ("inbound-receipts", (event.id,), 0)

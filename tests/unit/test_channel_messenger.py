"""What a page's webhook tells, as messages and receipts of the desk."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from shared.channels.base import Parsed
from shared.errors import Invalid
from tests.unit.channel_requests import message, parse, to_page

PAGE = "messenger"
AT = datetime(2026, 1, 2, 3, 4, 5, 123000, tzinfo=UTC)
FROM_PAGE = {"sender": {"id": "10"}, "recipient": {"id": "77"}}


def said(**more: Any) -> dict[str, Any]:
    """A message event."""
    return {"message": {"mid": "m1", **more}}


def file(kind: str, **payload: Any) -> dict[str, Any]:
    return {"type": kind, "payload": payload}


def refusal(body: Any, **options: str) -> str:
    with pytest.raises(Invalid) as refused:
        parse(PAGE, body, **options)
    return refused.value.reason


def test_a_customer_is_a_number_that_only_this_page_knows() -> None:
    got = message(PAGE, to_page(said(text="Where is it?", reply_to={"mid": "m0"})))
    assert (got.sender.kind, got.sender.scope, got.sender.value, got.thread) == ("messenger", "form", "77", "77")
    assert (got.natural_id, got.text, got.references, got.provider_time) == ("m1", "Where is it?", ("m0",), AT)
    assert got.echo is None


def test_ids_may_come_as_numbers() -> None:
    event = {"sender": {"id": 77}, "recipient": {"id": 10}, "timestamp": "1767323045123"} | said(text="hi")
    got = message(PAGE, {"object": "page", "entry": [{"id": 10, "messaging": [event]}]})
    assert (got.sender.value, got.provider_time) == ("77", AT)


LINK = {"type": "fallback", "title": "A page", "url": "https://p"}
BELL = {"elements": [{"title": "Bell", "subtitle": "€ 9"}]}
TWO = [file("image", url="https://f/1"), file("audio", url="https://f/2")]
SPOKEN: list[tuple[dict[str, Any], str, str | None, list[str | None]]] = [
    (said(attachments=TWO), "", None, ["https://f/1", "https://f/2"]),
    (said(attachments=[file("location", coordinates={"lat": 1.5, "long": 2})]), "geo:1.5,2", None, []),
    (said(attachments=[LINK | {"payload": None}]), "A page\nhttps://p", None, []),
    (said(text="See", attachments=[LINK]), "See", None, []),
    (said(attachments=[file("template", product=BELL)]), "Bell € 9", None, []),
    (said(text="This?", attachments=[file("template", product=BELL)]), "This?", "Bell € 9", []),
    (said(text="Hi", referral={"ads_context_data": {"ad_title": "Bells!"}}), "Hi", "Bells!", []),
    (said(text="Hi", reply_to={"story": {"url": "https://s", "id": "1"}}), "Hi", None, ["https://s"]),
    (said(text="Yes", quick_reply={"payload": "p"}), "Yes", None, []),
    (said(quick_reply={"payload": "p"}), "p", None, []),
    (said(attachments=[file("image", url="https://" + "x" * 5000)]), "", None, [None]),
    ({"postback": {"title": "Track", "payload": "p", "mid": "m1"}}, "Track", None, []),
    ({"postback": {"payload": "p", "referral": {"ref": "summer"}}}, "p", "summer", []),
]


@pytest.mark.parametrize(("event", "text", "subject", "files"), SPOKEN)
def test_content_is_text_and_files(event: Any, text: str, subject: str | None, files: list[str | None]) -> None:
    got = message(PAGE, to_page(event))
    assert (got.text, got.subject, [one.reference for one in got.attachments]) == (text, subject, files)


def test_a_pressed_button_without_an_id_has_one_by_person_and_moment() -> None:
    assert message(PAGE, to_page({"postback": {"payload": "p"}})).natural_id == "postback:77:1767323045123"


def test_what_is_done_to_a_message_names_it() -> None:
    edit = message(PAGE, to_page({"message_edit": {"mid": "m0", "text": "two", "num_edit": 2}}))
    assert (edit.natural_id, edit.edit_of, edit.text) == ("m0:edit:2", "m0", "two")
    gone = message(PAGE, to_page(said(is_deleted=True)))
    assert (gone.natural_id, gone.withdraws, gone.text) == ("m1:withdrawn", "m1", "")
    liked = message(PAGE, to_page({"reaction": {"mid": "m0", "action": "react", "emoji": "❤", "reaction": "love"}}))
    assert (liked.natural_id, liked.reacts_to, liked.text) == ("m0:reaction:77:1767323045123", "m0", "❤")
    back = message(PAGE, to_page({"reaction": {"mid": "m0", "action": "unreact", "emoji": "❤"}}))
    assert (back.reacts_to, back.text) == ("m0", "")


# --- echoes ---------------------------------------------------------------------------------------------------------


def test_an_answer_typed_in_the_pages_inbox_is_an_echo_to_the_customer() -> None:
    got = message(PAGE, to_page(FROM_PAGE | said(text="Tomorrow!", is_echo=True, app_id=4)), app_id="5")
    assert (got.echo, got.sender.value, got.thread, got.text) == (True, "77", "77", "Tomorrow!")


def test_an_echo_of_our_own_send_is_a_word_that_it_was_sent() -> None:
    got = parse(PAGE, to_page(FROM_PAGE | said(text="Tomorrow!", is_echo=True, app_id=5)), app_id="5")
    assert got.received == ()
    ((state, name),) = [(one.state, one.provider_id) for one in got.receipts]
    assert (state, name) == ("sent", "m1")


def test_an_echo_that_carries_our_id_needs_no_option() -> None:
    ours = str(UUID(int=7))
    (got,) = parse(PAGE, to_page(FROM_PAGE | said(text="x", is_echo=True, metadata=f"switchboard:{ours}"))).receipts
    assert (got.state, got.provider_id) == ("sent", ours)
    odd = parse(PAGE, to_page(FROM_PAGE | said(text="x", is_echo=True, metadata="switchboard:odd")))
    assert [one.provider_id for one in odd.receipts] == ["m1"]


def test_a_customer_cannot_pass_for_us() -> None:
    got = message(PAGE, to_page(said(text="x", metadata=f"switchboard:{UUID(int=7)}", app_id=5)), app_id="5")
    assert got.echo is None


def test_what_the_page_does_in_its_inbox_is_an_echo_too() -> None:
    got = message(PAGE, to_page(FROM_PAGE | {"reaction": {"mid": "m0", "action": "react", "emoji": "❤"}}))
    assert (got.echo, got.sender.value, got.natural_id) == (True, "77", "m0:reaction:10:1767323045123")
    gone = message(PAGE, to_page(FROM_PAGE | said(is_deleted=True, is_echo=True)))
    assert (gone.echo, gone.withdraws) == (True, "m1")


# --- receipts -------------------------------------------------------------------------------------------------------


def receipts(event: Any) -> list[tuple[str, str, str | None, datetime | None]]:
    got = parse(PAGE, to_page(event))
    assert got.received == ()
    return [(one.state, one.provider_id, one.recipient, one.through) for one in got.receipts]


def test_delivery_is_told_by_message_and_reading_up_to_a_moment() -> None:
    stamp = 1767323045123
    assert receipts({"delivery": {"mids": ["m1", "m2"], "watermark": stamp}}) == [
        ("delivered", "m1", None, None),
        ("delivered", "m2", None, None),
    ]
    assert receipts({"delivery": {"watermark": stamp}}) == [("delivered", "", "77", AT)]
    assert receipts({"read": {"watermark": stamp}}) == [("read", "", "77", AT)]
    assert receipts({"read": {"mid": "m1"}}) == [("read", "m1", None, None)]
    assert refusal(to_page({"read": {}})) == "no_message_id"


# --- the rest -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "ignored"),
    [
        ({"optin": {"ref": "x"}}, "not-a-message"),
        ({"policy_enforcement": {"action": "block"}}, "not-a-message"),
        ({"take_thread_control": {}}, "thread-control"),
        (said(is_self=True, text="x"), "own-message"),
    ],
)
def test_what_is_no_message_is_left_aside_with_a_reason(event: Any, ignored: str) -> None:
    assert parse(PAGE, to_page(event)) == Parsed(ignored=ignored)


@pytest.mark.parametrize(
    ("entry", "ignored"),
    [
        ({"standby": [said(text="x")]}, "standby"),
        ({"changes": [{"field": "feed", "value": {"item": "comment", "message": "x"}}]}, "public-comment"),
        ({"changes": [{"field": "hours"}]}, "not-a-message"),
    ],
)
def test_what_is_not_ours_to_answer_is_left_aside_with_a_reason(entry: Any, ignored: str) -> None:
    assert parse(PAGE, {"object": "page", "entry": [{"id": "10"} | entry]}) == Parsed(ignored=ignored)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (said(is_unsupported=True), "unsupported_message"),
        (said(), "unknown_content"),
        (said(attachments=[file("template", hologram=1)]), "unknown_content"),
        ({"message": {"text": "x"}}, "no_message_id"),
        ({"hologram": {}}, "unknown_event"),
        (said(text="x") | {"sender": {"user_ref": "1"}}, "no_sender"),
        (said(text="x") | {"sender": "77"}, "wrong_type"),
    ],
)
def test_what_cannot_be_read_is_looked_at(event: Any, reason: str) -> None:
    assert refusal(to_page(event)) == reason


def test_a_request_of_another_product_or_page_is_looked_at() -> None:
    assert refusal(to_page(said(text="x"), about="instagram")) == "other_object"
    assert refusal(to_page(said(text="x")), page_id="11") == "other_account"
    assert refusal({"object": "page", "entry": [{"id": "10"}]}) == "unknown_entry"
    assert refusal({"object": "page", "entry": [{"changes": [{"field": "hologram"}]}]}) == "unknown_field"
    assert message(PAGE, to_page(said(text="x")), page_id="10").text == "x"


def test_a_broken_event_does_not_cost_its_neighbours() -> None:
    body = to_page(said(text="one"), {"hologram": 1}, said(mid="m2", text="two"), {"read": {"watermark": 1767323045}})
    body["entry"] += ["nonsense", {"id": "10", "messaging": "nonsense"}]
    got = parse(PAGE, body)
    assert [one.message.text for one in got.received] == ["one", "two"]
    assert (len(got.receipts), got.unreadable) == (1, ("unknown_event", "wrong_type", "wrong_type"))

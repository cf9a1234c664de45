"""What WhatsApp's webhook tells, as messages and receipts of the desk."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.channels.base import Parsed
from shared.errors import Invalid
from tests.unit.channel_requests import NOW, change, from_ada, message, parse, texted

WA = "whatsapp"


def said(kind: str, **more: Any) -> dict[str, Any]:
    """What Ada sent that is no text."""
    plain = texted(type=kind, **more)
    del plain["text"]
    return plain


def refusal(body: Any, **options: str) -> str:
    with pytest.raises(Invalid) as refused:
        parse(WA, body, **options)
    return refused.value.reason


def told(**more: Any) -> Parsed:
    """A status of WhatsApp's."""
    status = {"id": "wamid.9", "status": "delivered", "timestamp": "1767323045", "recipient_id": "31612345678"}
    return parse(WA, change({"statuses": [status | more]}))


# --- who ------------------------------------------------------------------------------------------------------------


def test_a_customer_is_his_phone_number() -> None:
    got = message(WA, from_ada(texted("Where is my order?")))
    assert (got.sender.kind, got.sender.scope, got.sender.value) == ("phone", "", "+31612345678")
    assert (got.sender.name, got.sender.verified, got.thread) == ("Ada", True, "+31612345678")
    assert (got.natural_id, got.text) == ("wamid.1", "Where is my order?")
    assert got.provider_time == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize("where", ["message", "contact"])
def test_a_customer_who_hides_his_number_is_the_id_that_only_this_business_knows(where: str) -> None:
    hidden = texted()
    del hidden["from"]
    body = from_ada(hidden | ({"from_user_id": "NL.77"} if where == "message" else {}))
    del body["entry"][0]["changes"][0]["value"]["contacts"][0]["wa_id"]
    sender = message(WA, body).sender
    assert (sender.kind, sender.scope, sender.value, sender.name) == ("whatsapp", "form", "NL.77", "Ada")


def test_a_message_of_nobody_is_looked_at() -> None:
    hidden = texted()
    del hidden["from"]
    assert refusal(change({"messages": [hidden]})) == "no_sender"


def test_of_many_contacts_the_writers_name_is_taken() -> None:
    body = from_ada(texted(), texted(id="wamid.2", **{"from": "4917612345"}), texted(id="wamid.3", **{"from": "331"}))
    contacts = body["entry"][0]["changes"][0]["value"]["contacts"]
    contacts += [{"profile": {"name": "Ben"}, "wa_id": "4917612345"}, "nonsense"]
    assert [one.message.sender.name for one in parse(WA, body).received] == ["Ada", "Ben", None]


def test_a_group_is_a_conversation_of_its_own() -> None:
    got = message(WA, from_ada(texted(group_id="1203634@g.us")))
    assert (got.thread, got.sender.value) == ("group:1203634@g.us", "+31612345678")


# --- what -----------------------------------------------------------------------------------------------------------

SPOKEN: list[tuple[dict[str, Any], str]] = [
    (said("button", button={"text": "Yes", "payload": "p1"}), "Yes"),
    (said("button", button={"payload": "p1"}), "p1"),
    (said("interactive", interactive={"type": "button_reply", "button_reply": {"id": "b", "title": "Track"}}), "Track"),
    (
        said("interactive", interactive={"list_reply": {"id": "l", "title": "Bells", "description": "All of them"}}),
        "Bells\nAll of them",
    ),
    (
        said(
            "interactive",
            interactive={"nfm_reply": {"response_json": '{"size": "L", "n": [1], "flow_token": "x"}', "body": "Sent"}},
        ),
        "size: L\nn: [1]",
    ),
    (said("interactive", interactive={"nfm_reply": {"response_json": "{broken", "body": "Sent"}}), "{broken"),
    (said("interactive", interactive={"nfm_reply": {"response_json": "{}", "body": "Sent"}}), "Sent"),
    (
        said("interactive", interactive={"nfm_reply": {"response_json": f'{{"a": {"[" * 500}{"]" * 500}, "b": 1}}'}}),
        "a: …\nb: 1",
    ),
    (said("location", location={"latitude": 52.5, "longitude": "4.8", "name": "Shop"}), "Shop\ngeo:52.5,4.8"),
    (
        said("contacts", contacts=[{"name": {"first_name": "Ben"}, "phones": [{"phone": "+31 1"}]}, {"org": {}}]),
        "Ben +31 1",
    ),
    (
        said(
            "order",
            order={
                "text": "Please",
                "product_items": [{"product_retailer_id": "B1", "quantity": 2, "item_price": 9.5, "currency": "EUR"}],
            },
        ),
        "Please\n2 × B1 (9.5 EUR)",
    ),
]


@pytest.mark.parametrize(("one", "text"), SPOKEN)
def test_content_without_words_is_put_into_words(one: dict[str, Any], text: str) -> None:
    assert message(WA, from_ada(one)).text == text


def test_a_file_is_kept_by_its_id() -> None:
    file = {"id": 77, "mime_type": "application/pdf", "filename": "bill.pdf", "caption": "The bill"}
    got = message(WA, from_ada(said("document", document=file)))
    (kept,) = got.attachments
    assert (kept.reference, kept.media_type, kept.name, got.text) == ("77", "application/pdf", "bill.pdf", "The bill")
    assert refusal(from_ada(said("image", image={"mime_type": "image/png"}))) == "no_media"


def test_what_an_answer_answers_and_where_the_customer_came_from() -> None:
    product = {"id": "wamid.0", "referred_product": {"product_retailer_id": "B1"}}
    got = message(WA, from_ada(texted(context=product, referral={"headline": "Bells!", "source_url": "https://ad"})))
    assert (got.references, got.subject, got.text) == (("wamid.0",), "Bells! https://ad B1", "hi")


@pytest.mark.parametrize(("emoji", "text"), [({"emoji": "👍"}, "👍"), ({"emoji": ""}, ""), ({}, "")])
def test_a_reaction_names_its_message_and_may_be_taken_back(emoji: dict[str, str], text: str) -> None:
    got = message(WA, from_ada(said("reaction", id="wamid.5", reaction={"message_id": "wamid.0"} | emoji)))
    assert (got.natural_id, got.reacts_to, got.text, got.references) == ("wamid.5", "wamid.0", text, ())


def test_an_edit_and_a_withdrawal_name_their_message() -> None:
    edit = {"original_message_id": "wamid.0", "message": {"type": "text", "text": {"body": "No, two"}}}
    got = message(WA, from_ada(said("edit", edit=edit)))
    assert (got.natural_id, got.edit_of, got.text) == ("wamid.1", "wamid.0", "No, two")
    got = message(WA, from_ada(said("revoke", revoke={"original_message_id": "wamid.0"})))
    assert (got.natural_id, got.withdraws, got.text) == ("wamid.1", "wamid.0", "")
    assert refusal(from_ada(said("revoke", revoke={}))) == "no_target"


def test_what_was_done_under_the_messages_own_id_has_an_id_of_its_own() -> None:
    got = message(WA, from_ada(said("revoke", revoke={"original_message_id": "wamid.1"})))
    assert (got.natural_id, got.withdraws) == ("wamid.1:revoke:1767323045", "wamid.1")


def test_an_answer_typed_in_the_business_app_is_an_echo_to_the_customer() -> None:
    echo = texted("Tomorrow!", to="31612345678", **{"from": "31201234567"})
    got = message(WA, change({"message_echoes": [echo]}, field="smb_message_echoes"))
    assert (got.echo, got.sender.value, got.thread, got.text) == (True, "+31612345678", "+31612345678", "Tomorrow!")


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (said("unsupported", errors=[{"code": 131051}]), "unsupported_message"),
        (said("unknown"), "unsupported_message"),
        (said("hologram", hologram={}), "unknown_content"),
        (said("interactive", interactive={"type": "hologram"}), "unknown_content"),
        (texted(""), "unknown_content"),
        (texted(id=""), "no_message_id"),
        (texted(id="x" * 501), "bad_id"),
        (texted(id=True), "wrong_type"),
        (texted(text=["hi"]), "wrong_type"),
    ],
)
def test_what_cannot_be_read_is_looked_at(one: dict[str, Any], reason: str) -> None:
    assert refusal(from_ada(one)) == reason


def test_a_message_that_names_no_type_is_read_by_what_it_holds() -> None:
    untyped = texted("hello")
    del untyped["type"]
    assert message(WA, from_ada(untyped)).text == "hello"


@pytest.mark.parametrize(
    ("body", "ignored"),
    [
        (from_ada(said("system", system={"type": "user_changed_number"})), "service-message"),
        (from_ada(said("request_welcome")), "service-message"),
        (from_ada(said("interactive", interactive={"type": "call_permission_reply"})), "call"),
        (change({"calls": []}, field="calls"), "call"),
        (change({"event": "APPROVED"}, field="message_template_status_update"), "not-a-message"),
        (change({"history": []}, field="history"), "history"),
    ],
)
def test_what_is_no_message_is_left_aside_with_a_reason(body: Any, ignored: str) -> None:
    assert parse(WA, body) == Parsed(ignored=ignored)


def test_a_request_of_another_product_or_number_is_looked_at() -> None:
    assert refusal(from_ada(texted()) | {"object": "page"}) == "other_object"
    assert refusal(change({}, field="hologram")) == "unknown_field"
    assert refusal(change({"metadata": {}})) == "unknown_content"
    assert refusal({"object": "whatsapp_business_account", "entry": []}) == "no_events"
    body = from_ada(texted(), metadata={"phone_number_id": 106})
    assert refusal(body, phone_number_id="107") == "other_account"
    assert message(WA, body, phone_number_id="106").text == "hi"


# --- many at once ---------------------------------------------------------------------------------------------------


def test_a_broken_message_does_not_cost_its_neighbours() -> None:
    body = from_ada(texted("one"), {"type": "text"}, "nonsense", texted("two", id="wamid.2"))
    body["entry"][0]["changes"] += ["nonsense", {"field": "hologram"}]
    body["entry"] += [None, from_ada(texted("three", id="wamid.3"))["entry"][0]]
    got = parse(WA, body)
    assert [one.message.text for one in got.received] == ["one", "two", "three"]
    assert got.unreadable == ("no_message_id", "wrong_type", "wrong_type", "unknown_field", "wrong_type")


def test_messages_and_statuses_come_together() -> None:
    status = {"id": "wamid.9", "status": "read", "timestamp": 1767323045}
    got = parse(WA, from_ada(texted(), said("system"), statuses=[status]))
    assert (len(got.received), [one.state for one in got.receipts], got.ignored) == (1, ["read"], None)


@given(st.lists(st.sampled_from(["good", "broken", "left"]), min_size=1, max_size=8))
def test_of_any_mixture_the_good_ones_come_out_in_order(kinds: list[str]) -> None:
    made = {"good": texted, "broken": lambda **_: {"id": 1}, "left": lambda **more: said("system", **more)}
    body = from_ada(*(made[kind](id=f"wamid.{n}") for n, kind in enumerate(kinds)))
    wanted = [f"wamid.{n}" for n, kind in enumerate(kinds) if kind == "good"]
    if not wanted and "broken" in kinds:
        assert refusal(body)
        return
    got = parse(WA, body)
    assert [one.message.natural_id for one in got.received] == wanted
    assert len(got.unreadable) == kinds.count("broken")


# --- statuses -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "state"),
    [("sent", "sent"), ("delivered", "delivered"), ("read", "read"), ("played", "read"), ("failed", "failed")],
)
def test_a_status_is_a_receipt(status: str, state: str) -> None:
    (got,) = told(status=status).receipts
    assert (got.provider_id, got.state, got.recipient, got.through) == ("wamid.9", state, None, None)
    assert got.at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("errors", "reason"),
    [
        ([{"code": 131026}], "no-such-recipient"),
        ([{"code": "131047"}], "window-closed"),
        ([{"code": 131049}], "provider-limit"),
        ([{"code": 130429}], "too-many-requests"),
        ([{"code": 999}], "meta-999"),
        ([{"code": -1}, {"code": 131050}], "opted-out"),
        ([{"code": "9" * 5000}], None),
        ([], None),
    ],
)
def test_a_failure_says_why_in_a_word(errors: list[Any], reason: str | None) -> None:
    (got,) = told(status="failed", errors=errors).receipts
    assert got.reason == reason


def test_a_status_of_ours_names_the_answer_itself() -> None:
    ours = str(UUID(int=7))
    assert told(biz_opaque_callback_data=ours).receipts[0].provider_id == ours
    assert told(biz_opaque_callback_data="somebody else's").receipts[0].provider_id == "wamid.9"


def test_a_status_without_a_moment_happened_when_it_came() -> None:
    assert told(timestamp="TIMESTAMP").receipts[0].at == NOW


def test_statuses_that_are_none_are_left_aside_or_looked_at() -> None:
    assert told(status="RINGING", type="call").ignored == "call"
    assert told(status="deleted").ignored == "not-a-receipt"
    for wrong, reason in ({"status": "hologram"}, "unknown_status"), ({"id": ""}, "no_message_id"):
        with pytest.raises(Invalid) as refused:
            told(**wrong)
        assert refused.value.reason == reason

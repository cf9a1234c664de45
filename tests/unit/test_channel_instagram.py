"""What Instagram's webhook tells otherwise than a page's."""

import pytest

from shared.errors import Invalid
from tests.unit.channel_requests import message, parse, to_page

IG = "instagram"


def test_a_customer_is_a_number_that_only_this_account_knows() -> None:
    got = message(IG, to_page({"message": {"mid": "m1", "text": "hi"}}, about=IG))
    assert (got.sender.kind, got.sender.scope, got.sender.value) == ("instagram", "form", "77")


def test_messages_may_come_as_changes() -> None:
    value = {"sender": {"id": "77"}, "recipient": {"id": "10"}, "message": {"mid": "m1", "text": "hi"}}
    body = {"object": IG, "entry": [{"id": "10", "changes": [{"field": "messages", "value": value}]}]}
    assert message(IG, body).text == "hi"


@pytest.mark.parametrize("kind", ["story_mention", "share", "ig_reel", "unsupported_type"])
def test_what_was_shared_is_kept_by_its_address(kind: str) -> None:
    shared = {"mid": "m1", "attachments": [{"type": kind, "payload": {"url": "https://f/1"}}]}
    (file,) = message(IG, to_page({"message": shared}, about=IG)).attachments
    assert (file.name, file.reference) == (kind, "https://f/1")


def test_reading_is_told_by_message() -> None:
    (got,) = parse(IG, to_page({"read": {"mid": "m1"}}, about=IG)).receipts
    assert (got.state, got.provider_id, got.through) == ("read", "m1", None)


def test_comments_are_public_and_left_aside() -> None:
    body = {"object": IG, "entry": [{"id": "10", "changes": [{"field": "comments", "value": {"text": "x"}}]}]}
    assert parse(IG, body).ignored == "public-comment"


def test_a_pages_webhook_is_looked_at() -> None:
    with pytest.raises(Invalid, match="another product"):
        parse(IG, to_page({"message": {"mid": "m1", "text": "hi"}}))


def test_another_accounts_messages_are_looked_at() -> None:
    body = to_page({"message": {"mid": "m1", "text": "hi"}}, about=IG)
    assert message(IG, body, instagram_id="10").text == "hi"
    with pytest.raises(Invalid, match="other_account"):
        parse(IG, body, instagram_id="11")

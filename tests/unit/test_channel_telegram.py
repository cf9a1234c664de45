"""Telegram: which updates are a customer's words, whose they are, and what becomes of the rest."""

from typing import Any

import pytest

from shared.errors import Invalid, Malformed
from tests.unit.channel_requests import message, parse

ADA = {"id": 7, "is_bot": False, "first_name": "Ada", "last_name": "Lovelace", "language_code": "en"}
CHAT = {"id": 7, "type": "private", "first_name": "Ada"}


def update(kind: str = "message", number: int = 1, **more: Any) -> dict[str, Any]:
    return {"update_id": number, kind: {"message_id": 5, "from": ADA, "chat": CHAT, "date": 1_700_000_000} | more}


def refused(sent: Any) -> str:
    with pytest.raises(Invalid) as error:
        parse("telegram", sent)
    return error.value.reason


def test_a_sender_is_one_person_for_all_bots_and_proved_by_telegram() -> None:
    sender = message("telegram", update(text="hello")).sender
    assert (sender.kind, sender.scope, sender.value, sender.verified) == ("telegram", "", "7", True)
    assert (sender.name, sender.language) == ("Ada Lovelace", "en")


def test_the_same_update_again_is_the_same_message() -> None:
    first, again = message("telegram", update(text="hello")), message("telegram", update(text="hello"))
    assert first.natural_id == again.natural_id == "7:5"


def test_every_edit_is_a_message_of_its_own_that_names_the_first() -> None:
    edits = [
        message("telegram", update("edited_message", number, text="hallo", edit_date=1_700_000_009))
        for number in (2, 3)
    ]
    assert [edit.edit_of for edit in edits] == ["7:5", "7:5"]
    assert len({edit.natural_id for edit in edits}) == 2


def test_a_pressed_button_says_its_label() -> None:
    keyboard = {"inline_keyboard": [[{"text": "Yes please", "callback_data": "y"}]]}
    under = {"message_id": 9, "chat": CHAT, "date": 1, "reply_markup": keyboard}
    pressed = message(
        "telegram", {"update_id": 1, "callback_query": {"id": "q", "from": ADA, "data": "y", "message": under}}
    )
    assert (pressed.text, pressed.thread, pressed.references) == ("Yes please", "7", ("7:9",))


def test_an_anonymous_administrator_speaks_for_the_chat() -> None:
    group = {"id": -100, "type": "supergroup", "title": "Bikes"}
    stand_in = {"id": 1087968824, "is_bot": True, "first_name": "Group"}
    found = message("telegram", update(text="hi", chat=group, sender_chat=group, **{"from": stand_in}))
    assert (found.sender.value, found.sender.name, found.automatic) == ("-100", "Bikes", None)


def test_a_bots_message_is_automatic() -> None:
    assert message("telegram", update(text="hi", **{"from": {**ADA, "is_bot": True}})).automatic == "auto-reply"


def test_the_owners_own_answer_on_a_business_account_is_no_customers_message() -> None:
    owner = {"id": 99, "first_name": "Owner"}
    echo = message("telegram", update("business_message", text="hi", **{"from": owner}))
    assert (echo.echo, echo.sender.value, echo.text) == (True, "7", "hi")
    assert message("telegram", update("business_message", text="hi")).echo is None
    ours = update("business_message", text="hi", **{"from": owner, "sender_business_bot": {"id": 5}})
    assert parse("telegram", ours).ignored == "own-message"


def reaction(*emojis: str, **more: Any) -> dict[str, Any]:
    left = [{"type": "emoji", "emoji": emoji} for emoji in emojis]
    given = {
        "message_id": 5,
        "chat": CHAT,
        "user": ADA,
        "date": 1_700_000_000,
        "old_reaction": [],
        "new_reaction": left,
    }
    return {"update_id": 8, "message_reaction": given | more}


def test_a_reaction_is_about_its_message_until_it_is_taken_back() -> None:
    liked = message("telegram", reaction("👍", "❤"))
    assert (liked.reacts_to, liked.text, liked.sender.value, liked.thread) == ("7:5", "❤", "7", "7")
    assert message("telegram", reaction()).text == ""
    of_its_own = [{"type": "custom_emoji", "custom_emoji_id": "1"}]
    assert message("telegram", reaction(new_reaction=of_its_own)).text
    assert refused(reaction("👍", user=None)) == "no_sender"


def test_deleted_messages_of_a_business_chat_are_withdrawn_each() -> None:
    given = {"business_connection_id": "b", "chat": CHAT, "message_ids": [5, 6, 5]}
    parsed = parse("telegram", {"update_id": 1, "deleted_business_messages": given})
    found = [(one.message.withdraws, one.message.natural_id, one.message.text) for one in parsed.received]
    assert found == [("b:7:5", "b:7:5:withdrawn", ""), ("b:7:6", "b:7:6:withdrawn", "")]
    for nothing in ([], ["5"], [True, None], 5, [5] * 1001):
        changed = {"update_id": 1, "deleted_business_messages": given | {"message_ids": nothing}}
        assert refused(changed) == "no_message_id"


def test_pictures_of_an_album_are_messages_of_their_own_in_one_conversation() -> None:
    album = [
        update(
            number=n, message_id=n, media_group_id="a", photo=[{"file_id": f"p{n}"}], caption="Bent" if n == 1 else ""
        )
        for n in (1, 2)
    ]
    first, second = (message("telegram", one) for one in album)
    assert (first.natural_id, second.natural_id) == ("7:1", "7:2")
    assert first.thread == second.thread == "7"
    assert [file.reference for one in (first, second) for file in one.attachments] == ["p1", "p2"]


@pytest.mark.parametrize(
    ("before", "after", "ignored"),
    [("member", "kicked", "bot-blocked"), ("kicked", "member", "bot-unblocked"), ("left", "member", "not-a-message")],
)
def test_who_blocks_the_bot_says_nothing_and_it_is_told_apart(before: str, after: str, ignored: str) -> None:
    change = {"chat": CHAT, "from": ADA, "old_chat_member": {"status": before}, "new_chat_member": {"status": after}}
    assert parse("telegram", {"update_id": 1, "my_chat_member": change}).ignored == ignored


def test_a_place_and_a_contact_are_words_an_agent_can_read() -> None:
    assert message("telegram", update(location={"latitude": 52.37, "longitude": 4.89})).text == "geo:52.37,4.89"
    contact = {"first_name": "Bo", "phone_number": "+31201234567"}
    assert message("telegram", update(contact=contact)).text == "Bo +31201234567"


def test_a_place_that_moves_is_not_a_message_each_time() -> None:
    location = {"latitude": 52.37, "longitude": 4.89, "live_period": 60}
    assert parse("telegram", update(location=location)).received
    assert parse("telegram", update("edited_message", location=location)).ignored == "live-location"


@pytest.mark.parametrize("kind", ["my_chat_member", "poll_answer", "message_reaction_count", "inline_query"])
def test_an_update_that_nobody_wrote_is_left_aside_with_the_reason(kind: str) -> None:
    assert parse("telegram", {"update_id": 1, kind: {}}).ignored == "not-a-message"


def test_a_change_of_the_chat_is_left_aside() -> None:
    assert parse("telegram", update(new_chat_title="Bikes")).ignored == "service-message"


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ({}, "not_an_update"),
        ({"update_id": "1", "message": {}}, "wrong_type"),
        ({"update_id": True}, "wrong_type"),
        ({"update_id": 1}, "unknown_update"),
        ({"update_id": 1, "telepathy": {}}, "unknown_update"),
        ({"update_id": 1, "message": "hello"}, "wrong_type"),
        (update(), "unknown_content"),
        (update(text=5), "wrong_type"),
        (update(text="hi", chat={}), "no_chat"),
        (update(text="hi", message_id=None), "no_message_id"),
        (update(text="hi", **{"from": {}}), "no_sender"),
        (update(holograms=[1]), "unknown_content"),
        (update(location={"latitude": "x"}), "wrong_type"),
    ],
)
def test_what_cannot_be_read_is_kept_with_the_reason(sent: Any, reason: str) -> None:
    assert refused(sent) == reason


def test_bytes_that_are_no_json_are_refused() -> None:
    with pytest.raises(Malformed):
        parse("telegram", b"update_id=1")

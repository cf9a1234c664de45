"""Recorded updates of Telegram: each gives what it says, or a reason why somebody should look at it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from shared.channels import CHANNELS
from shared.channels.base import AccountContext, Parsed, Request
from shared.errors import Invalid

ACCOUNT = AccountContext(workspace="main", shop="bikes", id="bot", secrets=("secret",))
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def items(corpora: Path) -> list[dict[str, Any]]:
    """The index of the folder."""
    return list(json.loads((corpora / "telegram" / "index.json").read_text()))


def parse(corpora: Path, item: dict[str, Any]) -> Parsed:
    body = (corpora / "telegram" / item["file"]).read_bytes()
    return CHANNELS["telegram"].parse(Request(headers={}, body=body, received_at=NOW), ACCOUNT)


def disagreements(parsed: Parsed, facts: dict[str, Any]) -> dict[str, Any]:
    """What the message says otherwise than the facts."""
    message = parsed.received[0].message
    chat, number = facts.get("chat_id"), facts.get("message_id")
    wanted: dict[str, Any] = {"sender": str(facts["from_id"]), "name": facts["from_first_name"]}
    found: dict[str, Any] = {"sender": message.sender.value, "name": (message.sender.name or "").split(" ")[0]}
    if facts["type"] == "callback_query":
        wanted["natural_id"], found["natural_id"] = f"callback:{facts['callback_id']}", message.natural_id
        wanted["under"], found["under"] = (f"{chat}:{number}",), message.references
    else:
        wanted["natural_id"], found["natural_id"] = (
            f"{chat}:{number}",
            message.edit_of or message.reacts_to or message.natural_id,
        )
        wanted["edit"], found["edit"] = facts["type"].startswith("edited_"), message.edit_of is not None
    for name in ("text", "caption"):
        if name in facts and facts["type"] != "callback_query":
            wanted["text"], found["text"] = facts[name], message.text
    if "file_id" in facts:
        wanted["file"], found["file"] = [facts["file_id"]], [file.reference for file in message.attachments]
    if facts.get("date") and message.edit_of is None and facts["type"] != "callback_query":
        wanted["time"] = datetime.fromtimestamp(facts["date"], UTC)
        found["time"] = message.provider_time
    return {name: (value, found[name]) for name, value in wanted.items() if found[name] != value}


def test_every_recorded_message_agrees_with_its_facts(corpora: Path) -> None:
    wanted = [item for item in items(corpora) if item["expectation"] == "parsed"]
    found = {item["file"]: disagreements(parse(corpora, item), item["facts"]) for item in wanted}
    assert {file: wrong for file, wrong in found.items() if wrong} == {}
    assert len(wanted) >= 38


def test_everything_else_is_a_message_or_left_aside_or_kept_with_a_reason(corpora: Path) -> None:
    outcomes: dict[str, str] = {}
    for item in items(corpora):
        try:
            parsed = parse(corpora, item)
        except Invalid as refusal:
            outcomes[item["file"]] = refusal.reason
            continue
        assert bool(parsed.received) != bool(parsed.ignored), item["file"]
        outcomes[item["file"]] = parsed.ignored or "message"
        if parsed.received and item["expectation"] != "parsed" and "message_id" in item["facts"]:
            assert disagreements(parsed, item["facts"]) == {}, item["file"]
    assert len(outcomes) == 106
    assert {file for file, outcome in outcomes.items() if outcome == "unknown_content"} == {
        "checklist.json",
        "rich_message.json",
        "story.json",
    }
    assert "unknown_update" not in outcomes.values()


def test_a_topic_of_a_forum_is_a_thread_of_its_own(corpora: Path) -> None:
    by_file = {item["file"]: item for item in items(corpora)}
    topic = parse(corpora, by_file["message_different_topic.json"]).received[0].message
    general = parse(corpora, by_file["message_general_topic.json"]).received[0].message
    assert (topic.thread, general.thread) == ("-1001234567489:33", "-1001234567489")


def test_of_a_photo_the_largest_size_is_taken(corpora: Path) -> None:
    item = next(item for item in items(corpora) if item["file"] == "photo.json")
    (file,) = parse(corpora, item).received[0].message.attachments
    assert (file.reference, file.media_type, file.size) == ("SEES", "image/jpeg", 104893)

"""Recorded webhooks of Postmark: each gives what it says, or a reason why somebody should look at it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from shared.channels import CHANNELS
from shared.channels.base import AccountContext, Received, Request
from shared.errors import Invalid

ACCOUNT = AccountContext(workspace="main", shop="bikes", id="mailbox", secrets=("secret",))
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def facts(corpora: Path, name: str) -> dict[str, Any]:
    index = json.loads((corpora / "mail" / "index.json").read_text())
    return dict(next(item["facts"] for item in index if item["file"] == f"postmark/{name}.json"))


def parse(corpora: Path, name: str) -> Received:
    body = (corpora / "mail" / "postmark" / f"{name}.json").read_bytes()
    (received,) = CHANNELS["postmark"].parse(Request(headers={}, body=body, received_at=NOW), ACCOUNT).received
    return received


@pytest.mark.parametrize(
    "name", ["inbound_basics", "inbound_with_raw_email", "spammy_address", "test-payload", "test-payload-with-raw"]
)
def test_a_recorded_mail_agrees_with_its_facts(corpora: Path, name: str) -> None:
    wanted, received = facts(corpora, name), parse(corpora, name)
    message = received.message
    assert (message.sender.kind, message.sender.value) == ("email", wanted["from"])
    assert message.sender.name == wanted["from_name"][:200]
    assert not message.sender.verified
    if "subject" in wanted:
        assert message.subject == wanted["subject"]
    if "date" in wanted:
        assert message.provider_time == datetime.fromisoformat(wanted["date"])
    if "stripped_text" in wanted:
        assert message.text == wanted["stripped_text"]
    if "event_id" in wanted:
        assert message.natural_id == wanted["event_id"]
    if "message_id" in wanted and wanted["message_id"].startswith("<"):
        assert message.thread == wanted["message_id"].strip("<>")
    for file, want in zip(received.files, wanted.get("attachments", []), strict=False):
        assert file.name == want["filename"]
        if "text" in want:
            assert file.content.decode().strip() == want["text"]
    if "attachments" in wanted:
        assert len(received.files) == len(wanted["attachments"])


def test_a_mail_without_a_sender_is_kept_with_the_reason(corpora: Path) -> None:
    with pytest.raises(Invalid) as refused:
        parse(corpora, "attachments")
    assert refused.value.reason == "no_sender"


def test_the_same_mail_taken_apart_or_raw_has_the_same_content_key(corpora: Path) -> None:
    apart, raw = parse(corpora, "inbound_basics"), parse(corpora, "inbound_with_raw_email")
    assert apart.message.content_key == raw.message.content_key


def test_what_stands_behind_the_plus_is_a_reply_token_only_where_it_looks_like_one_of_ours(corpora: Path) -> None:
    assert parse(corpora, "test-payload").message.reply_token is None
    assert parse(corpora, "inbound_basics").message.reply_token is None

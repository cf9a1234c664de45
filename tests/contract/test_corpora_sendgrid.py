"""Recorded requests of SendGrid: each gives what it says or a reason, and a wrong signature is refused."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from shared.channels import CHANNELS
from shared.channels.base import AccountContext, Received, Request
from shared.errors import Invalid, Unauthenticated
from tests.contract.test_corpora_mailgun import items, posted

CHANNEL = CHANNELS["sendgrid"]
ACCOUNT = AccountContext("main", "bikes", "mail", ("secret",))
NOW = datetime(2026, 1, 2, tzinfo=UTC)


def request(corpora: Path, item: dict[str, Any]) -> Request:
    path = corpora / "mail" / item["file"]
    if item["encoding"] == "form_fields":
        return posted(json.loads(path.read_text()))
    headers = {name.lower(): value for name, value in item["headers"].items()}
    return Request(headers, path.read_bytes(), NOW)


def test_every_recorded_mail_gives_its_facts_or_a_reason(corpora: Path) -> None:
    kept = {}
    for item in items(corpora, "sendgrid/"):
        if item["encoding"] == "signed_json":
            continue
        try:
            (received,) = CHANNEL.parse(request(corpora, item), ACCOUNT).received
        except Invalid as error:
            kept[item["file"].partition("/")[2]] = error.reason
        else:
            agree(received, item["facts"])
    assert kept == {
        "attachments.json": "no_sender",
        "filtered_attachment_filenames.json": "no_sender",
        "sdk-default_data.lf.multipart": "bad_multipart",
        "sdk-raw_data.lf.multipart": "bad_multipart",
        "sdk-raw_data_with_attachments.lf.multipart": "bad_multipart",
    }


def agree(received: Received, facts: dict[str, Any]) -> None:
    """The message says what the facts say."""
    said = received.message
    if "from" in facts:
        assert (said.sender.value, said.sender.name) == (facts["from"], facts["from_name"])
    if "subject" in facts:
        assert said.subject == facts["subject"]
    if "date" in facts:
        assert said.provider_time == datetime.fromisoformat(facts["date"])
    assert facts.get("text_contains", "") in said.text
    if "text" in facts:
        assert said.text == facts["text"].strip()
    if "attachments" in facts:
        wanted = [(file["filename"], file["content_type"]) for file in facts["attachments"]]
        assert [(file.name, file.media_type) for file in received.files] == wanted
    if "attachment_count" in facts:
        assert len(received.files) == facts["attachment_count"]


def signed(path: Path) -> tuple[Request, AccountContext]:
    recorded = json.loads(path.read_text())
    headers = {name.lower(): value for name, value in recorded["headers"].items()}
    known = AccountContext("main", "bikes", "mail", ("secret",), {"events_key": recorded["public_key"]})
    return Request(headers, recorded["body"].encode(), NOW), known


def test_recorded_events_are_taken_with_the_right_signature_only(corpora: Path) -> None:
    recorded = [item for item in items(corpora, "sendgrid/") if item["encoding"] == "signed_json"]
    for item in recorded:
        given, known = signed(corpora / "mail" / item["file"])
        if item["expectation"] == "invalid":
            with pytest.raises(Unauthenticated):
                CHANNEL.verify(given, known)
            continue
        CHANNEL.verify(given, known)
        (receipt,) = CHANNEL.parse(given, known).receipts
        assert (receipt.state, receipt.reason) == ("failed", "bounced-address")
    assert len(recorded) == 5

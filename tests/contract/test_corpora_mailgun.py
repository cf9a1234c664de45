"""Recorded requests of Mailgun: each is signed, and gives what it says or a reason why somebody should look at it."""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from shared.channels import CHANNELS
from shared.channels.base import AccountContext, Parsed, Request
from shared.errors import Invalid
from tests.unit.channel_requests import form

CHANNEL = CHANNELS["mailgun"]


def items(corpora: Path, provider: str) -> list[dict[str, Any]]:
    index = json.loads((corpora / "mail" / "index.json").read_text())
    return [item for item in index if item["file"].startswith(provider)]


def posted(recorded: dict[str, Any]) -> Request:
    """Fields and files as the form that they came in."""
    files = [
        (
            file["name"],
            file["filename"].replace("\\", "\\\\"),
            file["content_type"],
            base64.b64decode(file["content_b64"]),
        )
        for file in recorded["files"]
    ]
    return form(recorded["fields"], files)


def request(path: Path, encoding: str) -> Request:
    if encoding == "form_fields":
        return posted(json.loads(path.read_text()))
    return Request({"content-type": "application/json"}, path.read_bytes(), datetime.now(UTC))


def stamped(given: Request) -> Request:
    """The same request as if it came when it says."""
    body = given.body
    begin = body.index(b"timestamp", max(body.rfind(b'"signature": {'), 0))
    stamp = "".join(chr(c) for c in body[begin : begin + 60] if chr(c).isdigit())[:10]
    return Request(given.headers, body, datetime.fromtimestamp(int(stamp), UTC))


def outcome(given: Request, known: AccountContext) -> Parsed | str:
    try:
        return CHANNEL.parse(given, known)
    except Invalid as error:
        return error.reason


def test_every_recorded_request_proves_itself_and_gives_its_facts_or_a_reason(corpora: Path) -> None:
    found = {}
    for item in items(corpora, "mailgun/"):
        facts = item["facts"]
        known = AccountContext("main", "bikes", "mail", (facts["signing_key"],))
        given = stamped(request(corpora / "mail" / item["file"], item["encoding"]))
        CHANNEL.verify(given, known)
        result = outcome(given, known)
        name = item["file"].partition("/")[2].removesuffix(".json")
        found[name] = result
        if isinstance(result, Parsed) and result.received:
            agree(result, facts)
    assert {name: result for name, result in found.items() if isinstance(result, str)} == {
        "attachments": "no_sender",
        "filtered_attachment_filenames": "no_sender",
        "misconfigured_tracking_legacy": "no_message_id",
        "unusual_content_id_map": "no_sender",
    }
    tracking = found["misconfigured_tracking"]
    assert isinstance(tracking, Parsed)
    assert tracking.ignored == "not-a-receipt"


def agree(result: Parsed, facts: dict[str, Any]) -> None:
    """The message says what the facts say."""
    (received,) = result.received
    said = received.message
    if "from" in facts:
        assert (said.sender.value, said.sender.name) == (facts["from"], facts["from_name"])
    if "subject" in facts:
        assert said.subject == facts["subject"]
    if "date" in facts:
        assert said.provider_time == datetime.fromisoformat(facts["date"])
    if "message_id" in facts:
        assert said.thread == facts["message_id"].strip("<>")
    assert said.text == facts.get("stripped_text", facts["text"]).strip()
    if "stripped_text" in facts:
        assert said.quoted == facts["text"]

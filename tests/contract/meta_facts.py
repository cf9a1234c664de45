"""Walks the recorded payloads of a channel of Meta's and compares what they give with the facts beside them."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from shared.bus import codec
from shared.channels import CHANNELS
from shared.channels.base import AccountContext, Parsed, Request
from shared.contracts.envelope import Event
from shared.errors import Invalid
from shared.ids import inbound_id

ACCOUNT = AccountContext(workspace="main", shop="bikes", id="line", secrets=("secret",))
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
Compare = Callable[[Parsed, dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Outcome:
    """What became of one payload; `wrong` are the facts it disagrees with: wanted and found."""

    file: str
    expectation: str
    came_to: str
    wrong: dict[str, Any]


def outcomes(corpora: Path, channel: str, compare: Compare) -> Iterator[Outcome]:
    """Every payload of the channel's folder; any error but a refusal with a reason is the test's."""
    for item in json.loads((corpora / channel / "index.json").read_text()):
        body = (corpora / channel / item["file"]).read_bytes()
        try:
            parsed = CHANNELS[channel].parse(Request(headers={}, body=body, received_at=NOW), ACCOUNT)
        except Invalid as refusal:
            yield Outcome(item["file"], item["expectation"], refusal.reason, {})
            continue
        assert parsed.unreadable == ()
        assert bool(parsed.received or parsed.receipts) != bool(parsed.ignored), item["file"]
        for received in parsed.received:
            name = inbound_id("main", channel, "line", received.message.natural_id)
            event = Event(id=name, source="ingest", time=NOW, workspace="main", data=received.message)
            codec.decode("inbound-messages", codec.encode(event), ())
        wrong = {} if parsed.ignored else compare(parsed, item["facts"])
        yield Outcome(item["file"], item["expectation"], parsed.ignored or "taken", wrong)


def differing(wanted: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """What is otherwise than wanted."""
    return {name: (value, found[name]) for name, value in wanted.items() if found[name] != value}


def at(value: Any) -> datetime | None:
    """A moment as the facts give it: seconds, milliseconds, or a placeholder that is none."""
    text = str(value)
    if text.isdigit():
        return datetime.fromtimestamp(int(text) / (1000 if len(text) > 11 else 1), UTC)
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z").astimezone(UTC)
    except ValueError:
        return None


def assert_told(found: list[Outcome], *, size: int, taken: int) -> None:
    """Of each payload what its class asks for, and nothing that disagrees with a fact."""
    assert len(found) >= size
    assert {one.file: one.wrong for one in found if one.wrong} == {}
    parsed = [one for one in found if one.expectation == "parsed"]
    assert {one.file: one.came_to for one in parsed if one.came_to != "taken"} == {}
    assert len(parsed) >= taken

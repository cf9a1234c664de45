"""Every recorded payload, whatever its channel: none breaks a parser or vanishes, and what is known of it comes out."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.channels import CHANNELS
from switchboard.corpus.judging import reading
from switchboard.corpus.layout import folders
from switchboard.corpus.report import Judged, judged

RIGHT_AT_LEAST = 0.99
REPLIES_RIGHT_AT_LEAST = 0.97
"""Of replies; the rest is cut too little, as it must be where it is unsure what is quoted."""


@pytest.fixture(scope="module")
def found(corpora: Path) -> Iterator[dict[str, Judged]]:
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    yield {folder.name: judged(folder) for folder in folders(corpora)}
    logging.disable(before)


def with_outcome(found: dict[str, Judged], *outcomes: str) -> dict[str, str]:
    return {
        f"{name}/{result.item.name}": result.reason
        for name, one in found.items()
        for result in one.results
        if result.outcome in outcomes
    }


def test_no_payload_breaks_a_parser_and_none_vanishes(found: dict[str, Judged]) -> None:
    assert with_outcome(found, "raised", "silent") == {}


def test_what_must_be_refused_never_becomes_an_event(found: dict[str, Judged]) -> None:
    invalid = [result for one in found.values() for result in one.results if result.item.expectation == "invalid"]
    assert [result.item.name for result in invalid if not result.expected] == []
    assert len(invalid) >= 5


def test_events_say_what_is_known_of_their_payloads(found: dict[str, Judged]) -> None:
    shares = {name: one.valid for name, one in found.items() if one.results and "reply cutting" not in one.by}
    assert {name: share for name, share in shares.items() if share[1] < RIGHT_AT_LEAST * share[0]} == {}
    assert with_outcome(found, "wrong") == {}
    assert sum(must for must, _ in shares.values()) >= 345


def test_replies_are_cut_right_and_none_by_too_much(found: dict[str, Judged]) -> None:
    must, right = found["quotes"].valid
    assert right >= REPLIES_RIGHT_AT_LEAST * must
    assert must == 93


def test_every_channel_with_recorded_payloads_reads_them(found: dict[str, Judged]) -> None:
    named = {name for one in found.values() for name in one.by}
    of_one_channel = set(found) - {"mail"}  # webhooks of several providers lie there
    assert {name for name in of_one_channel if name in CHANNELS} <= named
    assert {name for name, one in found.items() if one.skipped} & CHANNELS.keys() == set()


KEYS = (
    "text",
    "id",
    "mid",
    "from",
    "from_id",
    "subject",
    "message_id",
    "sender",
    "caption",
    "media_id",
    "status",
    "read",
)


def test_a_changed_fact_is_told(corpora: Path, found: dict[str, Judged]) -> None:
    for name in ("instagram", "mail", "messenger", "rfc822", "telegram", "whatsapp"):
        changed = blind = 0
        for result in found[name].results:
            facts = _otherwise(result.item.facts)
            if result.outcome != "parsed" or facts == result.item.facts or result.item.path.stat().st_size > 100_000:
                continue
            item = replace(result.item, facts=facts)
            how = reading(item)
            assert how is not None
            changed += 1
            blind += how.take(item).outcome != "wrong"
        assert changed > 0, name
        assert blind <= 0.05 * changed, f"{name}: {blind} of {changed} changed facts went by"


def _otherwise(facts: Any) -> Any:
    """The same facts, of somebody else."""
    if isinstance(facts, list):
        return [_otherwise(one) for one in facts]
    if not isinstance(facts, dict):
        return facts
    return {name: "somebody else's" if name in KEYS and value else _otherwise(value) for name, value in facts.items()}

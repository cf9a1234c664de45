"""Recorded webhooks of pages: each gives what it says, or a reason why it is left aside or looked at."""

from pathlib import Path

from tests.contract.messaging_facts import disagreements
from tests.contract.meta_facts import assert_told, outcomes


def test_every_recorded_webhook_agrees_with_its_facts(corpora: Path) -> None:
    found = list(outcomes(corpora, "messenger", disagreements))
    assert_told(found, size=76, taken=41)
    aside = {"taken", "not-a-message", "public-comment", "thread-control", "standby"}
    looked_at = {one.file: one.came_to for one in found if one.came_to not in aside}
    assert looked_at == {
        "messaging-message-isunsupported.json": "unsupported_message",
        "messaging-postback-chat.json": "no_sender",
        "unknown-change-value.json": "unknown_field",
    }

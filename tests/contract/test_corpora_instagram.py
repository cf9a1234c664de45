"""Recorded webhooks of Instagram: each gives what it says, or a reason why it is left aside."""

from pathlib import Path

from tests.contract.messaging_facts import disagreements
from tests.contract.meta_facts import assert_told, outcomes


def test_every_recorded_webhook_agrees_with_its_facts(corpora: Path) -> None:
    found = list(outcomes(corpora, "instagram", disagreements))
    assert_told(found, size=16, taken=2)
    assert {one.came_to for one in found} == {"taken", "public-comment", "not-a-message", "standby"}
    assert len([one for one in found if one.came_to == "taken"]) == 10

"""The registry of rules says all there is: one file, one line."""

from pathlib import Path

import services.routing.rules as registry
from services.routing.rules import RULES

FOLDER = Path(registry.__file__).parent


def test_every_file_beside_the_registry_is_one_of_its_rules() -> None:
    files = {file.stem for file in FOLDER.glob("*.py")} - {"__init__", "base"}
    eligibility = [rule.passes.__module__ for rule in (*RULES.standing, *RULES.momentary)]
    scores = [score.points.__module__ for score in (*RULES.scores, *RULES.momentary_scores)]
    registered = [module.rpartition(".")[2] for module in eligibility + scores]
    assert sorted(registered) == sorted(files)


def test_every_reason_is_one_rules_own() -> None:
    reasons = [rule.reason for rule in (*RULES.standing, *RULES.momentary)]
    assert len(set(reasons)) == len(reasons)

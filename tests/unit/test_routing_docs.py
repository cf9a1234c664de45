"""The page that tells how to add a routing rule works as it is written."""

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from services.routing.domain.engine import State, match
from services.routing.rules import RULES
from services.routing.rules.base import MomentaryScore, Rules, Standing
from tests.unit import routing_floor
from tests.unit.routing_floor import NOW

PAGE = Path(__file__).parents[2] / "docs" / "add-a-rule.md"
TRAINING, LINE, LEAST_BUSY, SECOND_LINE, TEST = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


def made_of(code: str) -> SimpleNamespace:
    """The page's file as a module."""
    names: dict[str, Any] = {}
    exec(compile(code, str(PAGE), "exec"), names)
    return SimpleNamespace(**names)


def added(line: str, **files: SimpleNamespace) -> Any:
    """What the page's registry line makes."""
    registered = line.partition("...\n")[2].strip().rstrip(",").removeprefix("momentary_scores=")
    known = {"Standing": Standing, "MomentaryScore": MomentaryScore, "longest_idle": _longest_idle(), **files}
    return eval(registered, known)


def _longest_idle() -> SimpleNamespace:
    return SimpleNamespace(points=RULES.momentary_scores[0].points)


def with_the_pages_rules() -> Rules:
    training = added(LINE, training=made_of(TRAINING))
    scores = added(SECOND_LINE, least_busy=made_of(LEAST_BUSY))
    return replace(RULES, standing=(*RULES.standing, training), momentary_scores=scores)


def test_the_pages_rules_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = with_the_pages_rules()
    monkeypatch.setattr(routing_floor, "run", lambda of, there, *tickets: match(State(of, there, NOW, tickets), rules))
    exec(compile(TEST, str(PAGE), "exec"), {})


def test_without_them_its_test_fails() -> None:
    with pytest.raises((AssertionError, AttributeError)):
        exec(compile(TEST, str(PAGE), "exec"), {})

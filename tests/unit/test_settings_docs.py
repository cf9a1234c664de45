"""The settings file in the documentation is one that works."""

import re
from pathlib import Path

from services.gateway.documents import checked, references
from shared.contracts.settings import KINDS
from switchboard.settings_file import parse

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def example() -> str:
    found = re.search(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found is not None
    return found[1]


def test_the_documented_file_is_valid_and_shows_every_kind() -> None:
    wanted, problems = parse(example())
    assert problems == []
    assert {one.kind for one in wanted} == set(KINDS)


def test_what_the_documented_file_refers_to_is_in_it() -> None:
    wanted, _ = parse(example())
    there = {(one.kind, one.id) for one in wanted}
    for one in wanted:
        for _, kind, id_ in references(one.kind, checked(one.kind, one.document)):
            assert (kind, id_) in there

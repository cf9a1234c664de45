"""The pages about running it name every variable, every file they send the reader to, and commands that exist."""

import re
from pathlib import Path

import pytest

from services.environment import CONFIGS, page
from shared.config import PREFIX

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "docs" / "deploy.md"


def test_the_table_of_variables_is_fresh() -> None:
    assert (ROOT / "docs" / "environment.md").read_text() == page() + "\n", "run script/generate"


def test_every_service_is_in_the_table() -> None:
    assert sorted(CONFIGS) == sorted(main.parent.name for main in (ROOT / "services").glob("*/main.py"))


@pytest.mark.parametrize("name", ["README.md", "docs/deploy.md"])
def test_every_variable_that_a_page_names_is_one_that_is_read(name: str) -> None:
    known = {PREFIX + field.upper() for config in CONFIGS.values() for field in config.model_fields}
    known |= {f"{PREFIX}POSTGRES_{service.upper()}" for service in CONFIGS}
    sources = "".join(path.read_text() for path in [*(ROOT / "switchboard").rglob("*.py"), ROOT / "script" / "lib.sh"])
    named = set(re.findall(rf"\b{PREFIX}[A-Z_]*[A-Z]\b", (ROOT / name).read_text()))
    assert sorted(one for one in named - known if one not in sources) == []


def test_every_file_that_the_page_points_to_is_there() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", DEPLOY.read_text())
    assert links
    assert [link for link in links if "://" not in link and not (DEPLOY.parent / link).exists()] == []

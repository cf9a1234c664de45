"""Rows travel as tuples, so the fields of a value and of its type in the database have to stand in the same order."""

import re
from pathlib import Path

import pytest

from services.routing.domain.ticket import Ticket
from services.routing.repo.decisions import Decision

MIGRATIONS = Path(__file__).parents[2] / "services" / "routing" / "migrations"


@pytest.mark.parametrize(("name", "value"), [("ticket_row", Ticket), ("decision_row", Decision)])
def test_a_type_of_the_database_has_the_fields_of_its_value_in_order(name: str, value: type[Ticket | Decision]) -> None:
    text = "\n".join(file.read_text() for file in sorted(MIGRATIONS.glob("*.sql")))
    (body,) = re.findall(rf"create type {name} as \((.*?)\);", text, re.DOTALL)
    assert re.findall(r"^\s+(\w+) ", body, re.MULTILINE) == list(value._fields)

"""The page that tells how to add a KPI works as it is written."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from services.metrics.domain.events import fact_of
from services.metrics.domain.window import Window
from services.metrics.kpis.base import Kpi
from services.metrics.repo import facts
from services.metrics.repo.asking import Asked, groups, tickets
from shared.ids import new_id
from tests.integration.measuring import START, Story
from tests.stack import Stack

PAGE = Path(__file__).parents[2] / "docs" / "add-a-kpi.md"


@pytest.fixture
def database(stack: Stack) -> Iterator[str]:
    """A database of this test."""
    template = stack.run(stack.migrated())
    name = stack.run(stack.create_database(template))
    yield name
    stack.run(stack.drop_database(name))


async def test_the_pages_kpi_answers_over_real_facts(stack: Stack, database: str) -> None:
    code = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)[0]
    file: dict[str, Any] = {}
    exec(compile(code, str(PAGE), "exec"), file)
    kpi = file["KPI"]
    assert isinstance(kpi, Kpi)
    came_back = Story(workspace := str(new_id())).opened().became("solved").after(hours=1).reopened()
    events = [*came_back.events, *Story(workspace).opened().events]
    asked = Asked(workspace, Window(START, START + timedelta(days=1)), START, None)
    connection = await asyncpg.connect(stack.dsn(database), server_settings={"search_path": "metrics"})
    try:
        await facts.insert(connection, [fact_of(event) for event in events])
        (whole,) = await groups(connection, kpi, asked, by=(), zone="UTC")
        listed = await tickets(connection, kpi, asked, counted="reopened", after=type(new_id())(int=0), most=10)
    finally:
        await connection.close()
    assert whole.values == {"reopened_n": 1, "n": 3}
    assert listed == [came_back.ticket]

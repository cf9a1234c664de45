"""The tree shows the flow: files and registries say the same, and each service is built alike."""

import ast
from pathlib import Path

import pytest

from shared.contracts.topics import TOPICS

ROOT = Path(__file__).parent.parent.parent
COMING = {"orders"}
"""Services whose topics are agreed before they exist."""
SERVICES = sorted(path.parent for path in (ROOT / "services").glob("*/main.py"))
OURS = [
    path for folder in ("shared", "services", "switchboard", "bench") for path in sorted((ROOT / folder).rglob("*.py"))
]


@pytest.mark.parametrize("service", SERVICES, ids=lambda path: path.name)
def test_a_service_has_its_canvas_and_the_usual_files(service: Path) -> None:
    wanted = {"README.md", "main.py", "__main__.py", "config.py", "migrations"}
    assert wanted <= {path.name for path in service.iterdir()}


@pytest.mark.parametrize("service", SERVICES, ids=lambda path: path.name)
def test_a_composition_root_is_at_most_40_lines(service: Path) -> None:
    assert len((service / "main.py").read_text().splitlines()) <= 40


@pytest.mark.parametrize("service", SERVICES, ids=lambda path: path.name)
def test_a_canvas_names_every_topic_the_service_reads_or_owns(service: Path) -> None:
    canvas = (service / "README.md").read_text()
    topics = {t.name for t in TOPICS.values() if t.owner == service.name or service.name in t.consumers}
    assert [name for name in sorted(topics) if name not in canvas] == []


@pytest.mark.parametrize("service", SERVICES, ids=lambda path: path.name)
def test_every_migration_names_its_lock_level(service: Path) -> None:
    for migration in (service / "migrations").glob("*.sql"):
        assert migration.read_text().startswith("-- Lock level:"), f"{migration.name} does not say what it locks"


def test_topics_name_services_that_exist() -> None:
    named = {t.owner for t in TOPICS.values()} | {c for t in TOPICS.values() for c in t.consumers}
    assert named <= {service.name for service in SERVICES} | COMING


@pytest.mark.parametrize("registry", ["shared/channels", "services/routing/rules", "services/metrics/kpis"])
def test_files_and_registry_lines_are_the_same(registry: str) -> None:
    folder = ROOT / registry
    files = {path.stem for path in folder.glob("*.py")} - {"__init__", "base"}
    tree = ast.parse((folder / "__init__.py").read_text())
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == registry.replace("/", ".")
        for alias in node.names
    } | {
        node.module.rpartition(".")[2]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(registry.replace("/", ".") + ".")
    }
    assert files == imported - {"base"}


@pytest.mark.parametrize("path", OURS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_stays_under_300_lines_and_a_function_under_50(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 300
    long = [
        node.name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (node.end_lineno or 0) - node.lineno >= 50
    ]
    assert long == []


def test_a_channel_is_named_nowhere_outside_its_file() -> None:
    names = {path.stem for path in (ROOT / "shared" / "channels").glob("*.py")} - {"__init__", "base", "http"}
    allowed = {ROOT / "shared" / "channels", ROOT / "switchboard" / "seed"}
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.value!r}"
        for path in OURS
        if not any(path.is_relative_to(folder) for folder in allowed)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and node.value in names
    ]
    assert found == []

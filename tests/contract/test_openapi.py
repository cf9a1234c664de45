"""The OpenAPI documents in docs are those of the code."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = sorted(main.parent.name for main in (ROOT / "services").glob("*/main.py"))
NOWHERE = {"SWITCHBOARD_KAFKA": "127.0.0.1:9", "SWITCHBOARD_POSTGRES": "postgresql://127.0.0.1:9/none"}


@pytest.mark.parametrize("service", SERVICES)
def test_the_openapi_document_is_fresh(service: str) -> None:
    made = subprocess.run(
        [sys.executable, "-m", f"services.{service}", "openapi"],
        cwd=ROOT,
        env={**os.environ, **NOWHERE, "SWITCHBOARD_KEY": "generate"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    committed = json.loads((ROOT / "docs" / "openapi" / f"{service}.json").read_text())
    assert json.loads(made.stdout) == committed, "run script/generate"


def test_there_is_a_document_for_each_service_and_no_other() -> None:
    assert sorted(file.stem for file in (ROOT / "docs" / "openapi").glob("*.json")) == SERVICES

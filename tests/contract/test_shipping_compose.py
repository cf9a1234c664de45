"""docker-compose.yml has every service, tells it what it reads, and lets in only what belongs to the edge."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.environment import CONFIGS

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
PARTS: dict[str, dict[str, Any]] = COMPOSE["services"]
SERVICES = sorted(main.parent.name for main in (ROOT / "services").glob("*/main.py"))
SECRETS = {"SWITCHBOARD_KEY": "k" * 43, "POSTGRES_PASSWORD": "p"}


def test_docker_compose_takes_the_file() -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("docker compose is not installed: the file is checked by the other tests here alone")
    command = [docker, "compose", "--file", str(ROOT / "docker-compose.yml"), "config", "--quiet"]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, **SECRETS})


def test_every_service_is_there_and_the_servers_are_the_agreed_ones() -> None:
    assert sorted(set(PARTS) - {"kafka", "postgres", "migrate"}) == SERVICES
    assert PARTS["kafka"]["image"] == "apache/kafka:4.3.0"
    assert PARTS["postgres"]["image"] == "postgres:18"


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_starts_after_the_migration_and_is_asked_whether_it_is_ready(service: str) -> None:
    part = PARTS[service]
    assert part["command"] == [f"services.{service}"]
    assert part["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
    assert "/readyz" in part["healthcheck"]["test"][-1]
    assert part["restart"] == "unless-stopped"
    assert int(part["stop_grace_period"][:-1]) > CONFIGS[service].model_fields["drain_s"].default + 10


def test_the_migration_waits_for_both_servers() -> None:
    assert PARTS["migrate"]["command"] == ["switchboard", "migrate"]
    assert PARTS["migrate"]["depends_on"] == {
        "kafka": {"condition": "service_healthy"},
        "postgres": {"condition": "service_healthy"},
    }
    assert {"healthcheck", "volumes"} <= set(PARTS["kafka"]) & set(PARTS["postgres"])


@pytest.mark.parametrize("service", SERVICES)
def test_who_opens_the_blob_store_has_its_volume(service: str) -> None:
    opens = any("BlobStore(" in file.read_text() for file in (ROOT / "services" / service).rglob("*.py"))
    assert opens == any(volume.startswith("blobs:") for volume in PARTS[service].get("volumes", []))


@pytest.mark.parametrize("service", SERVICES)
def test_only_variables_that_the_service_reads_are_set(service: str) -> None:
    told = {name for name in PARTS[service]["environment"] if name.startswith("SWITCHBOARD_")}
    assert told <= {f"SWITCHBOARD_{field.upper()}" for field in CONFIGS[service].model_fields}
    urls = json.loads(PARTS[service]["environment"]["SWITCHBOARD_URLS"])
    assert urls == {name: f"http://{name}:8000" for name in SERVICES}


def test_only_gateway_and_ingest_are_published() -> None:
    assert {name for name, part in PARTS.items() if part.get("ports")} == {"gateway", "ingest"}


@pytest.mark.parametrize("service", [*SERVICES, "migrate"])
def test_a_container_of_ours_cannot_change_itself(service: str) -> None:
    part = PARTS[service]
    assert part["read_only"]
    assert part["cap_drop"] == ["ALL"]
    assert part["security_opt"] == ["no-new-privileges:true"]


def test_secrets_come_from_outside_and_their_lack_is_told() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    for name in SECRETS:
        assert set(re.findall(rf"\$\{{{name}(.)", text)) == {":"}  # ${NAME:?what to do}
        assert f"{name}=" in (ROOT / "docs" / "deploy.md").read_text()
    assert ".env" in (ROOT / ".gitignore").read_text().split()


def test_every_volume_that_is_used_is_named_and_every_named_one_used() -> None:
    used = {volume.partition(":")[0] for part in PARTS.values() for volume in part.get("volumes", [])}
    assert used == set(COMPOSE["volumes"])

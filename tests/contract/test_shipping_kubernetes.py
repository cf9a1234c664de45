"""The manifests are valid for Kubernetes, know every service, and keep its pods within the restricted standard."""

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from services.environment import CONFIGS
from shared.service import HEARTBEAT_MAX_S
from tests.contract.kustomized import plain, render

ROOT = Path(__file__).parents[2]
K8S = ROOT / "deploy" / "k8s"
SERVICES = sorted(main.parent.name for main in (ROOT / "services").glob("*/main.py"))
AT_THE_EDGE = {"gateway", "ingest"}
KUBERNETES = ("1.30", "1.37")
"""The oldest and the newest version that the manifests are held against."""

BASE, DEV = render(K8S / "base"), render(K8S / "overlays" / "dev")
OURS = [one for one in BASE if one["kind"] in {"Deployment", "Job"}]


def named(manifests: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    return next(one for one in manifests if (one["kind"], one["metadata"]["name"]) == (kind, name))


def container(manifest: dict[str, Any]) -> dict[str, Any]:
    (only,) = manifest["spec"]["template"]["spec"]["containers"]
    return dict(only)


def in_order(manifests: list[dict[str, Any]]) -> list[str]:
    return sorted(json.dumps(one, sort_keys=True) for one in manifests)


@pytest.mark.parametrize("folder", ["base", "overlays/dev"])
def test_kubectl_renders_what_is_checked_here(folder: str) -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed: rendered by tests/contract/kustomized.py alone")
    rendered = subprocess.run([kubectl, "kustomize", str(K8S / folder)], capture_output=True, text=True, check=True)
    theirs = [plain(one) for one in yaml.safe_load_all(rendered.stdout)]
    for one in theirs:
        if one["kind"] == "Secret":
            one["stringData"] = {key: base64.b64decode(value).decode() for key, value in one.pop("data").items()}
    ours = [plain(one) for one in render(K8S / folder)]
    assert in_order(theirs) == in_order(ours)


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("manifest", BASE + DEV, ids=lambda one: f"{one['kind']}-{one['metadata']['name']}")
def test_each_manifest_follows_the_schema(manifest: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(manifest, version, strict=True)


def test_there_is_a_deployment_and_an_address_for_each_service() -> None:
    for kind in ("Deployment", "Service"):
        assert sorted(one["metadata"]["name"] for one in BASE if one["kind"] == kind) == SERVICES
    urls = json.loads(named(BASE, "ConfigMap", "switchboard")["data"]["SWITCHBOARD_URLS"])
    assert urls == {name: f"http://{name}:8000" for name in SERVICES}


@pytest.mark.parametrize("service", SERVICES)
def test_who_opens_the_blob_store_has_its_volume(service: str) -> None:
    opens = any("BlobStore(" in file.read_text() for file in (ROOT / "services" / service).rglob("*.py"))
    mounts = container(named(DEV, "Deployment", service)).get("volumeMounts", [])
    assert opens == any(mount["name"] == "blobs" for mount in mounts)


@pytest.mark.parametrize("service", SERVICES)
def test_a_deployment_runs_and_finds_its_service(service: str) -> None:
    deployment, address = named(BASE, "Deployment", service), named(BASE, "Service", service)
    assert container(deployment)["args"] == [f"services.{service}"]
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert address["spec"]["selector"].items() <= labels.items()
    assert deployment["spec"]["selector"]["matchLabels"] == address["spec"]["selector"]


@pytest.mark.parametrize("service", SERVICES)
def test_edges_add_a_pod_before_one_goes_and_consumers_never_add_one(service: str) -> None:
    rolling = named(BASE, "Deployment", service)["spec"]["strategy"]["rollingUpdate"]
    assert rolling["maxUnavailable" if service in AT_THE_EDGE else "maxSurge"] == 0


@pytest.mark.parametrize("service", SERVICES)
def test_a_pod_has_the_time_to_drain_and_says_how_it_is(service: str) -> None:
    pod = named(BASE, "Deployment", service)["spec"]["template"]["spec"]
    one = pod["containers"][0]
    before_s = int(one["lifecycle"]["preStop"]["exec"]["command"][-1])
    assert pod["terminationGracePeriodSeconds"] > before_s + CONFIGS[service].model_fields["drain_s"].default + 10
    assert {one[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe")} == {"/healthz"}
    assert one["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert one["startupProbe"]["periodSeconds"] * one["startupProbe"]["failureThreshold"] >= HEARTBEAT_MAX_S


@pytest.mark.parametrize("manifest", OURS, ids=lambda one: one["metadata"]["name"])
def test_a_pod_of_ours_meets_the_restricted_standard(manifest: dict[str, Any]) -> None:
    pod, only = manifest["spec"]["template"]["spec"], container(manifest)
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert only["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert {"requests", "limits"} <= set(only["resources"])


def test_only_variables_that_somebody_reads_are_set() -> None:
    known = {f"SWITCHBOARD_{field.upper()}" for config in CONFIGS.values() for field in config.model_fields}
    for manifest in DEV:
        if manifest["metadata"]["name"] == "switchboard" and manifest["kind"] in {"ConfigMap", "Secret"}:
            assert set(manifest.get("data") or manifest["stringData"]) <= known


def test_no_secret_stands_outside_the_overlay_of_placeholders() -> None:
    assert [one for one in BASE if one["kind"] == "Secret"] == []
    secrets = [one for one in DEV if one["kind"] == "Secret"]
    assert all("placeholder" in value for one in secrets for value in one["stringData"].values())


def test_every_file_belongs_to_a_kustomization() -> None:
    for said in K8S.rglob("kustomization.yaml"):
        text = said.read_text()
        assert [file.name for file in said.parent.glob("*") if file != said and file.name not in text] == []

"""Renders the part of kustomize that our manifests use, so that they are checked where kubectl is not installed."""

import re
from pathlib import Path
from typing import Any

import yaml

Manifest = dict[str, Any]

_MERGED_BY = {
    "containers": "name", "volumes": "name", "env": "name", "ports": "containerPort", "volumeMounts": "mountPath",
}  # fmt: skip
_USED = {
    "apiVersion", "kind", "namespace", "resources", "components", "patches", "labels", "images",
    "configMapGenerator", "secretGenerator",
}  # fmt: skip
_WITHOUT_NAMESPACE = {"Namespace"}


def render(folder: Path) -> list[Manifest]:
    """What `kubectl kustomize FOLDER` gives, without the hashes in generated names; order is not kept."""
    manifests: list[Manifest] = []
    _apply(folder, manifests)
    return manifests


def plain(manifest: Manifest) -> Manifest:
    """The same manifest in one order and without the hashes that kustomize adds to generated names."""
    text = re.sub(r"\b(switchboard|postgres)-[0-9a-z]{10}\b", r"\1", yaml.safe_dump(manifest))
    return _ordered(yaml.safe_load(text))


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _ordered(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return sorted(map(_ordered, value), key=str) if value and isinstance(value[0], dict) else value
    return value


def _apply(folder: Path, manifests: list[Manifest]) -> None:
    said = yaml.safe_load((folder / "kustomization.yaml").read_text())
    assert set(said) <= _USED, f"{folder}: teach tests/contract/kustomized.py {set(said) - _USED}"
    for name in said.get("resources", []):
        path = folder / name
        if path.is_dir():
            manifests.extend(render(path))
        else:
            manifests.extend(yaml.safe_load_all(path.read_text()))
    for name in said.get("components", []):
        _apply(folder / name, manifests)
    for kind in ("configMapGenerator", "secretGenerator"):
        for one in said.get(kind, []):
            _generate(folder, manifests, kind, one)
    for patch in said.get("patches", []):
        _patch(folder, manifests, patch)
    for manifest in manifests:
        _mark(manifest, said)


def _generate(folder: Path, manifests: list[Manifest], generator: str, said: Manifest) -> None:
    lines = [line for name in said.get("envs", []) for line in (folder / name).read_text().splitlines()]
    pairs = dict(line.split("=", 1) for line in [*lines, *said.get("literals", [])])
    if generator == "configMapGenerator":
        made: Manifest = {"apiVersion": "v1", "kind": "ConfigMap", "data": pairs}
    else:
        made = {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "stringData": pairs}
    if said.get("behavior") == "merge":
        (there,) = [one for one in manifests if (one["kind"], one["metadata"]["name"]) == (made["kind"], said["name"])]
        there["data"].update(pairs)
        return
    manifests.append({**made, "metadata": {"name": said["name"]}})


def _patch(folder: Path, manifests: list[Manifest], patch: Manifest) -> None:
    wanted, target = yaml.safe_load((folder / patch["path"]).read_text()), patch["target"]
    chosen = [
        one
        for one in manifests
        if re.fullmatch(target.get("kind", ".*"), one["kind"])
        and re.fullmatch(target.get("name", ".*"), one["metadata"]["name"])
    ]
    assert chosen, f"{folder / patch['path']} changes nothing"
    for one in chosen:
        _merge(one, {"spec": wanted["spec"], "metadata": {"labels": wanted["metadata"].get("labels", {})}})


def _merge(into: Manifest, patch: Manifest) -> None:
    """Kubernetes' strategic merge: maps deeply, lists of named things by name, other lists as a whole."""
    for key, value in patch.items():
        there = into.get(key)
        if isinstance(value, dict) and isinstance(there, dict):
            _merge(there, value)
        elif key in _MERGED_BY and there:
            by = _MERGED_BY[key]
            for item in value:
                same = [one for one in there if one[by] == item[by]]
                if same:
                    _merge(same[0], item)
                else:
                    there.append(yaml.safe_load(yaml.safe_dump(item)))
        else:
            into[key] = yaml.safe_load(yaml.safe_dump(value))


def _mark(manifest: Manifest, said: Manifest) -> None:
    metadata, template = manifest["metadata"], manifest.get("spec", {}).get("template")
    if "namespace" in said and manifest["kind"] not in _WITHOUT_NAMESPACE:
        metadata["namespace"] = said["namespace"]
    for labels in said.get("labels", []):
        for place in (metadata, *([template["metadata"]] if template and labels.get("includeTemplates") else [])):
            place.setdefault("labels", {}).update(labels["pairs"])
    for container in template["spec"]["containers"] if template else []:
        for image in said.get("images", []):
            if container["image"] == image["name"]:
                container["image"] = f"{image['name']}:{image['newTag']}"

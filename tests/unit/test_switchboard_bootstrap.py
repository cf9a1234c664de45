"""The scripts say exactly what to install where Python is missing or incomplete."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def stand_in_python(folder: Path, *, has: set[str]) -> Path:
    """An interpreter that answers as one that has only some modules would."""
    program = folder / "python"
    program.write_text(
        "#!/bin/bash\n"
        'case "$*" in\n'
        f'  *"import ensurepip, venv"*) exit {0 if {"ensurepip", "venv"} <= has else 1};;\n'
        f'  *"import venv, pip"*) exit {0 if {"venv", "pip"} <= has else 1};;\n'
        '  *"%d.%d"*) echo 3.12;;\n'
        "  *--version*) echo Python 3.12.0;;\n"
        f"  *sys.version_info*) exit {0 if '3.12' in has else 1};;\n"
        "  *) exit 1;;\n"
        "esac\n"
    )
    program.chmod(0o755)
    return program


def bootstrap(tmp_path: Path, python: Path, path: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PATH": path,
        "SWITCHBOARD_PYTHON": str(python),
        "SWITCHBOARD_VENV": str(tmp_path / "venv"),
    }
    command = ["/bin/bash", "-c", f"source {ROOT}/script/lib.sh; bootstrap runtime"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def bare_path(tmp_path: Path) -> str:
    """A PATH with the few commands the scripts need and no Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("cat", "cksum", "dirname", "grep", "rm"):
        found = next(Path(place) / name for place in ("/usr/bin", "/bin") if (Path(place) / name).exists())
        (folder / name).symlink_to(found)
    return str(folder)


def test_without_a_fitting_python_the_packages_to_install_are_named(tmp_path: Path, bare_path: str) -> None:
    ended = bootstrap(tmp_path, stand_in_python(tmp_path, has=set()), bare_path)
    assert ended.returncode == 1
    assert "apt-get install python3 python3-venv" in ended.stderr
    assert "SWITCHBOARD_PYTHON=" in ended.stderr


def test_where_ensurepip_and_pip_are_missing_the_package_of_that_version_is_named(
    tmp_path: Path, bare_path: str
) -> None:
    ended = bootstrap(tmp_path, stand_in_python(tmp_path, has={"3.12", "venv"}), bare_path)
    assert ended.returncode == 1
    assert "apt-get install python3.12-venv" in ended.stderr
    assert not (tmp_path / "venv").exists()

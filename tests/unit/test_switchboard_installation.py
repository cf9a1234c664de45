"""The data directory: one desk at a time, secrets for the owner's eyes, keys that stay."""

import os
import stat
from pathlib import Path

import pytest

from shared.errors import Conflict, NotFound, StoreUnavailable
from switchboard.installation import Installation, Running


def running(**changes: object) -> Running:
    facts: dict[str, object] = {
        "pid": os.getpid(),
        "ready": True,
        "kafka": "127.0.0.1:9092",
        "postgres": "postgresql://switchboard@/switchboard",
        "blobs": "/blobs",
        "topic_prefix": "",
        "urls": {"gateway": "http://127.0.0.1:8000"},
        "started_at": "2026-01-01T00:00:00+00:00",
        **changes,
    }
    return Running(**facts)  # type: ignore[arg-type]


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def test_a_second_run_on_the_same_folder_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    with Installation(tmp_path).locked():
        second = Installation(tmp_path)
        with pytest.raises(Conflict, match=rf"already runs on {tmp_path} \(pid {os.getpid()}\)"), second.locked():
            pytest.fail("the second run got in")


def test_a_folder_is_free_again_after_the_run(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    with installation.locked():
        assert installation.holder() == os.getpid()
    assert installation.holder() is None
    with installation.locked():
        pass


def test_two_folders_run_beside_each_other(tmp_path: Path) -> None:
    with Installation(tmp_path / "a").locked(), Installation(tmp_path / "b").locked():
        assert Installation(tmp_path / "b").holder() == os.getpid()


def test_what_runs_is_told_only_while_it_runs(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    with installation.locked():
        installation.write(running())
        assert Installation(tmp_path).running() == running()
    assert installation.running() is None
    with pytest.raises(NotFound, match="nothing runs on"):
        installation.require_running()


def test_a_note_left_by_a_killed_run_is_not_believed(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    installation.write(running())
    assert installation.running() is None


def test_the_installation_key_is_made_once_and_only_the_owner_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SWITCHBOARD_KEY", raising=False)
    first = Installation(tmp_path).key()
    assert Installation(tmp_path).key() == first
    assert len(first) >= 32
    assert mode(tmp_path / "key") == 0o600


def test_a_key_from_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWITCHBOARD_KEY", "new,old")
    assert Installation(tmp_path).key() == "new,old"
    assert not (tmp_path / "key").exists()


def test_access_keys_are_added_to_and_only_the_owner_reads_them(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    installation.keep_access_keys({"admin_key": "a"})
    assert installation.keep_access_keys({"agent_key": "b"}) == {"admin_key": "a", "agent_key": "b"}
    assert mode(tmp_path / "keys.json") == 0o600
    assert installation.command_environment()["SWITCHBOARD_ADMIN_KEY"] == "a"


def test_a_command_works_on_what_runs_and_else_on_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation = Installation(tmp_path)
    for name in ("SWITCHBOARD_KAFKA", "SWITCHBOARD_POSTGRES"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(NotFound, match="SWITCHBOARD_KAFKA and SWITCHBOARD_POSTGRES not set"):
        installation.desk()
    monkeypatch.setenv("SWITCHBOARD_KAFKA", "theirs:9092")
    monkeypatch.setenv("SWITCHBOARD_POSTGRES", "postgresql://theirs/db")
    assert installation.desk().kafka == "theirs:9092"
    with installation.locked():
        installation.write(running())
        assert installation.desk().kafka == "127.0.0.1:9092"
        assert installation.desk().ports == {"gateway": 8000}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreUnavailable, match=str(tmp_path)), Installation(tmp_path / "data").locked():
        pytest.fail("it was written")

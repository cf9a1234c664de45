"""The pinned jars of the embedded Kafka: exactly one of each, and never one with other bytes."""

import hashlib
import re
from pathlib import Path

import pytest

from switchboard.embedded.jars import Jar, cache_folder, kafka_jars


def a_jar(content: bytes) -> Jar:
    return Jar("org.example", "thing", "1.0", len(content), hashlib.sha256(content).hexdigest())


def test_each_artifact_is_pinned_once_with_its_sha256() -> None:
    jars = kafka_jars()
    assert len({(jar.group, jar.artifact) for jar in jars}) == len(jars)
    assert all(re.fullmatch(r"[0-9a-f]{64}", jar.sha256) and jar.size > 0 for jar in jars)


def test_all_parts_of_kafka_have_the_same_version() -> None:
    assert {jar.version for jar in kafka_jars() if jar.group == "org.apache.kafka"} == {"4.3.0"}


@pytest.mark.parametrize("content", [b"half", b"other bytes of the same kind", b""])
def test_a_jar_with_other_bytes_is_not_taken(tmp_path: Path, content: bytes) -> None:
    jar = a_jar(b"the real bytes")
    path = jar.path_in(tmp_path)
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    assert not jar.is_intact(tmp_path)
    path.write_bytes(b"the real bytes")
    assert jar.is_intact(tmp_path)


def test_a_jar_that_is_not_there_is_not_taken(tmp_path: Path) -> None:
    assert not a_jar(b"x").is_intact(tmp_path)


def test_the_cache_is_where_the_user_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWITCHBOARD_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("SWITCHBOARD_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "switchboard"

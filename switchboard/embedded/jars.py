"""The exact jars of the embedded Kafka: fetched one by one through jgo, checked against pinned SHA-256, cached.

jgo's own resolution of the dependency tree picks other versions than Kafka was released with, so the list in
`kafka_jars.json` is complete and nothing is resolved transitively.
"""

import fcntl
import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from shared.errors import StoreUnavailable
from switchboard.embedded.disk import writable_folder

Progress = Callable[[int, int], None]
_PARALLEL = 8
_TRIES = 4


@dataclass(frozen=True)
class Jar:
    """One pinned artifact of a Maven repository."""

    group: str
    artifact: str
    version: str
    size: int
    sha256: str

    def path_in(self, repository: Path) -> Path:
        """Where the Maven layout keeps the jar."""
        folder = repository.joinpath(*self.group.split("."), self.artifact, self.version)
        return folder / f"{self.artifact}-{self.version}.jar"

    def is_intact(self, repository: Path) -> bool:
        """Whether the jar is there with the pinned bytes."""
        path = self.path_in(repository)
        return path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == self.sha256


def kafka_jars() -> list[Jar]:
    """The pinned list."""
    rows = json.loads(Path(__file__).with_name("kafka_jars.json").read_text())
    return [Jar(**row) for row in rows]


def cache_folder() -> Path:
    """The user's cache, shared by all installations of one version or several."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    configured = os.environ.get("SWITCHBOARD_CACHE") or f"{base}/switchboard"
    return Path(configured).expanduser()


def ensure_jars(progress: Progress | None = None, given_up: threading.Event | None = None) -> list[Path]:
    """The jars' paths, all verified; what is missing is downloaded. `progress(done, total)` counts downloaded bytes.

    Whoever waits in another thread sets `given_up` to end it after the jars in hand.
    """
    repository = writable_folder(cache_folder() / "maven")
    jars = kafka_jars()
    stop = given_up or threading.Event()
    with _locked(repository.parent / "maven.lock"), ThreadPoolExecutor(_PARALLEL) as pool:
        intact = pool.map(lambda jar: jar.is_intact(repository), jars)
        missing = [jar for jar, good in zip(jars, intact, strict=True) if not good]
        total, done = sum(jar.size for jar in missing), 0
        for jar in pool.map(lambda jar: _fetch(jar, repository, stop), missing):
            done += jar.size
            if progress is not None:
                progress(done, total)
    return [jar.path_in(repository) for jar in jars]


def _fetch(jar: Jar, repository: Path, stop: threading.Event) -> Jar:
    from jgo.maven import MavenContext  # noqa: PLC0415 - half a second that only the first start has to pay

    problem = "its bytes are not the pinned ones"
    for attempt in range(_TRIES):
        if stop.is_set():
            problem = "given up"
            break
        jar.path_in(repository).unlink(missing_ok=True)
        context = MavenContext(repo_cache=repository, timeout=60)
        try:
            context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve()
        except Exception as error:  # noqa: BLE001 - jgo and requests raise many kinds, all mean "not fetched"
            problem = f"{type(error).__name__}: {error}"
            stop.wait(0.5 * 2**attempt)
            continue
        if jar.is_intact(repository):
            return jar
    raise StoreUnavailable(
        f"could not download {jar.group}:{jar.artifact}:{jar.version} to {repository}: {problem}", reason="download"
    )


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield

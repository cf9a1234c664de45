"""One installation's data directory: its lock, its keys, and the note about what runs now."""

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from shared.errors import Conflict, NotFound
from switchboard.embedded.disk import writable_folder
from switchboard.services import Desk

DEFAULT_FOLDER = Path(".switchboard")


@dataclass(frozen=True)
class Running:
    """What `up` writes down for `status`, `down` and every other command."""

    pid: int
    ready: bool
    kafka: str
    postgres: str
    blobs: str
    topic_prefix: str
    urls: dict[str, str]
    started_at: str
    pids: dict[str, int] = field(default_factory=dict)
    restarting: list[str] = field(default_factory=list)
    """What has ended and is not up again yet."""
    restarts: dict[str, int] = field(default_factory=dict)
    customers: dict[str, Any] | None = None
    """Where the demo's customers are, and the file that holds what they got (`kept_in`)."""


class Installation:
    """The data directory; everything in it is removable, secrets are readable by the owner only."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.logs = self.folder / "logs"
        self._lock_file = self.folder / "lock"
        self._state_file = self.folder / "running.json"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the directory; a second `up` is refused with the pid of the first."""
        writable_folder(self.folder)
        with self._lock_file.open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise Conflict(
                    f"Switchboard already runs on {self.folder} (pid {self.holder() or 'unknown'}); "
                    "stop it with `switchboard down`, or choose another folder with --data",
                    reason="already_running",
                ) from error
            file.truncate(0)
            file.write(f"{os.getpid()}\n")
            file.flush()
            try:
                yield
            finally:
                file.truncate(0)
                self._state_file.unlink(missing_ok=True)

    def holder(self) -> int | None:
        """The pid that holds the directory now, None where nobody does."""
        if not self._lock_file.exists():
            return None
        with self._lock_file.open("r") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return int(file.read().strip() or 0) or None
            return None

    def write(self, running: Running) -> None:
        """Replace the note at once, so that no reader sees half of it."""
        _write_secret(self._state_file, json.dumps(asdict(running), indent=1))

    def running(self) -> Running | None:
        """What runs on this directory now; None where nothing does."""
        if self.holder() is None:
            return None
        try:
            return Running(**json.loads(self._state_file.read_text()))
        except FileNotFoundError:  # it is just beginning
            return None

    def require_running(self) -> Running:
        """What runs now, or a clear word that nothing does."""
        running = self.running()
        if running is None:
            raise NotFound(
                f"nothing runs on {self.folder}; start it with `switchboard up`, or name another folder with --data",
                reason="not_running",
            )
        return running

    def desk(self) -> Desk:
        """The desk that runs on this directory, else the one that the environment names."""
        running = self.running()
        if running is not None:
            ports = {name: int(url.rsplit(":", 1)[1]) for name, url in running.urls.items()}
            return Desk(running.kafka, running.postgres, running.blobs, self.key(), ports, running.topic_prefix)
        missing = [name for name in ("SWITCHBOARD_KAFKA", "SWITCHBOARD_POSTGRES") if name not in os.environ]
        if missing:
            raise NotFound(
                f"nothing runs on {self.folder}, and {' and '.join(missing)} not set: "
                "start the desk with `switchboard up`, name its folder with --data, or set the variables",
                reason="not_running",
            )
        return Desk(
            kafka=os.environ["SWITCHBOARD_KAFKA"],
            postgres=os.environ["SWITCHBOARD_POSTGRES"],
            blobs=os.environ.get("SWITCHBOARD_BLOBS", str(self.folder / "blobs")),
            key=os.environ.get("SWITCHBOARD_KEY", ""),
            ports={},
            topic_prefix=os.environ.get("SWITCHBOARD_TOPIC_PREFIX", ""),
        )

    def key(self) -> str:
        """The installation's key, which seals secrets and signs identities: the environment's, else one made once."""
        if given := os.environ.get("SWITCHBOARD_KEY"):
            return given
        file = self.folder / "key"
        if not file.exists():
            _write_secret(file, secrets.token_urlsafe(32))
        return file.read_text().strip()

    def access_keys(self) -> dict[str, str]:
        """The keys that `up` shows: of the installation, the first admin, the first agent."""
        file = self.folder / "keys.json"
        return dict(json.loads(file.read_text())) if file.exists() else {}

    def keep_access_keys(self, keys: dict[str, str]) -> dict[str, str]:
        """Add to the kept keys; gives all of them."""
        merged = {**self.access_keys(), **keys}
        _write_secret(self.folder / "keys.json", json.dumps(merged, indent=1))
        return merged

    def command_environment(self) -> dict[str, str]:
        """What an operator's command is told beyond a service's environment: the folder and the keys kept in it."""
        keys = {f"SWITCHBOARD_{name.upper()}": key for name, key in self.access_keys().items()}
        running = self.running()
        customers = {"SWITCHBOARD_CUSTOMERS": json.dumps(running.customers)} if running and running.customers else {}
        return {"SWITCHBOARD_DATA": str(self.folder), **customers, **keys}


def _write_secret(file: Path, text: str) -> None:
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(text)
    temporary.replace(file)

"""Disk questions asked before a start, so that the answer names the disk and not a stack trace."""

import os
import shutil
from pathlib import Path

from shared.errors import StoreUnavailable

NEEDED_BYTES = 256 * 1024 * 1024
LOG_CAP_BYTES = 16 * 1024 * 1024


def writable_folder(path: Path, mode: int = 0o755) -> Path:
    """The folder, made where it is missing, with room to work in; an existing folder's mode is left as it is."""
    try:
        path.mkdir(mode=mode, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailable(f"cannot make the folder {path}: {error.strerror}", reason="disk") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise StoreUnavailable(f"the folder {path} is not writable for user id {os.geteuid()}", reason="disk")
    require_room(path)
    return path


def require_room(path: Path) -> None:
    """Refuse where the disk under `path` is nearly full."""
    free = shutil.disk_usage(path).free
    if free < NEEDED_BYTES:
        raise StoreUnavailable(
            f"the disk that holds {path} has {free // 2**20} MiB free, {NEEDED_BYTES // 2**20} MiB are needed",
            reason="disk_full",
        )


def open_log(path: Path) -> int:
    """A descriptor that appends to the log file; whoever opened it closes it after the child has it."""
    writable_folder(path.parent)
    cap_log(path)
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)


def cap_log(path: Path, limit: int = LOG_CAP_BYTES) -> None:
    """Move a log over the limit to `<name>.1` by copy and truncate: the writer appends, so it goes on at the start."""
    if path.exists() and path.stat().st_size > limit:
        shutil.copyfile(path, path.with_name(path.name + ".1"))
        os.truncate(path, 0)


def log_tail(path: Path, lines: int = 12) -> str:
    """The last lines of a log, for an error's message."""
    if not path.exists():
        return "(no log)"
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 8192))
        return "\n".join(file.read().decode("utf-8", "replace").splitlines()[-lines:])

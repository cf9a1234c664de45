"""Where an unprivileged user can work, so that PostgreSQL, which refuses root, runs without opening anybody's folders.

Running as root, the server becomes `nobody`. Folders on the way to its data or its programs that this user may not pass
are left exactly as they are; instead a place of our own is made under /var/lib, and a link in the data directory says
where.
"""

import os
import pwd
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from shared.errors import Forbidden
from switchboard.embedded.disk import writable_folder

_OUTSIDE = Path("/var/lib/switchboard")  # unlike /var/tmp it is never swept of files that were not touched for weeks


@dataclass(frozen=True)
class Account:
    """The operating system's user that a server runs as."""

    name: str
    uid: int
    gid: int

    @property
    def is_us(self) -> bool:
        """Whether no change of user is needed."""
        return self.uid == os.geteuid()

    def switch(self) -> tuple[int, int] | None:
        """What `tethered` needs to become this user."""
        return None if self.is_us else (self.uid, self.gid)


def server_account() -> Account:
    """Ourselves, or `nobody` where we are root."""
    if os.geteuid() != 0:
        try:
            entry = pwd.getpwuid(os.geteuid())
        except KeyError as error:
            raise Forbidden(
                f"user id {os.geteuid()} has no name in /etc/passwd and PostgreSQL needs one; add an entry, or point "
                "SWITCHBOARD_POSTGRES at a database of your own",
                reason="no_user_name",
            ) from error
    else:
        entry = pwd.getpwnam("nobody")
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def can_reach(account: Account, path: Path) -> bool:
    """Whether the account may pass every existing folder on the way to and including `path`."""
    return all(_may_pass(account, folder) for folder in (path, *path.parents) if folder.exists())


def _may_pass(account: Account, folder: Path) -> bool:
    facts = folder.stat()
    if facts.st_uid == account.uid:
        return bool(facts.st_mode & stat.S_IXUSR)
    if facts.st_gid == account.gid:
        return bool(facts.st_mode & stat.S_IXGRP)
    return bool(facts.st_mode & stat.S_IXOTH)


def place_for(account: Account, directory: Path, name: str, *, longest: int = 4096) -> Path:
    """A 0700 folder `directory/name` of the account's own, or a link of that name to one outside.

    Outside where the account cannot get into `directory`, or where the path has more than `longest` bytes.
    """
    wanted = directory / name
    if wanted.is_symlink() and not wanted.exists():  # what it led to was cleared away
        wanted.unlink()
    if wanted.exists():
        return wanted.resolve()
    if can_reach(account, directory) and len(os.fsencode(wanted)) <= longest:
        wanted.mkdir(mode=0o700)
        place = wanted
    else:
        place = _outside() / name
        place.mkdir(mode=0o700)
        wanted.symlink_to(place)
    os.chown(place, account.uid, account.gid)
    return place


def _outside() -> Path:
    """A new folder that anyone may pass and nobody else can have prepared."""
    base = Path(tempfile.gettempdir())
    if os.geteuid() == 0:
        base = _OUTSIDE if os.access(_OUTSIDE.parent, os.W_OK) else Path("/var/tmp")  # noqa: S108
        base.mkdir(mode=0o711, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix="switchboard-", dir=base))
    place.chmod(0o711)
    return place


def remove_place(directory: Path, name: str) -> None:
    """Delete what `place_for` made, outside the directory too."""
    wanted = directory / name
    if wanted.is_symlink():
        shutil.rmtree(wanted.resolve().parent, ignore_errors=True)
        wanted.unlink()
    else:
        shutil.rmtree(wanted, ignore_errors=True)


def reachable_programs(account: Account, source: Path, libraries: list[Path], directory: Path) -> Path:
    """The folder of programs itself, or a copy where the account cannot get to it (a checkout under /root, say).

    The programs find their `libraries` by their place relative to themselves, so the copy keeps the same tree from the
    folder that holds all of them.
    """
    if can_reach(account, source / "bin"):
        return source
    root = Path(os.path.commonpath([source, *libraries]))
    place = place_for(account, directory, "programs")
    copied = place / f"copied-{source.stat().st_mtime_ns}"
    if not copied.exists():
        writable_folder(place)
        for folder in (source, *libraries):
            left_out = shutil.ignore_patterns("include", "__pycache__")
            shutil.copytree(folder, place / folder.relative_to(root), dirs_exist_ok=True, ignore=left_out)
        copied.touch()
    return place / source.relative_to(root)

"""Ties a process to the one that started it, so that nothing is left running even when that one is killed with -9.

Run as a script, with nothing but the standard library, so that it costs some 15 ms. It drops privileges when asked,
asks the kernel for a signal at the parent's death (after the change of user, which would clear it: prctl(2)), and
becomes the command itself by exec: same pid, no process between.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1


def tethered(
    command: Sequence[str | Path], *, at_death: signal.Signals = signal.SIGKILL, user: tuple[int, int] | None = None
) -> list[str]:
    """The command line that runs `command` tied to the calling process; `user` is (uid, gid) to become first."""
    uid, gid = user if user is not None else (-1, -1)
    options = [str(os.getpid()), str(int(at_death)), str(uid), str(gid)]
    return [sys.executable, "-I", "-S", __file__, *options, *map(str, command)]


def _main(argv: list[str]) -> None:
    parent, at_death, uid, gid = map(int, argv[:4])
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, at_death, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:  # it died before the kernel knew
        sys.exit(1)
    os.execv(argv[4], argv[4:])  # noqa: S606 - to become the command is the purpose


if __name__ == "__main__":
    _main(sys.argv[1:])

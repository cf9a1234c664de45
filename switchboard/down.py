"""Stops what runs on a data directory and returns when nothing of it is left."""

import os
import signal
import time

import psutil

from shared.errors import SwitchboardError
from switchboard.installation import Installation

_POLL_S = 0.1


def down(installation: Installation, *, timeout_s: float) -> bool:
    """Ask the supervisor to stop and wait for it and all its processes; False where nothing ran."""
    supervisor = installation.holder()
    if supervisor is None:
        return False
    running = installation.running()
    family = _alive([supervisor, *(running.pids.values() if running else ())])
    os.kill(supervisor, signal.SIGTERM)
    deadline = time.monotonic() + timeout_s
    while any(_is_alive(process) for process in family) or installation.holder() is not None:
        if time.monotonic() > deadline:
            left = ", ".join(f"{process.pid} ({process.name()})" for process in family if _is_alive(process))
            raise SwitchboardError(f"still running after {timeout_s:.0f} s: {left or 'pid ' + str(supervisor)}")
        time.sleep(_POLL_S)
    return True


def _alive(pids: list[int]) -> list[psutil.Process]:
    found = []
    for pid in pids:
        try:
            found.append(psutil.Process(pid))
        except psutil.NoSuchProcess:
            continue
    return found


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False

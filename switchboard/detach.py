"""Runs `up` in the background: the starter shows its steps, and returns when it is ready or has failed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from switchboard.embedded.disk import open_log
from switchboard.installation import Installation
from switchboard.services import inherited_environment, module_command

_MARK = "SWITCHBOARD_DETACHED"


def up_detached(installation: Installation, arguments: list[str]) -> int:
    """Start `switchboard up arguments` in a session of its own; 0 when it is ready, else its exit code."""
    child = subprocess.Popen(  # noqa: S603 - ourselves
        module_command("switchboard", "up", *arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**inherited_environment(), _MARK: "1"},
        start_new_session=True,
    )
    assert child.stdout is not None
    try:
        while block := os.read(child.stdout.fileno(), 65536):  # ends when it is ready and leaves us, or when it ends
            sys.stdout.buffer.write(block)
            sys.stdout.flush()
    except KeyboardInterrupt:
        child.send_signal(signal.SIGTERM)
        child.wait()
        raise
    running = installation.running()
    if running is not None and running.ready and running.pid == child.pid:
        return 0
    return child.wait() or 1


def leave_starter(log: Path) -> None:
    """In a detached process, once ready: write to the log from now on, which tells the starter to return."""
    if os.environ.get(_MARK) != "1":
        return
    descriptor = open_log(log)
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)

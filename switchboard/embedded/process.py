"""One supervised server process: started tied to us, waited for until it answers, stopped in order or killed."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from shared.errors import Conflict, StoreUnavailable, SwitchboardError
from switchboard.embedded.disk import log_tail, open_log
from switchboard.embedded.tether import tethered

_KNOWN_CAUSES: tuple[tuple[str, type[SwitchboardError], str], ...] = (
    ("no space left on device", StoreUnavailable, "disk_full"),
    ("address already in use", Conflict, "port_in_use"),
    ("permission denied", StoreUnavailable, "permission"),
)


class ServerProcess:
    """A child process whose output goes to a log file."""

    def __init__(self, name: str, log: Path) -> None:
        self.name = name
        self.log = log
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """The pid of the server itself; tethering leaves no process between."""
        if self._process is None:
            raise StoreUnavailable(f"{self.name} has not been started", reason="not_started")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.returncode is None

    async def spawn(
        self,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        at_death: signal.Signals = signal.SIGKILL,
        user: tuple[int, int] | None = None,
        cwd: Path | None = None,
    ) -> None:
        """Start the command in a session of its own, so that a Ctrl-C in the terminal reaches only the supervisor.

        `env` is the whole environment, ours where it is not given.
        """
        descriptor = open_log(self.log)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *tethered(command, at_death=at_death, user=user),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                env=env,
                start_new_session=True,
                cwd=cwd,
            )
        finally:
            os.close(descriptor)

    async def until(self, answers: Callable[[], Awaitable[bool]], *, timeout_s: float) -> None:
        """Wait until `answers()` says yes; raise with the cause where the process ends or time is up before."""
        deadline = time.monotonic() + timeout_s
        while not await answers():
            if not self.running:
                raise self.failure(f"{self.name} ended while starting")
            if time.monotonic() > deadline:
                raise self.failure(f"{self.name} did not answer within {timeout_s:.0f} s")
            await asyncio.sleep(0.05)

    def failure(self, what: str) -> SwitchboardError:
        """What went wrong with the end of the log, as the kind of error the log shows it to be."""
        tail = log_tail(self.log)
        message = f"{what}; see {self.log}:\n{tail}"
        for words, error, reason in _KNOWN_CAUSES:
            if words in tail.lower():
                return error(message, reason=reason)
        return StoreUnavailable(message, reason="start_failed")

    async def stop(self, how: signal.Signals, *, timeout_s: float) -> None:
        """Ask the process to end and wait; kill it where it does not."""
        if self._process is None:
            return
        if self.running:
            self._process.send_signal(how)
        try:
            await asyncio.wait_for(self._process.wait(), timeout_s)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    def kill(self) -> None:
        """SIGKILL, as a crash or the kernel's out-of-memory killer would."""
        if self.running:
            os.kill(self.pid, signal.SIGKILL)

    async def ended(self) -> int:
        """Wait for the end of the process; its exit code, negative for a signal."""
        if self._process is None:
            return 0
        return await self._process.wait()

"""Keeps services running: starts them, waits until they are ready, restarts what dies or hangs, stops all in order."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from shared.errors import StoreUnavailable, SwitchboardError
from switchboard.embedded.disk import cap_log, log_tail
from switchboard.embedded.process import ServerProcess
from switchboard.services import Desk, service_command

READY_TIMEOUT_S = 120.0  # seconds on a quiet machine; a crowded one is slow, not broken
STOP_TIMEOUT_S = 25.0  # a service has 20 s to finish the batch in hand
ANSWER_TIMEOUT_S = 5.0
LOOK_EVERY_S = 5.0
HANGS_AFTER_S = 60.0
STEADY_AFTER_S = 60.0
LONGEST_PAUSE_S = 30.0
_TRIES_BEFORE_READY = 3

Notice = Callable[[str], None]


@dataclass
class Kept:
    """Something that runs and is started again when it ends."""

    name: str
    start: Callable[[], Awaitable[None]]
    ended: Callable[[], Awaitable[int]]
    restarts: int = 0
    failures: int = 0
    """How often in a row it ended or did not start."""
    up: bool = True
    """Whether it has not ended since it was started last."""

    def pause_s(self) -> float:
        """How long to wait before the next start: doubled with each failure in a row."""
        return min(LONGEST_PAUSE_S, 0.125 * float(2**self.failures))

    async def keep(self, notice: Notice) -> None:
        """Start it again whenever it ends, until this task is cancelled."""
        begun = time.monotonic()
        while True:
            code = await self.ended()
            self.up = False
            lived_s = time.monotonic() - begun
            self.failures = 1 if lived_s > STEADY_AFTER_S else self.failures + 1
            notice(f"{self.name} ended ({how_ended(code)}) after {lived_s:.0f} s; starting it again")
            await self._start_again(notice)
            begun = time.monotonic()

    async def _start_again(self, notice: Notice) -> None:
        while True:
            await asyncio.sleep(self.pause_s())
            try:
                await self.start()
            except (SwitchboardError, OSError) as error:
                self.failures += 1
                notice(f"{self.name} could not be started: {error}")
                continue
            self.restarts += 1
            self.up = True
            notice(f"{self.name} runs again")
            return


@dataclass
class Service:
    """One supervised service."""

    name: str
    url: str
    process: ServerProcess
    kept: Kept
    healthy_at: float = field(default_factory=time.monotonic)


class Supervisor:
    """Runs the services of one desk; `changed` is called after each start."""

    def __init__(
        self,
        desk: Desk,
        logs: Path,
        *,
        notice: Notice,
        changed: Callable[[], None],
        command: Callable[[str], list[str]] = service_command,
    ) -> None:
        self._desk = desk
        self._command = command
        self._logs = logs
        self.kept: list[Kept] = []
        self._notice = notice
        self._changed = changed
        self._tasks: list[asyncio.Task[None]] = []
        self._client = httpx.AsyncClient(timeout=ANSWER_TIMEOUT_S, trust_env=False)
        self.services = {name: self._service(name, url, logs / f"{name}.log") for name, url in desk.urls.items()}

    def _service(self, name: str, url: str, log: Path) -> Service:
        process = ServerProcess(name, log)

        async def start() -> None:
            await process.spawn(self._command(name), env=self._desk.environment(name))
            self._changed()

        return Service(name, url, process, Kept(name, start, process.ended))

    def also_keep(self, kept: Kept) -> None:
        """Keep something else running beside the services, such as the embedded Kafka."""
        self.kept.append(kept)
        self._tasks.append(asyncio.create_task(kept.keep(self._notice), name=f"keep {kept.name}"))

    async def start(self) -> None:
        """Start every service and return when all are ready; raise with the reason where one cannot."""
        for service in self.services.values():
            await service.kept.start()
            self.also_keep(service.kept)
        self._tasks.append(asyncio.create_task(self._look_after(), name="look after services"))
        async with asyncio.TaskGroup() as group:
            for service in self.services.values():
                group.create_task(self._until_ready(service))

    async def _until_ready(self, service: Service) -> None:
        deadline = time.monotonic() + READY_TIMEOUT_S
        said = "it did not answer"
        while time.monotonic() < deadline:
            if service.kept.failures >= _TRIES_BEFORE_READY:
                said = f"it ended {service.kept.failures} times"
                break
            answer = await self._get(service, "/readyz")
            if answer is not None and answer.status_code == 200:
                return
            said = f"it answers {answer.status_code}: {answer.text[:300]}" if answer is not None else said
            await asyncio.sleep(0.05)
        log = service.process.log
        raise StoreUnavailable(
            f"{service.name} did not become ready: {said}; see {log}:\n{log_tail(log)}", reason="not_ready"
        )

    async def _look_after(self) -> None:
        """Every few seconds: cap the logs, and kill what has not answered for long, so that it is started again."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            for log in self._logs.glob("*.log"):
                cap_log(log)
            for service in self.services.values():
                alive = await self._get(service, "/healthz")
                if not service.process.running or (alive is not None and alive.status_code == 200):
                    service.healthy_at = time.monotonic()
                elif time.monotonic() - service.healthy_at > HANGS_AFTER_S:
                    self._notice(f"{service.name} has not been healthy for {HANGS_AFTER_S:.0f} s; killing it")
                    service.process.kill()
                    service.healthy_at = time.monotonic()

    async def _get(self, service: Service, path: str) -> httpx.Response | None:
        try:
            return await self._client.get(service.url + path)
        except httpx.HTTPError:
            return None

    async def stop(self) -> None:
        """Ask all services to finish and wait until none is left."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        processes = [service.process for service in self.services.values()]
        await asyncio.gather(*(process.stop(signal.SIGTERM, timeout_s=STOP_TIMEOUT_S) for process in processes))
        await self._client.aclose()


def how_ended(code: int) -> str:
    """An exit code in words."""
    return f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"

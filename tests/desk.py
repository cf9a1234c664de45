"""A running desk for a test: real services as processes on the stack, with a database and topics of its own."""

import asyncio
import contextlib
import itertools
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import ClassVar

import asyncpg
import httpx

from switchboard.embedded.ports import is_free
from tests import forking
from tests.stack import Stack

ROOT = Path(__file__).parent.parent
KEY = "test-installation-key-of-thirty-two-bytes!"


class ServiceProcess:
    """One process of one service."""

    def __init__(self, module: str, environment: Mapping[str, str], port: int, log: Path) -> None:
        self.module = module
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.log = log
        self._environment = dict(environment, SWITCHBOARD_PORT=str(port))
        self._process: BaseProcess | None = None
        self._ended_by_us = False

    def start(self) -> None:
        """Start it; `ready` tells when it serves."""
        self._ended_by_us = False
        self._process = forking.start(self.module, self._environment, self.log)

    @property
    def pid(self) -> int:
        """The process's number."""
        assert self._process is not None and self._process.pid is not None
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.is_alive()

    @property
    def ended_by_itself(self) -> bool:
        """Whether it gave up, as a process may that counts on its supervisor."""
        return self._process is not None and not self.alive and not self._ended_by_us

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, where it still runs."""
        if self.alive:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        self._ended_by_us = True
        self.signal(signal.SIGKILL)
        self.wait()

    def stop(self, timeout_s: float = 30) -> int:
        """SIGTERM, and wait until it has drained; gives the exit code."""
        self.tell_to_stop()
        return self.wait(timeout_s)

    def tell_to_stop(self) -> None:
        """SIGTERM, to a frozen process too."""
        self._ended_by_us = True
        if self.alive:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)

    def wait(self, timeout_s: float = 30) -> int:
        """Wait for the end; gives the exit code."""
        assert self._process is not None
        self._process.join(timeout_s)
        if self._process.exitcode is None:
            self._process.kill()
            self._process.join()
            raise TimeoutError(f"{self.module} did not end within {timeout_s} s")
        return self._process.exitcode

    async def ready(self, timeout_s: float = 60) -> None:
        """Wait until /readyz says yes."""
        deadline = time.monotonic() + timeout_s
        async with httpx.AsyncClient() as client:
            while True:
                with contextlib.suppress(httpx.TransportError):
                    if (await client.get(f"{self.url}/readyz", timeout=2)).status_code == 200:
                        return
                if not self.alive or time.monotonic() > deadline:
                    raise AssertionError(f"{self.module} is not ready:\n{self.log.read_text()[-3000:]}")
                await asyncio.sleep(0.05)


class Desk:
    """Services of the product (or of a test) on one stack."""

    running: ClassVar[list["Desk"]] = []
    """Desks with processes, so that a failed test can show their logs."""

    def __init__(self, stack: Stack, database: str, prefix: str, more: Mapping[str, str] | None = None) -> None:
        self.stack = stack
        self.database = database
        self.prefix = prefix
        self.directory = Path(tempfile.mkdtemp(prefix="desk-", dir=stack.directory))
        self.processes: dict[str, ServiceProcess] = {}
        self.restarts = 0
        """How many processes ended by themselves and were started again."""
        self._more = dict(more or {})
        self._ports: dict[str, int] = {}

    @property
    def dsn(self) -> str:
        """The desk's database."""
        return self.stack.dsn(self.database)

    @property
    def environment(self) -> dict[str, str]:
        """What every process of the desk is started with."""
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("SWITCHBOARD_")},
            "SWITCHBOARD_KAFKA": self.stack.kafka.bootstrap,
            "SWITCHBOARD_POSTGRES": self.dsn,
            "SWITCHBOARD_BLOBS": str(self.directory / "blobs"),
            "SWITCHBOARD_KEY": KEY,
            "SWITCHBOARD_TOPIC_PREFIX": self.prefix,
            "SWITCHBOARD_SESSION_TIMEOUT_S": "6",  # the least a broker allows: who follows a killed one waits for it
            "SWITCHBOARD_HOST": "127.0.0.1",
            "SWITCHBOARD_URLS": json.dumps({name: f"http://127.0.0.1:{port}" for name, port in self._ports.items()}),
            **self._more,
        }

    async def start(self, *modules: str) -> None:
        """Start these (`services.tickets`; a second replica is `services.tickets#2`) and wait until all are ready."""
        if self not in Desk.running:
            Desk.running.append(self)
        for module in modules:
            self._ports.setdefault(module.rpartition(".")[2], free_port())
        for module in modules:
            name = module.rpartition(".")[2]
            log = self.directory / f"{name}.log"
            process = ServiceProcess(module.partition("#")[0], self.environment, self._ports[name], log)
            self.processes[name] = process
            process.start()
        try:
            await asyncio.gather(*(self.processes[module.rpartition(".")[2]].ready() for module in modules))
        except BaseException:
            self.stop()  # a desk that did not come up leaves nothing running
            raise

    def supervise(self) -> None:
        """Start what ended by itself again, as Kubernetes and `switchboard up` do."""
        for process in self.processes.values():
            if process.ended_by_itself:
                self.restarts += 1
                process.start()

    def url(self, name: str) -> str:
        """The base URL of a service."""
        return self.processes[name].url

    async def metrics(self, name: str) -> str:
        """What a service's /metrics says now."""
        async with httpx.AsyncClient() as client:
            return (await client.get(f"{self.url(name)}/metrics", timeout=10)).text

    async def run(self, module: str, *arguments: str) -> tuple[int, str]:
        """Run a command of a service or of the operator; gives exit code and stdout."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            *arguments,
            cwd=ROOT,
            env=self.environment,
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await process.communicate()
        return process.returncode or 0, output.decode()

    async def connect(self, schema: str) -> asyncpg.Connection:
        """A connection to a service's schema."""
        return await asyncpg.connect(self.dsn, server_settings={"search_path": schema})

    def stop(self, names: Iterable[str] | None = None) -> None:
        """Stop the processes and make sure that they are gone."""
        ending = [self.processes.pop(name) for name in list(names if names is not None else self.processes)]
        for process in ending:
            process.tell_to_stop()
        for process in ending:
            process.wait()
        if not self.processes and self in Desk.running:
            Desk.running.remove(self)


def _ports() -> Iterator[int]:
    """Ports of this process in turn: below the ephemeral ones, and apart from other workers' and the embedded servers'.

    One that the kernel gives may be taken by anybody's outgoing connection, or given to another worker, before the
    service that it is for has started.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 12
    mine = range(10_000 + 800 * worker, 10_800 + 800 * worker)
    begin = os.getpid() % len(mine)  # runs beside each other begin at different ones
    return itertools.cycle([*mine[begin:], *mine[:begin]])


_PORTS = _ports()


def free_port() -> int:
    """A port that nobody listens on now, and that this process has not given out lately."""
    return next(port for port in _PORTS if is_free(port))

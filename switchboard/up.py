"""Brings the whole desk up on one machine and keeps it up until it is told to stop."""

import asyncio
import os
import signal
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime

from shared.config import ServiceConfig
from shared.errors import Invalid
from switchboard import demo
from switchboard.commands import keys_in, output_of
from switchboard.console import Download, out, step
from switchboard.demo import Customers, make_workspace, play_traffic
from switchboard.detach import leave_starter
from switchboard.embedded.disk import writable_folder
from switchboard.embedded.kafka import Kafka
from switchboard.embedded.postgres import Postgres
from switchboard.installation import Installation, Running
from switchboard.migrate import make_tables, make_topics
from switchboard.services import FIRST_PORT, Desk, chosen, ports_for
from switchboard.supervisor import Kept, Supervisor


@dataclass(frozen=True)
class Options:
    """What the operator asked for."""

    only: list[str] = field(default_factory=list)
    first_port: int = FIRST_PORT
    kafka_port: int | None = None
    postgres_port: int | None = None
    demo: bool = False
    sync: bool = False


async def up(installation: Installation, options: Options) -> int:
    """Run the desk until SIGINT, SIGTERM or SIGHUP; gives the exit code. A second signal ends everything at once."""
    task = asyncio.current_task()
    assert task is not None
    running = _Up(installation, options)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, running.on_signal, task)
    try:
        await running.run()
    except asyncio.CancelledError:
        out.print("stopped; everything is kept in", str(installation.folder))
    return 0 if running.ready else 130


class _Up:
    def __init__(self, installation: Installation, options: Options) -> None:
        self.installation = installation
        self.options = options
        self.ready = False
        self._signals = 0
        self._started_at = datetime.now(UTC)
        self._desk: Desk | None = None
        self._supervisor: Supervisor | None = None
        self._servers: dict[str, Kafka | Postgres | Customers] = {}
        self._customers: Customers | None = None

    def on_signal(self, task: asyncio.Task[object]) -> None:
        """The first asks for an orderly stop; the second leaves at once, and the tethers take everything along."""
        self._signals += 1
        if self._signals > 1:
            os._exit(130)
        out.print("stopping (once more to stop without waiting)…")
        task.cancel()

    async def run(self) -> None:
        """All steps; whatever was started is stopped in reverse order, however this ends."""
        names = chosen(self.options.only)
        async with AsyncExitStack() as stack:
            ports = ports_for(names, self.options.first_port)
            self._desk = desk = await self._prepare(stack, names, ports)
            if self.options.demo:
                await self._start_customers(stack, desk)
            await self._start_services(stack, desk)
            if self._customers is not None:
                await make_workspace(self.installation, desk, self._customers)
                playing = asyncio.create_task(play_traffic(self.installation, desk, self._customers, self._notice))
                stack.callback(playing.cancel)
            self.ready = True
            self._write()
            self._summary(desk)
            leave_starter(self.installation.logs / "up.log")
            await asyncio.Event().wait()

    async def _prepare(self, stack: AsyncExitStack, names: list[str], ports: dict[str, int]) -> Desk:
        """Kafka with its topics and, meanwhile, PostgreSQL with all tables and the first keys."""
        kafka, postgres = os.environ.get("SWITCHBOARD_KAFKA"), os.environ.get("SWITCHBOARD_POSTGRES")
        folder, logs = self.installation.folder, self.installation.logs
        if not kafka and (security := ServiceConfig().kafka_security) != "PLAINTEXT":
            raise Invalid(
                f"SWITCHBOARD_KAFKA_SECURITY={security} is for a Kafka of your own; name it: SWITCHBOARD_KAFKA"
            )
        if not kafka:
            broker = Kafka(folder / "kafka", port=self.options.kafka_port, log=logs / "kafka.log")
            kafka = broker.bootstrap
            self._servers["Kafka"] = broker
            stack.push_async_callback(broker.stop)
        if not postgres:
            server = Postgres(folder / "postgres", port=self.options.postgres_port, log=logs / "postgres.log")
            self._servers["PostgreSQL"] = server
            stack.push_async_callback(server.stop)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._prepare_kafka(kafka))
            desk = group.create_task(self._prepare_postgres(postgres, kafka, names, ports))
        return desk.result()

    async def _prepare_kafka(self, address: str) -> None:
        broker = self._servers.get("Kafka")
        if isinstance(broker, Kafka):
            with step("Kafka"):
                await broker.start(Download("Kafka's programs"))
        prefix = os.environ.get("SWITCHBOARD_TOPIC_PREFIX", "")
        with step("topics"):
            await make_topics(address, prefix=prefix, embedded=broker is not None, sync=self.options.sync)

    async def _prepare_postgres(self, address: str | None, kafka: str, names: list[str], ports: dict[str, int]) -> Desk:
        server = self._servers.get("PostgreSQL")
        if isinstance(server, Postgres):
            with step("PostgreSQL"):
                await server.start()
            address = server.dsn
        assert address is not None
        desk = self._make_desk(kafka, address, ports)
        with step("tables"):
            changed = await make_tables(desk, names)
        # An older database than its keys, or newer than them, shows by its tables; else the kept keys are those in it.
        if "gateway" in changed or ("gateway" in names and "admin_key" not in self.installation.access_keys()):
            with step("keys"):
                told = await output_of(desk, "services.gateway", "bootstrap", service="gateway")
                self.installation.keep_access_keys(keys_in(told))
        return desk

    def _make_desk(self, kafka: str, postgres: str, ports: dict[str, int]) -> Desk:
        blobs = os.environ.get("SWITCHBOARD_BLOBS")
        if not blobs:
            blobs = str(writable_folder(self.installation.folder / "blobs", 0o700))
        prefix = os.environ.get("SWITCHBOARD_TOPIC_PREFIX", "")
        more = demo.ALLOWED if self.options.demo else {}
        return Desk(kafka, postgres, blobs, self.installation.key(), ports, prefix, more)

    async def _start_customers(self, stack: AsyncExitStack, desk: Desk) -> None:
        """The far end of the demo's accounts, before anything is sent there."""
        if not demo.there():
            return
        self._customers = self._servers["customers"] = customers = Customers(desk, self.installation)
        stack.push_async_callback(customers.stop)
        with step("demo: its customers' side"):
            await customers.start()

    async def _start_services(self, stack: AsyncExitStack, desk: Desk) -> None:
        supervisor = Supervisor(desk, self.installation.logs, notice=self._notice, changed=self._write)
        self._supervisor = supervisor
        stack.push_async_callback(supervisor.stop)
        for name, server in self._servers.items():
            supervisor.also_keep(Kept(name.lower(), server.start, server.ended))
        with step(f"services: {', '.join(desk.ports) or 'none yet'}"):
            await supervisor.start()

    def _notice(self, words: str) -> None:
        out.print(f"[yellow]![/] {datetime.now(UTC):%H:%M:%S} {words}")
        self._write()

    def _write(self) -> None:
        desk, supervisor = self._desk, self._supervisor
        if desk is None or supervisor is None:
            return
        services = supervisor.services.values()
        pids = {name.lower(): server.pid for name, server in self._servers.items()}
        pids |= {service.name: service.process.pid for service in services if service.process.running}
        self.installation.write(
            Running(
                pid=os.getpid(),
                ready=self.ready,
                kafka=desk.kafka,
                postgres=desk.postgres,
                blobs=desk.blobs,
                topic_prefix=desk.topic_prefix,
                urls=desk.urls,
                started_at=self._started_at.isoformat(timespec="seconds"),
                pids=pids,
                restarting=[kept.name for kept in supervisor.kept if not kept.up],
                restarts={kept.name: kept.restarts for kept in supervisor.kept},
                customers=self._customers.place if self._customers else None,
            )
        )

    def _summary(self, desk: Desk) -> None:
        seconds = (datetime.now(UTC) - self._started_at).total_seconds()
        out.print(f"[green bold]The desk is ready[/] after {seconds:.1f} s.")
        for name, url in desk.urls.items():
            out.print(f"  {name:<10} {url}")
        for name, key in self.installation.access_keys().items():
            out.print(f"  {name.replace('_', ' '):<18} {key}")
        if self._customers is not None:
            out.print("  [dim]`switchboard agent` answers the demo's customers; what they got stands in[/]")
            out.print(f"  [dim]{self._customers.place['kept_in']}[/]")
        out.print(f"  [dim]data and logs in {self.installation.folder}; `switchboard status` shows how it goes[/]")

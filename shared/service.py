"""What every service is: consumers, relay, settings, loops and an HTTP API, started and drained together.

A service's main.py says what it consists of; nothing else reads the environment or builds objects.
"""

import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
from starlette.types import ASGIApp

from shared import ops
from shared.bus.batch import Batches, Handler
from shared.bus.consumer import Consumer
from shared.bus.context import Conclude, Context
from shared.bus.interest import OwnEvents
from shared.bus.producer import BusProducer
from shared.bus.relay import Relay
from shared.bus.settings import SettingsReader
from shared.bus.subscriptions import consume
from shared.clock import Clock, utc_now
from shared.config import ServiceConfig
from shared.contracts.topics import TOPICS
from shared.db.pool import create_pool, may_pass, transaction
from shared.telemetry import logs, trace
from shared.verify import Check, Find, Holders

log = logging.getLogger(__name__)

HEARTBEAT_MAX_S = 60
"""A loop silent for longer is dead: liveness fails and the supervisor starts the process anew."""

Loop = Callable[["Runtime"], Awaitable[None]]
Command = Callable[["Runtime", list[str]], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Service:
    """The parts of one service."""

    name: str
    config: type[ServiceConfig]
    handlers: Mapping[str, Handler] = field(default_factory=dict)
    api: Callable[["Runtime"], ASGIApp] | None = None
    loops: Sequence[Loop] = ()
    checks: Sequence[Check] = ()
    finds: Mapping[str, Find] = field(default_factory=dict)
    holders: Holders | None = None
    commands: Mapping[str, Command] = field(default_factory=dict)
    conclude: Conclude | None = None
    """What follows from the events of each unit of work, in its transaction."""
    public: bool = False
    """Whether strangers reach its port: then only probes are answered to everybody (shared/ops.py)."""

    @property
    def migrations(self) -> Path:
        """Where the service's own migrations are."""
        return Path(__file__).parent.parent / "services" / self.name / "migrations"

    def dsn(self, config: ServiceConfig) -> str:
        """The service's own database, where one is named, else the one for all."""
        return os.environ.get(f"SWITCHBOARD_POSTGRES_{self.name.upper()}") or config.postgres


class Runtime:
    """One running process of a service."""

    def __init__(
        self,
        service: Service,
        config: ServiceConfig,
        pool: asyncpg.Pool,
        clock: Clock = utc_now,
        own: OwnEvents | None = None,
    ) -> None:
        self.service = service
        self.config = config
        self.pool = pool
        self.clock = clock
        self.settings = SettingsReader(config, service.name)
        self.producer = BusProducer(config, service.name)
        self.relay = Relay(config, service.name, service.dsn(config), self.producer)
        self.own = own or OwnEvents(service.handlers)
        self.consumers = {name: self._consumer(name, handler) for name, handler in service.handlers.items()}
        self.draining = False
        self.started = False
        self.awaited: list[Callable[[], str | None]] = []
        """What else has to be so before requests may come; each says why it is not, or None."""
        self.app = ops.wrap(self, service.api(self) if service.api else None)

    def _consumer(self, name: str, handler: Handler) -> Consumer:
        batches = Batches(
            grp=f"{self.service.name}.{name}",
            topic=TOPICS[name],
            handler=handler,
            pool=self.pool,
            context=self.context,
            after_commit=self.relay.wake,
            own=self.own,
            settings=self.settings,
        )
        return Consumer(self.config, TOPICS[name], batches)

    def context(self) -> Context:
        """A new unit of work."""
        return Context(self.service.name, self.clock(), self.settings, self.own, self.config, self.service.conclude)

    @asynccontextmanager
    async def work(self) -> AsyncIterator[tuple[asyncpg.Connection, Context]]:
        """One transaction for a command or a timer, its events committed with it and relayed after it."""
        context = self.context()
        async with transaction(self.pool) as tx:
            yield tx, context
            await context.settle(tx)
            await context.flush(tx)
        if context.committed():
            self.relay.wake()

    def consumer(self, topic: str) -> Consumer:
        """The consumer of a topic."""
        return self.consumers[topic]

    def not_alive(self) -> str | None:
        """Why the process should be started anew, or None."""
        beats = {f"consumer {name}": consumer.heartbeat for name, consumer in self.consumers.items()}
        beats["relay"] = self.relay.heartbeat
        silent = [name for name, beat in beats.items() if time.monotonic() - beat > HEARTBEAT_MAX_S]
        return f"no heartbeat for {HEARTBEAT_MAX_S} s: {', '.join(silent)}" if self.started and silent else None

    def not_ready(self) -> str | None:
        """Why requests should go elsewhere, or None; never because of lag."""
        if self.draining:
            return "draining"
        if not self.settings.ready():
            return "settings are not read yet"
        if not self.started:
            return "starting"
        return next((why for wait in self.awaited if (why := wait()) is not None), None)

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then finish what is in hand."""
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        async with asyncio.TaskGroup() as group:
            server = ops.server(self)
            serving = group.create_task(server.serve())
            background = [group.create_task(self.settings.run()), group.create_task(self.relay.run())]
            background.append(group.create_task(ops.serve_inside(self)))
            background += [group.create_task(_forever(loop, self)) for loop in self.service.loops]
            consuming = group.create_task(consume(self.config, self.service.name, self.consumers, self._started))
            waiting = group.create_task(stop.wait())
            ending = {serving, waiting} | ({consuming} if self.consumers else set())  # with none it is done at once
            await asyncio.wait(ending, return_when=asyncio.FIRST_COMPLETED)
            await self._drain(consuming)
            server.should_exit = True
            waiting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await serving
            for task in background:
                task.cancel()
        await self.producer.stop()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.pool.close(), 5)

    def _started(self) -> None:
        self.started = True

    async def _drain(self, consuming: asyncio.Task[None]) -> None:
        """Stop fetching, finish the batch, commit, leave (architecture.md §5.6)."""
        self.draining = True
        if not self.started:
            consuming.cancel()
            return
        for consumer in self.consumers.values():
            consumer.stopping.set()
        done, _ = await asyncio.wait({consuming}, timeout=self.config.drain_s)
        if not done:
            log.warning("the batch in hand did not finish in time; it will be handled again")
            consuming.cancel()


async def _forever(loop: Loop, runtime: Runtime) -> None:
    """Run a background loop; where the database or Kafka is away it begins again, a bug ends the process."""
    pause = 0.1
    while True:
        started = time.monotonic()
        try:
            await loop(runtime)
            return
        except Exception as error:
            if not may_pass(error):
                raise
            log.warning("loop begins again", extra={"loop": loop.__name__, "error": f"{type(error).__name__}: {error}"})
        pause = 0.1 if time.monotonic() - started > 10 else min(pause * 2, 5)
        await asyncio.sleep(pause)


@asynccontextmanager
async def prepared(service: Service, config: ServiceConfig | None = None) -> AsyncIterator[Runtime]:
    """A runtime that is not running yet, for commands that need the pool."""
    config = config or service.config()
    own = OwnEvents(service.handlers)
    pool = await create_pool(service.dsn(config), service.name, init=own.reconnected)
    runtime = Runtime(service, config, pool, own=own)
    try:
        yield runtime
    finally:
        pool.terminate()


async def serve(service: Service) -> int:
    """Run the service until it is told to stop."""
    config = service.config()
    logs.configure(service.name, config.log_level)
    trace.configure(service.name)
    async with prepared(service, config) as runtime:
        await runtime.run()
    return 0


def main(service: Service, arguments: Sequence[str] | None = None) -> None:
    """`python -m services.<name> [command]`: serve, or one of the commands every service has."""
    import uvloop  # noqa: PLC0415 - not on every platform that reads our contracts

    from shared import commands  # noqa: PLC0415 - commands import this module

    argv = list(sys.argv[1:] if arguments is None else arguments)
    raise SystemExit(uvloop.run(commands.run(service, argv)))


__all__ = ["Runtime", "Service", "main"]

"""The kinds of trouble: each breaks a running desk once and puts things back so that it can recover by itself."""

import random
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from prometheus_client.parser import text_string_to_metric_families

from tests.desk import Desk, ServiceProcess
from tests.eventually import eventually
from tests.integration.campaign import database, kafka_state, log_tail

TOPICS = ("inbound-messages", "ticket-events")


class Flow(Protocol):
    """What a fault may ask of the traffic that runs meanwhile."""

    async def hold(self) -> None:
        """Send nothing new, and return when all that was accepted has been handled."""

    async def surge(self, count: int) -> None:
        """Send so many more now."""

    def go_on(self) -> None:
        """Send steadily again."""

    async def some(self, count: int) -> None:
        """Return when so many more have been accepted."""


@dataclass
class Scene:
    """A running desk and who works for it; `modules` in the order in which records pass through them."""

    desk: Desk
    modules: tuple[str, ...]
    groups: dict[str, str]
    """Module → one of its consumer groups, without prefix."""
    rng: random.Random
    flow: Flow
    edges: frozenset[str] = frozenset()
    """Modules without which nothing is accepted: senders have to try again."""
    fronts: tuple[str, ...] = ()
    """Modules that consume nothing in a group; they are killed like the others."""

    def process(self, module: str) -> ServiceProcess:
        """The running process of a module."""
        return self.desk.processes[module.rpartition(".")[2]]


Fault = Callable[[Scene], Awaitable[None]]


async def kill_service(scene: Scene) -> None:
    """kill -9 of each service, in turn, and start it again."""
    modules = (*scene.modules, *scene.fronts)
    for module in scene.rng.sample(modules, len(modules)):
        process = scene.process(module)
        process.kill()
        if module not in scene.edges:
            await scene.flow.some(20)
        process.start()
        await process.ready()


async def kill_kafka(scene: Scene) -> None:
    """kill -9 of the broker."""
    await scene.desk.stack.kill_kafka()
    await scene.desk.stack.start_kafka()
    await scene.flow.some(20)


async def kill_postgres(scene: Scene) -> None:
    """kill -9 of the postmaster; its backends die with it."""
    await scene.desk.stack.kill_postgres()
    await scene.flow.some(20)
    await scene.desk.stack.start_postgres()


async def freeze_service(scene: Scene) -> None:
    """SIGSTOP beyond the session timeout while a second replica takes over, then SIGCONT: two that think they own."""
    module = scene.rng.choice(scene.modules)
    await scene.desk.start(f"{module}#2")
    scene.process(module).signal(signal.SIGSTOP)
    try:
        await _members(scene, module, 1)
        await scene.flow.some(20)
    finally:
        scene.process(module).signal(signal.SIGCONT)
    await _members(scene, module, 2)
    scene.desk.stop([f"{module}#2".rpartition(".")[2]])


async def scale(scene: Scene) -> None:
    """Two more replicas join; one leaves in order, one is killed."""
    module = scene.rng.choice(scene.modules)
    await scene.desk.start(f"{module}#2", f"{module}#3")
    await scene.flow.some(20)
    scene.desk.stop([f"{module}#2".rpartition(".")[2]])
    await scene.flow.some(20)
    scene.process(f"{module}#3").kill()
    scene.desk.stop([f"{module}#3".rpartition(".")[2]])


async def restore_database(scene: Scene) -> None:
    """The database goes back to an earlier state under running services."""
    rewinds = await _rewinds(scene, "database-restored")
    copy = await database.snapshot(scene.desk)
    await _handled_more(scene, 100)
    await database.restore(scene.desk, copy)
    await rewinds.more()


async def cut_log(scene: Scene) -> None:
    """The log loses its tail, and has grown again past its old end before the services look at it."""
    await scene.flow.some(100)
    await scene.flow.hold()
    rewinds = await _rewinds(scene, "log-replaced")
    desk = scene.desk
    before = await kafka_state.ends(desk, list(TOPICS))
    for module in scene.modules:
        scene.process(module).signal(signal.SIGSTOP)
    await desk.stack.kill_kafka()
    for topic in TOPICS:
        folders = log_tail.partitions(desk.stack.kafka.directory / "data", desk.prefix + topic)
        for folder in scene.rng.sample(folders, max(1, len(folders) // 2)):
            log_tail.cut(folder, scene.rng.randint(1, 60))
    await desk.stack.start_kafka()
    await _outgrown(scene, TOPICS[0], before)
    first, *others = scene.modules
    scene.process(first).signal(signal.SIGCONT)
    await _outgrown(scene, TOPICS[1], before)
    for module in others:
        scene.process(module).signal(signal.SIGCONT)
    scene.flow.go_on()
    await rewinds.more()


async def recreate_topic(scene: Scene) -> None:
    """A topic is deleted and made again under running services."""
    await scene.flow.some(100)
    await scene.flow.hold()
    rewinds = await _rewinds(scene, "log-truncated", "log-replaced")
    topic = scene.rng.choice(TOPICS)
    partitions = sum(name == topic for name, _ in await kafka_state.ends(scene.desk, [topic]))
    await kafka_state.recreate(scene.desk, topic, partitions)
    scene.flow.go_on()
    await rewinds.more()


@dataclass
class _Rewinds:
    """How often services have gone back so far for these causes; more of them prove that a fault has struck."""

    scene: Scene
    causes: tuple[str, ...]
    so_far: float = 0

    async def count(self) -> float:
        texts = [await self.scene.desk.metrics(module.rpartition(".")[2]) for module in self.scene.modules]
        return sum(
            sample.value
            for text in texts
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == "switchboard_rewinds_total" and sample.labels["cause"] in self.causes
        )

    async def more(self) -> None:
        async def said() -> bool:
            return await self.count() > self.so_far

        await eventually(said, timeout_s=40, what=f"a service that went back because of {' or '.join(self.causes)}")


async def _rewinds(scene: Scene, *causes: str) -> _Rewinds:
    rewinds = _Rewinds(scene, causes)
    rewinds.so_far = await rewinds.count()
    return rewinds


async def _handled_more(scene: Scene, count: int) -> None:
    """Wait until every service has handled so many more records."""

    async def handled(module: str) -> int:
        connection = await scene.desk.connect(module.rpartition(".")[2])
        try:
            return int(await connection.fetchval("select coalesce(sum(next_offset), 0)::int from consumed"))
        finally:
            await connection.close()

    before = {module: await handled(module) for module in scene.modules}

    async def all_more() -> bool:
        return all([await handled(module) >= before[module] + count for module in scene.modules])

    await eventually(all_more, timeout_s=40, what=f"{count} more handled records of each service")


async def _members(scene: Scene, module: str, count: int) -> None:
    async def so_many() -> bool:
        scene.desk.supervise()  # a process may give up on a client that was frozen
        return await kafka_state.members(scene.desk, scene.groups[module]) == count

    await eventually(so_many, timeout_s=40, what=f"a group of {count} for {module}")


async def _outgrown(scene: Scene, topic: str, before: dict[tuple[str, int], int]) -> None:
    """Let traffic come until the topic is as long as before: other records stand at offsets that readers know then.

    How much was cut depends on the sizes of batches, and where messages go on their keys, so that no number will do.
    """
    until = time.monotonic() + 40
    while True:
        now = await kafka_state.ends(scene.desk, [topic])
        short = {place: end for place, end in now.items() if end < before[place]}
        if not short:
            return
        assert time.monotonic() < until, f"{topic} has not grown again: {short} of {before}"
        await scene.flow.surge(100)


FAULTS: dict[str, Fault] = {
    "kill-service": kill_service,
    "kill-kafka": kill_kafka,
    "kill-postgres": kill_postgres,
    "freeze-service": freeze_service,
    "scale": scale,
    "restore-database": restore_database,
    "cut-log": cut_log,
    "recreate-topic": recreate_topic,
}

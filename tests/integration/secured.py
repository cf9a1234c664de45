"""Kafka and PostgreSQL that take nobody in without TLS, a certificate or a log-in, as servers of one's own do."""

import asyncio
import ssl
import struct
from pathlib import Path

from switchboard.embedded.kafka import CLUSTER_ID, Kafka
from switchboard.embedded.ports import HOST
from switchboard.embedded.postgres import Postgres
from switchboard.embedded.process import ServerProcess
from tests.certificates import Authority
from tests.desk import free_port
from tests.stack import Stack

USER, PASSWORD = "desk", "the-desk's-password"
_SSL_REQUEST = struct.pack("!ii", 8, 80877103)

_LISTENERS = """
listeners=PLAINTEXT://{host}:{plain},CONTROLLER://{host}:{controller},SSL://{host}:{tls},LOGIN://{host}:{login}
advertised.listeners=PLAINTEXT://{host}:{plain},SSL://{host}:{tls},LOGIN://{host}:{login}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SSL:SSL,LOGIN:SASL_SSL
ssl.keystore.type=PEM
ssl.keystore.location={folder}/kafka.keystore
ssl.truststore.type=PEM
ssl.truststore.location={folder}/authority.pem
listener.name.ssl.ssl.client.auth=required
listener.name.login.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.login.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule \
  required user_{user}="{password}";
listener.name.login.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.login.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
"""


class SecuredKafka(Kafka):
    """One listener that asks for a certificate, one that asks for a log-in; the plain one is the test's own door."""

    def __init__(self, directory: Path, certificates: Path) -> None:
        super().__init__(directory)
        self._certificates = certificates
        self.tls, self.login = f"{HOST}:{free_port()}", f"{HOST}:{free_port()}"

    def _configure(self) -> Path:
        properties = super()._configure()
        controller = (self.directory / "controller_port").read_text().strip()
        more = _LISTENERS.format(
            host=HOST, plain=self.bootstrap.rpartition(":")[2], controller=controller,
            tls=self.tls.rpartition(":")[2], login=self.login.rpartition(":")[2],
            folder=self._certificates, user=USER, password=PASSWORD,
        )  # fmt: skip
        properties.write_text(properties.read_text() + more)
        return properties

    async def _format(self, java: list[str | Path], properties: Path) -> None:
        scram = [f"SCRAM-SHA-{size}=[name={USER},password={PASSWORD}]" for size in (256, 512)]
        users = [word for one in scram for word in ("--add-scram", one)]
        formatter = ServerProcess("Kafka's storage format", self.directory / "format.log")
        await formatter.spawn([*java, "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", properties, *users])
        assert await formatter.ended() == 0, (self.directory / "format.log").read_text()


class TlsDoor:
    """Speaks TLS before PostgreSQL, whose embedded build has none: asks for it, and for a certificate, then passes on.

    The request for TLS is the protocol's own (PostgreSQL documentation, 54.2.11 SSL Session Encryption).
    """

    def __init__(self, server: Postgres, authority: Authority) -> None:
        self._server = server
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(*authority.sign("postgres", address=HOST))
        self._context.load_verify_locations(authority.file)
        self._context.verify_mode = ssl.CERT_REQUIRED
        self._listener: asyncio.Server | None = None
        self.port = free_port()
        self.in_the_clear = 0
        """Connections that did not ask for TLS; they are closed."""

    async def open(self) -> None:
        self._listener = await asyncio.start_server(self._answer, HOST, self.port)

    def close(self) -> None:
        assert self._listener is not None
        self._listener.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if await reader.readexactly(8) != _SSL_REQUEST:
                self.in_the_clear += 1
                return
            writer.write(b"S")
            await writer.start_tls(self._context)
            theirs, ours = await asyncio.open_connection(HOST, self._server.port)
            await asyncio.gather(_pass_on(reader, ours), _pass_on(theirs, writer))
        except (OSError, EOFError):
            pass
        finally:
            writer.close()


async def _pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while some := await source.read(65536):
            sink.write(some)
            await sink.drain()
    finally:
        sink.close()


class SecuredStack(Stack):
    """Both, with an authority that signed for 127.0.0.1 and for the desk."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.authority = Authority(directory)
        self.authority.sign("kafka", address=HOST, keystore=True)
        self.certificate, self.key = self.authority.sign("desk")
        self.kafka: SecuredKafka = SecuredKafka(self.directory / "kafka", directory)
        self.postgres = Postgres(self.directory / "postgres", port=free_port())
        self.door = TlsDoor(self.postgres, self.authority)

    async def _start(self) -> None:
        await super()._start()
        await self.door.open()

    async def _stop(self) -> None:
        self.door.close()
        await super()._stop()

    def tls_dsn(self, database: str, *, mode: str = "verify-full", authority: Path | None = None) -> str:
        """Over TLS, with the desk's certificate."""
        files = f"sslrootcert={authority or self.authority.file}&sslcert={self.certificate}&sslkey={self.key}"
        user = self.postgres.tcp_dsn.partition("@")[0]
        return f"{user}@{HOST}:{self.door.port}/{database}?sslmode={mode}&{files}"

    def login(self, mechanism: str = "SCRAM-SHA-512") -> dict[str, str]:
        """The environment of a desk that logs in to Kafka."""
        return {
            "SWITCHBOARD_KAFKA": self.kafka.login,
            "SWITCHBOARD_KAFKA_SECURITY": "SASL_SSL",
            "SWITCHBOARD_KAFKA_CA": str(self.authority.file),
            "SWITCHBOARD_KAFKA_MECHANISM": mechanism,
            "SWITCHBOARD_KAFKA_USER": USER,
            "SWITCHBOARD_KAFKA_PASSWORD": PASSWORD,
        }

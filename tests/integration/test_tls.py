"""A desk on a Kafka and a PostgreSQL that want TLS, certificates and log-ins, and what it refuses to trust."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest
from aiokafka.errors import KafkaError

from shared.bus import kafka
from shared.config import ServiceConfig
from shared.db.pool import connection, create_pool
from tests.certificates import Authority
from tests.desk import Desk
from tests.eventually import eventually
from tests.integration.secured import SecuredStack


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredStack]:
    stack = SecuredStack(tmp_path_factory.mktemp("certificates"))
    stack.start()
    yield stack
    stack.stop()


def configured(monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str]) -> ServiceConfig:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return ServiceConfig()


async def reaches(config: ServiceConfig) -> bool:
    producer = kafka.producer(config, "test", timeout_s=5)
    try:
        await producer.start()
    except KafkaError:
        return False
    finally:
        await producer.stop()
    return True


async def test_a_desk_migrates_and_works_over_log_in_and_tls_alone(secured: SecuredStack) -> None:
    database = await secured.create_database()
    environment = {
        **secured.login(),
        "SWITCHBOARD_POSTGRES": secured.tls_dsn(database),
        "SWITCHBOARD_LOG_LEVEL": "DEBUG",
    }
    desk = Desk(secured, database, "secured.", environment)
    assert (await desk.run("switchboard", "migrate"))[0] == 0
    code, told = await desk.run("services.gateway", "bootstrap")
    assert code == 0
    assert json.loads(told)["admin_key"]
    try:
        await desk.start("services.gateway", "services.tickets")
        await eventually(lambda: knows_the_workspace(desk), timeout_s=20)
        assert secured.door.in_the_clear == 0
        password = secured.tls_dsn(database).split(":")[2].partition("@")[0]
        for process in desk.processes.values():
            assert environment["SWITCHBOARD_KAFKA_PASSWORD"] not in process.log.read_text()
            assert password not in process.log.read_text()
    finally:
        desk.stop()


async def knows_the_workspace(desk: Desk) -> bool:
    """What the gateway wrote, its relay sent and the tickets' reader took: all of it over TLS."""
    async with httpx.AsyncClient() as client:
        return "main/workspace/main" in (await client.get(f"{desk.url('tickets')}/internal/settings")).json()


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256"])
async def test_kafka_is_logged_in_to(secured: SecuredStack, monkeypatch: pytest.MonkeyPatch, mechanism: str) -> None:
    assert await reaches(configured(monkeypatch, secured.login(mechanism)))


async def test_kafka_is_shown_our_certificate(secured: SecuredStack, monkeypatch: pytest.MonkeyPatch) -> None:
    trusting = {"SWITCHBOARD_KAFKA": secured.kafka.tls, "SWITCHBOARD_KAFKA_SECURITY": "SSL"}
    ours = {"SWITCHBOARD_KAFKA_CERT": str(secured.certificate), "SWITCHBOARD_KAFKA_KEY": str(secured.key)}
    trusting["SWITCHBOARD_KAFKA_CA"] = str(secured.authority.file)
    assert not await reaches(configured(monkeypatch, trusting))
    assert await reaches(configured(monkeypatch, {**trusting, **ours}))


async def test_a_broker_of_another_authority_is_not_talked_to(
    secured: SecuredStack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = Authority(tmp_path, "other")
    config = configured(monkeypatch, {**secured.login(), "SWITCHBOARD_KAFKA_CA": str(other.file)})
    assert not await reaches(config)


async def test_a_wrong_password_is_not_let_in(secured: SecuredStack, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not await reaches(configured(monkeypatch, {**secured.login(), "SWITCHBOARD_KAFKA_PASSWORD": "wrong"}))


async def asks(dsn: str) -> bool:
    pool = await create_pool(dsn, "tickets")
    try:
        async with connection(pool) as one:
            return bool(await one.fetchval("select true"))
    finally:
        await pool.close()


async def test_the_database_is_checked_against_the_named_authority_and_name(
    secured: SecuredStack, tmp_path: Path
) -> None:
    good = secured.tls_dsn("postgres")
    assert await asks(good)
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        await asks(secured.tls_dsn("postgres", authority=Authority(tmp_path, "other").file))
    with pytest.raises(OSError, match=r"CERTIFICATE_VERIFY_FAILED.*localhost"):
        await asks(good.replace("@127.0.0.1:", "@localhost:"))

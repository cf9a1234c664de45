"""Brings Kafka's topics and every service's tables to this version; `up` does it at each start."""

import asyncio

import asyncpg
from aiokafka.errors import KafkaError

from shared.bus import kafka, topics
from shared.config import ServiceConfig
from shared.db.migrations import RUNTIME, read
from shared.errors import BusUnavailable, StoreUnavailable
from switchboard.commands import output_of
from switchboard.flush import set_flush
from switchboard.services import ROOT, Desk


async def migrate(desk: Desk, services: list[str]) -> list[str]:
    """Topics and all tables at once, on servers that are not ours; gives the topics made now."""
    async with asyncio.TaskGroup() as group:
        made = group.create_task(make_topics(desk.kafka, prefix=desk.topic_prefix, embedded=False))
        group.create_task(make_tables(desk, services))
    return made.result()


async def make_tables(desk: Desk, services: list[str]) -> list[str]:
    """Let each service whose schema is behind bring it to this version; gives their names.

    Looking first spares a start of each service's process: on one machine that is most of a second `up`.
    """
    behind = [name for name in services if await _is_behind(desk, name)]
    async with asyncio.TaskGroup() as group:
        for name in behind:
            group.create_task(output_of(desk, f"services.{name}", "migrate", service=name), name=name)
    return behind


async def _is_behind(desk: Desk, service: str) -> bool:
    folder = ROOT / "services" / service / "migrations"
    wanted = {one.name: one.checksum for one in (*read(RUNTIME, "runtime"), *read(folder, service))}
    try:
        connection = await asyncpg.connect(desk.postgres_of(service), timeout=10)
    except (OSError, asyncpg.PostgresError, TimeoutError) as error:
        raise StoreUnavailable(
            f"PostgreSQL of {service} could not be asked: {error or type(error).__name__}"
        ) from error
    try:
        rows = await connection.fetch(f'select name, checksum from "{service}".migrations')  # noqa: S608 - a folder's name
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
        return True
    finally:
        await connection.close()
    return {row["name"]: row["checksum"] for row in rows} != wanted


async def make_topics(address: str, *, prefix: str, embedded: bool, sync: bool = False) -> list[str]:
    """Make the topics that are missing; a broker of our own has few partitions, and flushes as `sync` says."""
    layout = topics.EMBEDDED if embedded else topics.CLUSTER
    security = {} if embedded else kafka.security(ServiceConfig())
    try:
        made = await topics.create(address, prefix=prefix, layout=layout, security=security)
        if embedded:  # what somebody else's broker flushes is his to decide
            await set_flush(address, prefix=prefix, sync=sync)
    except KafkaError as error:
        raise BusUnavailable(f"Kafka at {address} could not be asked for topics: {error!r}") from error
    return made

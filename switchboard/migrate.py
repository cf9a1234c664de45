"""Brings Kafka's topics and every service's tables to this version; `up` does it at each start."""

import asyncio

from aiokafka.errors import KafkaError

from shared.bus import topics
from shared.errors import BusUnavailable
from switchboard.commands import output_of
from switchboard.flush import set_flush
from switchboard.services import Desk


async def migrate(desk: Desk, services: list[str]) -> list[str]:
    """Topics and all tables at once, on servers that are not ours; gives the topics made now."""
    async with asyncio.TaskGroup() as group:
        made = group.create_task(make_topics(desk.kafka, prefix=desk.topic_prefix, embedded=False))
        group.create_task(make_tables(desk, services))
    return made.result()


async def make_tables(desk: Desk, services: list[str]) -> None:
    """Let each service bring its own schema to this version."""
    async with asyncio.TaskGroup() as group:
        for name in services:
            group.create_task(output_of(desk, f"services.{name}", "migrate", service=name), name=name)


async def make_topics(kafka: str, *, prefix: str, embedded: bool, sync: bool = False) -> list[str]:
    """Make the topics that are missing; a broker of our own has few partitions, and flushes as `sync` says."""
    layout = topics.EMBEDDED if embedded else topics.CLUSTER
    try:
        made = await topics.create(kafka, prefix=prefix, layout=layout)
        if embedded:  # what somebody else's broker flushes is his to decide
            await set_flush(kafka, prefix=prefix, sync=sync)
    except KafkaError as error:
        raise BusUnavailable(f"Kafka at {kafka} could not be asked for topics: {error!r}") from error
    return made

"""Brings Kafka's topics and every service's tables to this version; `up` does it at each start."""

import asyncio

from shared.bus import topics
from switchboard.commands import output_of
from switchboard.flush import set_flush
from switchboard.services import Desk


async def migrate(desk: Desk, services: list[str], *, embedded: bool, sync: bool = False) -> list[str]:
    """Topics and all schemas at once; gives the topics made now. Running it again changes nothing."""
    async with asyncio.TaskGroup() as group:
        made = group.create_task(_make_topics(desk, embedded=embedded, sync=sync), name="topics")
        for name in services:
            group.create_task(output_of(desk, f"services.{name}", "migrate", service=name), name=name)
    return made.result()


async def _make_topics(desk: Desk, *, embedded: bool, sync: bool) -> list[str]:
    layout = topics.EMBEDDED if embedded else topics.CLUSTER
    made = await topics.create(desk.kafka, prefix=desk.topic_prefix, layout=layout)
    if embedded:  # what somebody else's broker flushes is his to decide
        await set_flush(desk.kafka, prefix=desk.topic_prefix, sync=sync)
    return made

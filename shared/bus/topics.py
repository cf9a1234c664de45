"""Topics are created by `switchboard migrate`, never by the way (architecture.md §4)."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import NodeNotReadyError, TopicAlreadyExistsError, for_code

from shared.contracts.topics import TOPICS, Topic


@dataclass(frozen=True, slots=True)
class Layout:
    """How many partitions a topic gets: 760 partitions took an embedded broker 13 s to come back from kill -9."""

    busy: int
    quiet: int


CLUSTER = Layout(busy=12, quiet=3)
EMBEDDED = Layout(busy=4, quiet=1)
REGISTERED_WITHIN_S = 30.0
"""A broker that was frozen, or has only just started, answers before its cluster counts it as there."""


async def create(
    bootstrap: str,
    *,
    prefix: str = "",
    layout: Layout,
    flush_each: bool = False,
    security: Mapping[str, Any] | None = None,
) -> list[str]:
    """Create what is missing and give its names; RF = min(3, brokers), min.insync.replicas = max(1, RF - 1).

    `flush_each` sets flush.messages=1 on the topics that acknowledge customers: a power cut loses nothing either.
    `security` is what `kafka.security` says; without it the broker is spoken to in the clear.
    """
    until = time.monotonic() + REGISTERED_WITHIN_S
    while True:
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=15_000, **(security or {}))
        try:
            await admin.start()
            return await _create(admin, prefix, layout, flush_each=flush_each)
        except NodeNotReadyError:
            if time.monotonic() > until:
                raise
        finally:
            await admin.close()
        await asyncio.sleep(0.2)


async def _create(admin: AIOKafkaAdminClient, prefix: str, layout: Layout, *, flush_each: bool) -> list[str]:
    replicas = min(3, len((await admin.describe_cluster())["brokers"]))
    if not replicas:
        raise NodeNotReadyError("the cluster counts no broker as there")
    existing = set(await admin.list_topics())
    missing = [topic for topic in TOPICS.values() if prefix + topic.name not in existing]
    if missing:
        made = [_new(topic, prefix, layout, replicas, flush_each=flush_each) for topic in missing]
        _check(await admin.create_topics(made))
    return [prefix + topic.name for topic in missing]


def _check(answer: object) -> None:
    for name, code, *message in answer.topic_errors:  # type: ignore[attr-defined]
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            raise error(f"topic {name} could not be created: {message}")


def _new(topic: Topic, prefix: str, layout: Layout, replicas: int, *, flush_each: bool) -> NewTopic:
    settings = {"min.insync.replicas": str(max(1, replicas - 1)), "message.timestamp.type": "CreateTime"}
    if topic.compacted:
        settings |= {"cleanup.policy": "compact", "max.compaction.lag.ms": "86400000"}
    elif topic.retention is None:
        settings |= {"retention.ms": "-1", "retention.bytes": "-1"}
    else:
        settings |= {"retention.ms": str(int(topic.retention.total_seconds() * 1000))}
    if flush_each and topic.owner == "ingest":
        settings["flush.messages"] = "1"
    partitions = layout.busy if topic.busy else layout.quiet
    return NewTopic(prefix + topic.name, partitions, replicas, topic_configs=settings)

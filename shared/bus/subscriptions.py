"""FastStream's part: it declares who reads which topic and owns the connections; what is read goes to our loops."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from typing import Any, cast

from faststream.kafka import KafkaBroker
from faststream.kafka.subscriber.usecase import LogicSubscriber
from faststream.middlewares import AckPolicy

from shared.bus.consumer import Consumer
from shared.bus.fetch import ClientLost
from shared.bus.kafka import broker_security
from shared.config import ServiceConfig

log = logging.getLogger(__name__)

Declared = tuple[KafkaBroker, dict[str, LogicSubscriber[Any]]]
"""The broker and the subscriber of each topic; the broker itself keeps them in no order."""

REQUEST_TIMEOUT_S = 20
METADATA_MAX_AGE_S = 10
"""Topics and partitions that somebody made meanwhile are found so soon."""
LEAVE_S = 5
"""A process that ends does not wait longer for Kafka to let it go; its session runs out."""


async def consume(
    config: ServiceConfig, service: str, consumers: Mapping[str, Consumer], started: Callable[[], None]
) -> None:
    """Connect the consumers, however long Kafka stays away, and run them until each is told to stop."""
    broker, subscribers = await _connected(config, service, consumers)
    started()
    try:
        async with asyncio.TaskGroup() as group:
            for name, consumer in consumers.items():
                group.create_task(_keep(consumer, subscribers[name]))
    finally:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(broker.stop(), LEAVE_S)


def declare(config: ServiceConfig, service: str, consumers: Mapping[str, Consumer]) -> Declared:
    """Groups, listeners, connections. Subscribers have no handler, the loop is ours."""
    broker = KafkaBroker(
        config.kafka.split(","),
        security=broker_security(config),
        client_id=f"switchboard-{service}",
        consumer_only=True,
        allow_auto_create_topics=False,
        request_timeout_ms=REQUEST_TIMEOUT_S * 1000,
        metadata_max_age_ms=METADATA_MAX_AGE_S * 1000,
        logger=None,
    )
    subscribers = {
        name: broker.subscriber(
            config.topic_prefix + name,
            group_id=f"{config.topic_prefix}{service}.{name}",
            listener=consumer.source,
            auto_offset_reset="none",
            ack_policy=AckPolicy.MANUAL,
            session_timeout_ms=int(config.session_timeout_s * 1000),
            heartbeat_interval_ms=int(config.session_timeout_s * 200),
            max_partition_fetch_bytes=2 * 1024 * 1024,
        )
        for name, consumer in consumers.items()
    }
    return broker, cast("dict[str, LogicSubscriber[Any]]", subscribers)


async def _connected(config: ServiceConfig, service: str, consumers: Mapping[str, Consumer]) -> Declared:
    pause = 0.1
    while True:
        broker, subscribers = declare(config, service, consumers)
        try:
            await broker.start()
            return broker, subscribers
        except Exception as error:  # noqa: BLE001 - whatever keeps Kafka away, we wait for it
            log.warning("waiting for Kafka", extra={"error": f"{type(error).__name__}: {error}"})
            with contextlib.suppress(Exception):
                await broker.stop()
        await asyncio.sleep(pause)
        pause = min(pause * 2, 2)


async def _keep(consumer: Consumer, subscriber: LogicSubscriber[Any]) -> None:
    """Run the consumer; a client that can no longer go on is replaced under it."""
    while not consumer.stopping.is_set():
        try:
            await consumer.run(subscriber.consumer)
        except ClientLost as lost:
            log.warning("Kafka client is replaced", extra={"topic": consumer.topic.name, "cause": str(lost)})
            await _renew(consumer, subscriber)


async def _renew(consumer: Consumer, subscriber: LogicSubscriber[Any]) -> None:
    """Stop the old client and start a new one, however long that takes.

    An old one that does not end would keep its partitions for ever: then this raises, and the process ends with it.
    """
    async with asyncio.timeout(REQUEST_TIMEOUT_S + LEAVE_S):
        await subscriber.stop()
    pause = 0.1
    while not consumer.stopping.is_set():
        consumer.beat()
        try:
            await subscriber.start()
            return
        except Exception as error:  # noqa: BLE001 - whatever keeps Kafka away, we wait for it
            log.warning("waiting for Kafka", extra={"error": f"{type(error).__name__}: {error}"})
            with contextlib.suppress(Exception):
                await subscriber.stop()
        await asyncio.sleep(pause)
        pause = min(pause * 2, 2)

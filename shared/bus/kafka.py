"""How we connect to Kafka, said once for consumers, producers and readers."""

from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from shared.config import ServiceConfig
from shared.contracts.envelope import MAX_RECORD_BYTES

MAX_REQUEST_BYTES = 4 * MAX_RECORD_BYTES
FETCH_BYTES = 4 * MAX_RECORD_BYTES


def connection(config: ServiceConfig, name: str) -> dict[str, Any]:
    """The arguments every client shares."""
    return {"bootstrap_servers": config.kafka, "client_id": f"switchboard-{name}"}


def producer(config: ServiceConfig, name: str, *, timeout_s: float) -> AIOKafkaProducer:
    """An idempotent producer that waits for all replicas; `timeout_s` bounds a delivery."""
    return AIOKafkaProducer(
        **connection(config, name),
        enable_idempotence=True,
        acks="all",
        linger_ms=0,
        max_batch_size=256 * 1024,
        max_request_size=MAX_REQUEST_BYTES,
        request_timeout_ms=int(timeout_s * 1000),
        retry_backoff_ms=50,
        metadata_max_age_ms=60_000,
    )


def tail(config: ServiceConfig, name: str) -> AIOKafkaConsumer:
    """A consumer without a group, for those who read a topic as a whole."""
    return AIOKafkaConsumer(
        **connection(config, f"{name}-{uuid4().hex[:8]}"),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=FETCH_BYTES,
        retry_backoff_ms=100,
        metadata_max_age_ms=60_000,
    )

"""How we connect to Kafka, said once for consumers, producers and readers."""

import ssl
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from shared.config import ServiceConfig
from shared.contracts.envelope import MAX_RECORD_BYTES
from shared.errors import BusUnavailable
from shared.tls import client_context

MAX_REQUEST_BYTES = 4 * MAX_RECORD_BYTES
FETCH_BYTES = 4 * MAX_RECORD_BYTES


def connection(config: ServiceConfig, name: str) -> dict[str, Any]:
    """The arguments every client shares."""
    return {"bootstrap_servers": config.kafka, "client_id": f"switchboard-{name}", **security(config)}


def security(config: ServiceConfig) -> dict[str, Any]:
    """How a client of aiokafka proves itself and whom it trusts; files are read anew for each client."""
    if config.kafka_security == "PLAINTEXT":
        return {}
    context, password = _proof(config)
    arguments: dict[str, Any] = {"security_protocol": config.kafka_security, "ssl_context": context}
    if config.kafka_sasl:
        arguments["sasl_mechanism"] = config.kafka_mechanism
        arguments["sasl_plain_username"] = config.kafka_user
        arguments["sasl_plain_password"] = password
    return arguments


_LOGIN = {"PLAIN": SASLPlaintext, "SCRAM-SHA-256": SASLScram256, "SCRAM-SHA-512": SASLScram512}


def broker_security(config: ServiceConfig) -> BaseSecurity | None:
    """The same for a broker of FastStream, which has a class for each way."""
    if config.kafka_security == "PLAINTEXT":
        return None
    context, password = _proof(config)
    if config.kafka_mechanism is None:
        return BaseSecurity(ssl_context=context)
    return _LOGIN[config.kafka_mechanism](config.kafka_user, password, ssl_context=context)


def _proof(config: ServiceConfig) -> tuple[ssl.SSLContext | None, str]:
    """TLS and password as their files are now: they were right at the start, so what is wrong now may pass."""
    try:
        context = client_context(config.kafka_ca, config.kafka_cert, config.kafka_key) if config.kafka_tls else None
        return context, config.sasl_password() if config.kafka_sasl else ""
    except ValueError as error:
        raise BusUnavailable(str(error)) from None


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

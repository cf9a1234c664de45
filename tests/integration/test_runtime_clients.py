"""Kafka clients fail in ways of their own: what fails is replaced, and what was replaced does nothing more."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.bus import fetch
from shared.bus.batch import Forgotten
from shared.bus.fetch import Source
from shared.bus.producer import BusProducer
from shared.bus.subscriptions import consume
from shared.config import ServiceConfig
from shared.db.pool import connection
from shared.errors import BusUnavailable
from shared.service import prepared
from tests.integration.pair.first import SERVICE
from tests.integration.pair.running import FIRST, SECOND, Pair, message


@pytest.fixture
async def pair(make_desk) -> AsyncIterator[Pair]:
    running = Pair(await make_desk())
    for module in (FIRST, SECOND):
        await running.desk.run(module, "migrate")
    await running._producer.start()
    yield running
    await running.close()


@pytest.fixture
def config(pair: Pair) -> ServiceConfig:
    return ServiceConfig(
        kafka=pair.desk.stack.kafka.bootstrap, postgres=pair.desk.dsn, topic_prefix=pair.desk.prefix, _env_file=None
    )


@pytest.fixture
async def source(pair: Pair, config: ServiceConfig) -> AsyncIterator[Source]:
    """The first service's consumer at work in this process, so that its client can be broken."""
    async with prepared(SERVICE, config) as runtime:
        consumer = runtime.consumers["inbound-messages"]
        consuming = asyncio.create_task(consume(config, "first", runtime.consumers, lambda: None))
        await pair.publish(message("one", 0))
        await pair.becomes(lambda: pair.seen("one"), [0])
        yield consumer.source
        consumer.stopping.set()
        await consuming


async def test_a_client_whose_group_task_died_is_replaced_under_the_consumer(pair: Pair, source: Source) -> None:
    broken = source.kafka

    async def fail() -> None:
        raise RuntimeError("a bug of the client")

    broken._coordinator.ensure_coordinator_known = fail
    broken._coordinator.request_rejoin()
    await pair.publish(message("one", 1))
    await pair.becomes(lambda: pair.seen("one"), [0, 1])
    assert source.kafka is not broken


async def test_a_rebalance_that_never_ends_is_left_with_a_new_client(
    pair: Pair, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "ANSWER_S", 0.5)
    monkeypatch.setattr(fetch, "LOST_S", 1)
    broken = source.kafka
    broken._subscription.begin_reassignment()
    await pair.publish(message("one", 1))
    await pair.becomes(lambda: pair.seen("one"), [0, 1])
    assert source.kafka is not broken


async def test_a_producer_that_gave_up_sends_nothing_more_and_left_no_gap(pair: Pair, config: ServiceConfig) -> None:
    producer = BusProducer(config, "test")
    await producer.send("raw-inbound", b"k", b"warm", [], timeout_s=10)
    records = [("raw-inbound", b"k", b"%03d" % number + b"x" * 100_000, []) for number in range(20)]
    broker = pair.desk.stack.kafka.pid
    os.kill(broker, signal.SIGSTOP)
    try:
        with pytest.raises(BusUnavailable):
            await producer.send_all(records, timeout_s=2)
    finally:
        os.kill(broker, signal.SIGCONT)
    await producer.send("raw-inbound", b"k", b"after", [], timeout_s=10)
    await producer.send_all(records, timeout_s=20)
    found = [value[:5] for value in await values(pair, "raw-inbound")]
    begin, after = found.index(b"warm") + 1, found.index(b"after")
    expected = [b"%03dxx" % number for number in range(20)]
    assert found[begin:after] == expected[: after - begin], "a first part, without a gap"
    assert found[after + 1 :] == expected, "nothing of the old producer comes later"
    await producer.stop()


async def values(pair: Pair, topic: str) -> list[bytes]:
    """The values of the partition that key `k` is in, in the order of the log."""
    name = pair.desk.prefix + topic
    partition = TopicPartition(name, await pair._partition(name, b"k"))
    consumer = AIOKafkaConsumer(bootstrap_servers=pair.desk.stack.kafka.bootstrap, group_id=None)
    await consumer.start()
    try:
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        end = (await consumer.end_offsets([partition]))[partition]
        found: list[bytes] = []
        while await consumer.position(partition) < end:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                found += [record.value for record in records]
        return found
    finally:
        await consumer.stop()


async def test_behind_a_new_connection_records_passed_over_before_are_read_again(
    pair: Pair, config: ServiceConfig
) -> None:
    async with prepared(SERVICE, config) as runtime:
        batches = runtime.consumers["inbound-messages"]._batches
        async with connection(runtime.pool):
            judged = runtime.own.forgotten
        await batches.run([], {}, judged)
        await runtime.pool.expire_connections()
        with pytest.raises(Forgotten):
            await batches.run([], {}, judged)
        await batches.run([], {}, runtime.own.forgotten)

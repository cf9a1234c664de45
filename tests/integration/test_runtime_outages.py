"""What is away comes back: nobody is blamed, nothing restarts, everything resumes by itself."""

import asyncio
import time
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.integration.pair.running import FIRST, Pair, message

AWAY_S = 15


@pytest.fixture
async def pair(make_desk) -> AsyncIterator[Pair]:
    running = await Pair(await make_desk()).start()
    yield running
    await running.close()


async def healthy_for(pair: Pair, seconds: float) -> None:
    """Ask both services all the while: they must stay alive and ready."""
    until = time.monotonic() + seconds
    async with httpx.AsyncClient(timeout=2) as client:
        while time.monotonic() < until:
            for name in ("first", "second"):
                for route in ("healthz", "readyz", "metrics"):
                    answer = await client.get(f"{pair.desk.url(name)}/{route}")
                    assert answer.status_code == 200, answer.text
            await asyncio.sleep(0.5)


async def no_letters(pair: Pair) -> bool:
    return not any([await pair.rows(schema, "select from dead_letters") for schema in ("first", "second")])


async def test_postgres_away_blames_no_record_and_all_resumes_by_itself(pair: Pair) -> None:
    await pair.publish(*(message("before", number) for number in range(20)))
    await pair.desk.stack.kill_postgres()
    try:
        await pair.publish(*(message("during", number) for number in range(20)))
        await healthy_for(pair, AWAY_S)
    finally:
        await pair.desk.stack.start_postgres()
    for sender in ("before", "during"):
        await pair.becomes(lambda sender=sender: pair.facts(sender), list(range(20)), timeout_s=30)
    assert await no_letters(pair)


async def test_kafka_away_leaves_the_services_alive_and_all_resumes_by_itself(pair: Pair) -> None:
    await pair.publish(*(message("before", number) for number in range(20)))
    await pair.desk.stack.kill_kafka()
    try:
        await healthy_for(pair, AWAY_S)
    finally:
        await pair.desk.stack.start_kafka()
    await pair.publish(*(message("after", number) for number in range(20)))
    for sender in ("before", "after"):
        await pair.becomes(lambda sender=sender: pair.facts(sender), list(range(20)), timeout_s=30)
    assert await no_letters(pair)


async def test_a_service_that_is_told_to_stop_finishes_its_batch_and_leaves_within_seconds(pair: Pair) -> None:
    numbers = list(range(300))
    await pair.publish(*(message("one", number) for number in numbers))
    began = time.monotonic()
    assert pair.desk.processes["first"].stop() == 0
    assert time.monotonic() - began < 8
    [row] = await pair.rows("first", "select (select count(*) from seen) = (select count(*) from inbox) as whole")
    assert row["whole"]
    await pair.desk.start(FIRST)
    await pair.becomes(lambda: pair.facts("one"), numbers)


@pytest.mark.parametrize("away", ["kafka", "postgres"])
async def test_a_service_stops_in_order_while_something_is_away(pair: Pair, away: str) -> None:
    stack = pair.desk.stack
    kill, start = (
        (stack.kill_kafka, stack.start_kafka) if away == "kafka" else (stack.kill_postgres, stack.start_postgres)
    )
    await pair.publish(message("one", 0))
    await pair.becomes(lambda: pair.facts("one"), [0])
    await kill()
    try:
        began = time.monotonic()
        codes = [await asyncio.to_thread(pair.desk.processes[name].stop) for name in ("first", "second")]
        assert codes == [0, 0]
        assert time.monotonic() - began < 30
    finally:
        await start()


async def test_a_service_that_starts_before_everything_else_waits_and_then_works(pair: Pair) -> None:
    pair.desk.stop(["first"])
    await pair.publish(message("one", 0))
    await pair.desk.stack.kill_kafka()
    await pair.desk.stack.kill_postgres()
    starting = asyncio.create_task(pair.desk.start(FIRST))
    try:
        await asyncio.sleep(2)
        assert pair.desk.processes["first"].alive
    finally:
        await pair.desk.stack.start_kafka()
        await pair.desk.stack.start_postgres()
    await starting
    await pair.becomes(lambda: pair.facts("one"), [0], timeout_s=40)


async def test_metrics_tell_what_was_handled_and_that_nothing_is_left(pair: Pair) -> None:
    events = [message(f"c{number % 7}", number // 7) for number in range(70)]
    await pair.publish(*events, *events[:10])
    await pair.becomes(lambda: pair.facts("c6"), list(range(10)))

    async def told() -> dict[str, float]:
        wanted = {
            'switchboard_records_total{outcome="handled",topic="inbound-messages"}': "handled",
            'switchboard_records_total{outcome="duplicate",topic="inbound-messages"}': "duplicate",
            'switchboard_consumer_lag_records{topic="inbound-messages"}': "lag",
            'switchboard_oldest_unhandled_seconds{topic="inbound-messages"}': "oldest",
            "switchboard_outbox_sent_total": "sent",
            "switchboard_outbox_oldest_seconds": "outbox",
        }
        lines = [line.rpartition(" ") for line in (await pair.desk.metrics("first")).splitlines()]
        return {wanted[name]: float(value) for name, _, value in lines if name in wanted}

    expected = {"handled": 70.0, "duplicate": 10.0, "lag": 0.0, "oldest": 0.0, "sent": 70.0, "outbox": 0.0}
    await pair.becomes(told, expected)
    text = await pair.desk.metrics("first")
    assert 'switchboard_rebalances_total{topic="inbound-messages"} ' in text
    assert 'switchboard_batch_seconds_count{topic="inbound-messages"} ' in text


async def test_one_trace_runs_through_both_services(pair: Pair) -> None:
    event = message("traced", 0)
    await pair.publish(event)
    await pair.becomes(lambda: pair.facts("traced"), [0])
    [row] = await pair.rows("second", "select trace from facts where message = $1", event.id)
    assert row["trace"][3:35] == event.trace[3:35], "the trace id is the message's"
    assert row["trace"][36:52] != event.trace[36:52], "the span is the next hop's"

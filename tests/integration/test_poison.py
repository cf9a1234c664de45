"""Records that cannot be handled are parked or skipped as their topic says, and all others flow on."""

import json
from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import orjson
import pytest
import pytest_asyncio
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition

from shared.bus import codec
from shared.bus.batch import DRAIN_MAX
from tests.desk import Desk
from tests.integration.pair.running import FIRST, SECOND, Pair, message, opened
from tests.stack import Stack

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOO_LARGE = b'{"padding":"' + b"x" * 513 * 1024 + b'"}'
UNREADABLE = {
    "bytes that are no text": (b"\xff\xfe\x00\x01", "malformed"),
    "no value at all": (None, "malformed"),
    "JSON that is no envelope": (b"[1, 2, 3]", "malformed"),
    "JSON nested without end": (b"[" * 100_000, "malformed"),
    "a record over the size limit": (TOO_LARGE, "too_large"),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(stack: Stack) -> AsyncIterator[Pair]:
    desk = Desk(stack, await stack.create_database(), await stack.create_topics())
    running = await Pair(desk).start()
    yield running
    await running.close()
    desk.stop()
    await stack.drop_database(desk.database)


@pytest.fixture
def sender() -> str:
    return f"c{uuid4().hex[:8]}"


def changed(event: object, **attributes: object) -> bytes:
    """An event's record with other attributes or data in it."""
    record = orjson.loads(codec.encode(event))
    data = attributes.pop("data", {})
    return orjson.dumps({**record, **attributes, "data": {**record["data"], **data}})


@pytest.mark.parametrize("kind", UNREADABLE)
async def test_a_message_that_cannot_be_read_is_skipped(pair: Pair, sender: str, kind: str) -> None:
    value, reason = UNREADABLE[kind]
    good = message(sender, 0), message(sender, 1)
    await pair.publish(good[0])
    await pair.put("inbound-messages", good[0].key, value)
    await pair.publish(good[1])
    await pair.becomes(lambda: pair.seen(sender), [0, 1])
    await pair.becomes(lambda: pair.facts(sender), [0, 1])
    [(state, error)] = await pair.letters("first", good[0].key)
    assert (state, error.split(":")[0]) == ("skipped", reason)


@pytest.mark.parametrize("kind", UNREADABLE)
async def test_a_fact_that_cannot_be_read_parks_its_ticket_until_it_is_discarded(
    pair: Pair, sender: str, kind: str
) -> None:
    value, _ = UNREADABLE[kind]
    key = opened(sender, 0).key
    await pair.publish(opened(sender, 0))
    await pair.put("ticket-events", key, value)
    await pair.publish(opened(sender, 1), opened(sender, 2), opened(f"{sender}-other", 0))
    await pair.becomes(lambda: pair.facts(f"{sender}-other"), [0])
    await pair.becomes(lambda: states(pair, "second", key), ["parked", "waiting", "waiting"])
    assert await pair.facts(sender) == [0]
    [culprit] = [
        letter["id"] for letter in await pair.rows("second", "select id from dead_letters where state = 'parked'")
    ]
    await pair.dlq(SECOND, "discard", str(culprit))
    await pair.becomes(lambda: pair.facts(sender), [0, 1, 2])
    assert await states(pair, "second", key) == ["discarded", "released", "released"]


async def test_a_broken_header_is_poison_and_its_neighbours_in_the_batch_are_not(pair: Pair, sender: str) -> None:
    events = [message(sender, number) for number in range(5)]
    await pair.put_with_broken_header(events, broken=2)
    await pair.publish(message(sender, 5))
    await pair.becomes(lambda: pair.seen(sender), [0, 1, 3, 4, 5])
    [(state, error)] = await pair.letters("first", events[0].key)
    assert state == "skipped" and "header" in error


async def test_a_broken_header_parks_the_ticket_and_a_retry_takes_the_record_without_it(
    pair: Pair, sender: str
) -> None:
    events = [opened(sender, number) for number in range(4)]
    await pair.put_with_broken_header(events, broken=1)
    await pair.becomes(lambda: states(pair, "second", events[0].key), ["parked", "waiting", "waiting"])
    await pair.dlq(SECOND, "retry", "--topic", "ticket-events")
    await pair.becomes(lambda: pair.facts(sender), [0, 1, 2, 3])


async def test_a_header_with_a_nul_in_its_name_does_not_end_the_service(pair: Pair, sender: str) -> None:
    key = message(sender, 0).key
    await pair.put("inbound-messages", key, b"not JSON", [("a\0b", b"1")])
    await pair.publish(message(sender, 0))
    await pair.becomes(lambda: pair.seen(sender), [0])
    assert await states(pair, "first", key) == ["skipped"]


async def test_a_garbled_traceparent_is_ignored_and_a_new_trace_begins(pair: Pair, sender: str) -> None:
    event = message(sender, 0)
    await pair.put("inbound-messages", event.key, codec.encode(event), [("traceparent", b"\xff00-nonsense")])
    await pair.becomes(lambda: pair.facts(sender), [0])
    [row] = await pair.rows("second", "select trace from facts where message = $1", event.id)
    assert row["trace"].startswith("00-") and len(row["trace"]) == 55


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"data": {"sender": {"kind": "external"}}}, "invalid"),
        ({"data": {"channel": "No Token!"}}, "invalid"),
        ({"time": "yesterday"}, "malformed"),
        ({"id": "no-uuid"}, "malformed"),
        ({"version": "many"}, "malformed"),
        ({"type": ["a", "list"]}, "malformed"),
        ({"type": "switchboard.ticket.opened.v1"}, "malformed"),
    ],
    ids=["a field missing", "a word that is none", "no time", "no id", "no number", "no type", "another topic"],
)
async def test_an_envelope_that_breaks_the_contract_is_skipped(
    pair: Pair, sender: str, change: dict[str, object], reason: str
) -> None:
    event = message(sender, 0)
    await pair.put("inbound-messages", event.key, changed(event, **change))
    await pair.publish(message(sender, 1))
    await pair.becomes(lambda: pair.seen(sender), [1])
    [(state, error)] = await pair.letters("first", event.key)
    assert (state, error.split(":")[0]) == ("skipped", reason)


async def test_a_type_of_a_later_release_is_passed_over_in_silence(pair: Pair, sender: str) -> None:
    event = message(sender, 0)
    await pair.put("inbound-messages", event.key, changed(event, type="switchboard.inbound.message-sung.v9"))
    await pair.publish(message(sender, 1))
    await pair.becomes(lambda: pair.seen(sender), [1])
    assert await pair.letters("first", event.key) == []


@pytest.mark.parametrize("text", ["99999999999", "impossible 0", "no number"])
async def test_content_that_the_handler_cannot_take_blames_that_message_alone(
    pair: Pair, sender: str, text: str
) -> None:
    around = [message(f"{sender}{number}", number) for number in range(40)]
    await pair.publish(*around[:20], message(sender, 0, text), *around[20:], message(sender, 1))
    await pair.becomes(lambda: pair.seen(sender), [1])
    for event in around:
        number = int(event.data.text)
        await pair.becomes(lambda number=number: pair.seen(f"{sender}{number}"), [number])
    [(state, error)] = await pair.letters("first", message(sender, 0).key)
    assert state == "skipped"
    assert text not in error, "a dead letter's error repeats what the customer wrote"


async def test_an_impossible_fact_parks_its_ticket_and_retry_releases_it_in_order(pair: Pair, sender: str) -> None:
    key = opened(sender, 0).key
    texts = ["0", "urgent 1", "2", "urgent 3", "4"]
    await pair.publish(*(message(sender, number, text) for number, text in enumerate(texts)))
    await pair.becomes(lambda: pair.seen(sender), [0, 1, 2, 3, 4])
    await pair.becomes(lambda: states(pair, "second", key), ["parked", "waiting", "waiting", "waiting"])
    await pair.dlq(SECOND, "retry", "--topic", "ticket-events")
    await pair.becomes(lambda: attempts(pair, key), [2, 1, 1, 1])
    assert await pair.facts(sender) == [0]
    await pair.cure("second", "urgent")
    listed = [json.loads(line) for line in (await pair.dlq(SECOND, "list")).splitlines()]
    assert [letter["state"] for letter in listed][:1] == ["parked"]
    await pair.publish(message(sender, 5))
    await pair.dlq(SECOND, "retry", str(listed[0]["id"]))
    await pair.becomes(lambda: pair.facts(sender), [0, 1, 2, 3, 4, 5])
    assert set(await states(pair, "second", key)) == {"released"}


async def test_a_long_queue_behind_a_parked_record_is_released_in_order(pair: Pair, sender: str) -> None:
    key = opened(sender, 0).key
    await pair.put("ticket-events", key, b"not JSON")
    await pair.publish(*(opened(sender, number) for number in range(2 * DRAIN_MAX + 10)))
    await pair.becomes(lambda: states(pair, "second", key), ["parked", *["waiting"] * (2 * DRAIN_MAX + 10)])
    await pair.dlq(SECOND, "discard", "--topic", "ticket-events")
    await pair.becomes(lambda: pair.facts(sender), list(range(2 * DRAIN_MAX + 10)))
    await pair.publish(opened(sender, 1000))
    await pair.becomes(lambda: pair.facts(sender), [*range(2 * DRAIN_MAX + 10), 1000])


async def test_a_redelivered_record_behind_a_parked_one_takes_effect_once(pair: Pair, sender: str) -> None:
    key = opened(sender, 0).key
    await pair.put("ticket-events", key, b"not JSON")
    for _ in range(3):
        await pair.publish(opened(sender, 0), opened(sender, 1))
    await pair.becomes(lambda: states(pair, "second", key), ["parked", *["waiting"] * 6])
    await pair.dlq(SECOND, "discard", "--topic", "ticket-events")
    await pair.becomes(lambda: states(pair, "second", key), ["discarded", *["released"] * 6])
    assert await pair.facts(sender) == [0, 1]


async def test_a_skipped_message_can_be_retried_after_the_cure(pair: Pair, sender: str) -> None:
    await pair.publish(message(sender, 0, "impossible 0"), message(sender, 1))
    await pair.becomes(lambda: pair.seen(sender), [1])
    await pair.cure("first", "impossible")
    query = "select id from dead_letters where key = $1"
    [letter] = await pair.rows("first", query, message(sender, 0).key)
    await pair.dlq(FIRST, "retry", str(letter["id"]))
    await pair.becomes(lambda: pair.seen(sender), [1, 0])


async def test_records_that_expired_unread_leave_a_gap_letter_and_the_rest_flows(pair: Pair, sender: str) -> None:
    pair.desk.stop(["first"])
    await pair.publish(message(sender, 0))
    await expire(pair, "inbound-messages")
    await pair.publish(message(sender, 1))
    await pair.desk.start(FIRST)
    await pair.becomes(lambda: pair.seen(sender), [1])
    gaps = await pair.rows("first", "select record from dead_letters where state = 'gap'")
    assert len(gaps) == 1 and orjson.loads(gaps[0]["record"]).keys() == {"from", "to"}


async def test_too_many_dead_letters_stop_the_topic_over_restarts_until_it_is_resumed(stack: Stack, make_desk) -> None:
    pair = await Pair(await make_desk(SWITCHBOARD_DEAD_LETTERS_MAX="15")).start()
    key = message("patient", 0).key
    try:
        for number in range(40):
            await pair.put("inbound-messages", key, b"not JSON %d" % number)
        await pair.publish(message("patient", 0))
        await pair.becomes(lambda: stopped(pair), 1)
        letters = len(await pair.letters("first", key))
        assert 15 < letters <= 2 * 15 + 1, "no batch may bring more than the limit and one"
        pair.desk.stop(["first"])
        await pair.desk.start(FIRST)
        await pair.put("inbound-messages", key, b"not JSON again")
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"{pair.desk.url('first')}/readyz")).status_code == 200
            assert (await client.get(f"{pair.desk.url('first')}/healthz")).status_code == 200
        await pair.becomes(lambda: gauge(pair, "switchboard_consumer_stopped"), 1.0)
        assert len(await pair.letters("first", key)) == letters
        while await pair.seen("patient") != [0]:
            await pair.dlq(FIRST, "resume", "inbound-messages")
            await pair.becomes(lambda: settled(pair), True)
        await pair.becomes(lambda: states(pair, "first", key), ["skipped"] * 41)
    finally:
        await pair.close()


async def states(pair: Pair, schema: str, key: bytes) -> list[str]:
    return [state for state, _ in await pair.letters(schema, key)]


async def attempts(pair: Pair, key: bytes) -> list[int]:
    query = "select attempts from dead_letters where key = $1 order by id"
    return [row["attempts"] for row in await pair.rows("second", query, key)]


async def stopped(pair: Pair) -> int:
    return len(await pair.rows("first", "select from stopped where topic = 'inbound-messages'"))


async def settled(pair: Pair) -> bool:
    """Stopped again, or through."""
    return bool(await stopped(pair)) or await pair.seen("patient") == [0]


async def gauge(pair: Pair, name: str) -> float:
    lines = [line for line in (await pair.desk.metrics("first")).splitlines() if line.startswith(name + "{")]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


async def expire(pair: Pair, topic: str) -> None:
    """Delete all records of a topic, as its retention does."""
    admin = AIOKafkaAdminClient(bootstrap_servers=pair.desk.stack.kafka.bootstrap)
    await admin.start()
    try:
        name = pair.desk.prefix + topic
        partitions = len((await admin.describe_topics([name]))[0]["partitions"])
        await admin.delete_records({TopicPartition(name, number): RecordsToDelete(-1) for number in range(partitions)})
    finally:
        await admin.close()

"""Facts made anew from the log are those kept live, to the digit, while the desk goes on."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer

from shared.bus import codec
from shared.contracts.agent_events import PresenceChanged
from shared.contracts.delivery_events import DeliveryChanged
from shared.contracts.envelope import Event
from shared.contracts.privacy_events import ErasureRequested
from shared.contracts.sla_events import SlaBreached, SlaCorrected
from shared.ids import new_id
from tests import factories
from tests.desk import Desk
from tests.eventually import eventually
from tests.integration.measuring import Metrics, Story, new_workspace, open_desk
from tests.stack import Stack


@pytest.fixture
def desk(stack: Stack) -> Iterator[Desk]:
    """Metrics alone; each test a log of its own."""
    running = stack.run(open_desk(stack))
    yield running
    running.stop()
    stack.run(stack.drop_database(running.database))


@pytest.fixture
def metrics(desk: Desk) -> Metrics:
    """A workspace."""
    return new_workspace(desk)


def some(metrics: Metrics, count: int) -> list[Story]:
    """Tickets that were opened, answered, failed, solved and reopened."""
    stories = []
    for number in range(count):
        story = metrics.story().opened().held("anna").after(minutes=number + 1)
        lost = story.sent()
        story.after(minutes=1).answered("bram").became("solved")
        breached = story.clock(SlaBreached, "breached", credited="anna")
        story.clock(SlaCorrected, "met", of=breached, version=2, was="breached")
        if number % 2:
            story.after(hours=1).failed(lost).reopened().wrote()
        stories.append(story)
    return stories


async def numbers(metrics: Metrics) -> list[Any]:
    """Everything the API says, but for what depends on the moment."""
    whole = [
        await metrics.groups(kpi, *by) for kpi in ("first_reply", "volume", "sla") for by in ((), ("day",), ("agent",))
    ]
    return [*whole, (await metrics.whole("backlog"))["n"]]


async def test_a_rebuild_gives_the_same_rows_and_digits(metrics: Metrics) -> None:
    stories = some(metrics, 30)
    twice = [event for story in stories for event in story.events] * 2
    message, now = new_id(), datetime.now(UTC)
    sent = DeliveryChanged(
        message=message, ticket=stories[0].ticket, person=new_id(), channel="http", account="form", state="sent", at=now
    )
    there = PresenceChanged(agent="anna", presence="available", was="offline", reason="connected")
    others = [Event(new_id(), "other", now, metrics.workspace, data, version=1) for data in (sent, there)]
    await factories.publish(metrics.desk, [*twice, *others])
    await metrics.caught_up()
    live, digits = await metrics.rows(), await numbers(metrics)
    assert all(live.values())
    assert await metrics.rebuild("--verify") == (0, {"records": len(twice) + 2, "same": True, "differences": []})
    code, done = await metrics.rebuild()
    assert (code, done["records"], done["facts"]["replies"]) == (0, len(twice) + 2, 75)
    assert (await metrics.rows(), await numbers(metrics)) == (live, digits)
    after = some(metrics, 3)
    await metrics.hear(*after)
    assert len((await metrics.rows())["tickets"]) == 33


async def test_a_rebuild_mends_what_verify_finds(metrics: Metrics) -> None:
    await metrics.hear(*some(metrics, 5))
    live = await metrics.rows()
    connection = await metrics.database()
    await connection.execute("delete from replies where agent = 'bram'")
    await connection.execute("update ticket_facts set state = 'open' where what = 'opened'")
    await connection.close()
    code, found = await metrics.rebuild("--verify")
    assert code == 1
    assert {(one["table"], one["rows"]) for one in found["differences"]} == {("replies", 5), ("ticket_facts", 10)}
    assert (await metrics.rebuild())[0] == 0
    assert await metrics.rows() == live
    assert (await metrics.rebuild("--verify"))[1]["same"]


async def test_a_rebuild_under_way_neither_stops_nor_loses_anything(metrics: Metrics) -> None:
    """Records keep coming and leads keep asking; a second rebuild at the same time is refused."""
    stories = some(metrics, 60)
    asked, stop = [], asyncio.Event()

    async def ask() -> None:
        while not stop.is_set():
            asked.append((await metrics.whole("volume"))["opened_n"])

    asking = asyncio.create_task(ask())
    rebuilding = asyncio.create_task(metrics.rebuild())
    for story in stories:
        await factories.publish(metrics.desk, story.events)
    assert (await rebuilding)[0] == 0
    both = await asyncio.gather(metrics.rebuild(), metrics.rebuild("--verify"))
    stop.set()
    await asking
    assert sorted(code for code, _ in both) in ([0, 0], [0, 1])
    await metrics.caught_up()
    assert asked == sorted(asked)
    assert (await metrics.rebuild("--verify"))[1]["same"]
    assert (await metrics.whole("volume"))["opened_n"] == 60


async def test_a_rebuild_needs_no_running_service(metrics: Metrics) -> None:
    await metrics.hear(*some(metrics, 3))
    live = await metrics.rows()
    metrics.desk.stop()
    await factories.publish(metrics.desk, some(metrics, 2)[0].events)
    assert (await metrics.rebuild("--verify"))[0] == 0
    assert (await metrics.rebuild())[0] == 0
    assert len((await metrics.rows())["tickets"]) == len(live["tickets"]) + 1
    await metrics.desk.start("services.metrics")
    await metrics.caught_up()
    assert (await metrics.rebuild("--verify"))[1]["same"]


async def test_an_erasure_is_acknowledged(metrics: Metrics) -> None:
    request = ErasureRequested(person=new_id(), request=new_id(), identities=(), before=datetime.now(UTC))
    asked = Event(new_id(), "tickets", datetime.now(UTC), metrics.workspace, request)
    await factories.publish(metrics.desk, [asked])
    consumer = AIOKafkaConsumer(
        metrics.desk.prefix + "privacy-events",
        bootstrap_servers=metrics.desk.stack.kafka.bootstrap,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    found: list[Event[Any]] = []

    async def there() -> bool:
        for records in (await consumer.getmany(timeout_ms=300)).values():
            events = [codec.decode("privacy-events", record.value, record.headers) for record in records]
            found.extend(event for event in events if event is not None and event.causation == asked.id)
        return bool(found)

    try:
        await eventually(there, what="the acknowledgement")
    finally:
        await consumer.stop()
    assert (found[0].data.service, found[0].data.person) == ("metrics", request.person)

"""What an erased person sent and nobody could read goes from quarantine; what others sent stays."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.bus.producer import BusProducer
from shared.config import ServiceConfig
from shared.contracts import raw_inbound
from shared.contracts.envelope import Event
from shared.contracts.privacy_events import ErasureDone, ErasureRequested
from shared.contracts.raw_inbound import RawReceived
from shared.ids import new_id
from shared.tombstones import Tombstones
from tests import factories
from tests.desk import KEY
from tests.eventually import eventually
from tests.integration.ingests import Ingest, start_ingest, stop_ingest
from tests.shop import BOT, WORKSPACE, telegram_request
from tests.stack import Stack


@pytest.fixture(scope="module")
def ingest(stack: Stack) -> Iterator[Ingest]:
    running = start_ingest(stack)
    yield running
    stop_ingest(running)


async def unreadable(ingest: Ingest, sender: int, padding: int = 0) -> UUID:
    """An update of a kind that the provider does not have yet, in quarantine."""
    body = {"update_id": uuid4().int % 2**50, "from_the_future": {"from": {"id": sender}, "more": "x" * padding}}
    answer = await ingest.send(telegram_request("x", "77", {}) | {"json": body})
    assert answer.is_success, answer.text
    id_ = UUID(answer.json()["quarantined"])

    async def filed() -> bool:
        return await stands(ingest, id_)

    await eventually(filed, what="the request in quarantine")
    return id_


async def stands(ingest: Ingest, id_: UUID) -> bool:
    async with ingest.owner() as client:
        return bool((await client.get(f"/v1/quarantine/{id_}")).is_success)


async def accounted_for(ingest: Ingest, id_: UUID) -> bool:
    connection = await ingest.desk.connect("ingest")
    try:
        return bool(await connection.fetchval("select true from erased_requests where id = $1", id_))
    finally:
        await connection.close()


async def erase(ingest: Ingest, sender: int) -> Event[Any]:
    """Somebody asked for it now; gives ingest's word that it is done."""
    hmac, now = Tombstones(KEY).new("telegram", "", str(sender)), datetime.now(UTC)
    data = ErasureRequested(person=new_id(), request=new_id(), identities=(hmac,), before=now)
    await factories.publish(ingest.desk, [Event(new_id(), "tickets", now, WORKSPACE, data)])

    async def said() -> Event[Any] | None:
        words = [event for event, _ in await ingest.records("privacy-events") if isinstance(event.data, ErasureDone)]
        return next((word for word in words if word.data.request == data.request), None)

    word = await eventually(said, what="ingest's word")
    assert word.data.service == "ingest"
    return word


def bodies(ingest: Ingest) -> list[Path]:
    return [path for path in (ingest.desk.directory / "blobs").rglob("*") if path.is_file()]


async def test_what_nobody_could_read_goes_with_its_sender_and_that_of_others_stays(ingest: Ingest) -> None:
    mine, large = await unreadable(ingest, 998877), await unreadable(ingest, 998877, padding=300_000)
    others = await unreadable(ingest, 9988770)
    assert len(bodies(ingest)) == 1
    await erase(ingest, 998877)
    assert [await stands(ingest, id_) for id_ in (mine, large, others)] == [False, False, True]
    assert [await accounted_for(ingest, id_) for id_ in (mine, large, others)] == [True, True, False]
    assert bodies(ingest) == []


async def test_what_comes_late_from_an_erased_person_is_not_filed(ingest: Ingest) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    await erase(ingest, 665544)
    data = RawReceived(channel="telegram", account=BOT, body=b'{"from": {"id": 665544}}', refusal="unknown_update")
    late = Event(new_id(), "ingest", before, WORKSPACE, data, shop="bikes")
    since = replace(late, id=new_id(), time=datetime.now(UTC))
    producer = BusProducer(
        ServiceConfig(kafka=ingest.desk.stack.kafka.bootstrap, topic_prefix=ingest.desk.prefix), "test"
    )
    try:
        records = [(event.topic, event.key, *raw_inbound.encode(event)) for event in (late, since)]
        await producer.send_all(records, timeout_s=20)
    finally:
        await producer.stop()

    async def filed() -> bool:
        return await stands(ingest, since.id)

    await eventually(filed, what="what was sent since")
    assert await accounted_for(ingest, late.id)
    assert not await stands(ingest, late.id)
    assert await ingest.desk.run("services.ingest", "verify") == (0, "")

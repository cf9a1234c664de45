"""The live stream over real replicas: complete over a kill and a drain, closed to those who are put out."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest

from shared.contracts.envelope import Event, Message
from shared.contracts.routing_events import TicketOffered
from shared.contracts.ticket_events import TicketEvent
from shared.ids import new_id
from tests.eventually import eventually
from tests.factories import publish
from tests.integration.gateways import Gateway, start_gateway, stop_gateway
from tests.integration.routers import opened
from tests.integration.streams import Ear
from tests.stack import Stack


@pytest.fixture(scope="module")
def gateway(stack: Stack) -> Iterator[Gateway]:
    running = start_gateway(stack)
    stack.run(running.desk.start("services.gateway#2"))
    yield running
    stop_gateway(running)


@pytest.fixture(autouse=True)
async def both_replicas(gateway: Gateway) -> AsyncIterator[None]:
    yield
    for name in ("gateway", "gateway#2"):
        if not gateway.desk.processes[name].alive:
            gateway.desk.processes[name].start()
            await gateway.desk.processes[name].ready()


def happening(shop: str = "bikes", workspace: str = "main") -> Event[TicketEvent]:
    return replace(opened(shop=shop), workspace=workspace)


def offer(agent: str) -> Event[Message]:
    data = TicketOffered(
        ticket=uuid4(), place="offered", enqueued_at=datetime.now(UTC), enqueue=1, agent=agent, offer=uuid4(),
        reason="longest-idle", lease_until=datetime.now(UTC) + timedelta(seconds=30),
    )  # fmt: skip
    now = datetime.now(UTC)
    return Event(id=new_id(), source="routing", time=now, workspace="main", shop="bikes", version=2, data=data)


async def ear(gateway: Gateway, role: str = "agent", **more: object) -> Ear:
    named = {"agent": "anna"} if role == "agent" else {}
    return Ear(await gateway.make_key(role, **named, **more))


async def test_an_agent_hears_what_happens_in_his_shops_and_who_asks_him(gateway: Gateway) -> None:
    anna = await ear(gateway, shops=["bikes"])
    mine, others = offer("anna"), offer("bram")
    events = [happening(), happening("bells"), happening(workspace="elsewhere"), others, mine]
    async with anna.listening(gateway.url):
        await publish(gateway.desk, events)
        (asked,) = await anna.until("routing.offered")
        (told,) = await anna.until("ticket.opened")
    assert told["subject"] == events[0].data.about()
    assert asked["offer"] == str(mine.data.offer)  # type: ignore[attr-defined]
    assert {"ticket", "lease_until", "agent", "version"} <= set(asked)


async def test_an_event_is_told_at_once(gateway: Gateway) -> None:
    lead = await ear(gateway, "lead")
    async with lead.listening(gateway.url):
        waits = []
        for _ in range(5):
            event = happening()
            begun = time.monotonic()
            await publish(gateway.desk, [event])
            sent = time.monotonic()
            while event.data.about() not in lead.subjects():
                await asyncio.sleep(0.005)
                assert time.monotonic() - begun < 10
            waits.append(time.monotonic() - sent)
    assert sorted(waits)[2] < 0.5


async def test_nothing_is_missed_when_the_replica_one_listens_to_is_killed(gateway: Gateway) -> None:
    lead = await ear(gateway, "lead")
    events = [happening() for _ in range(300)]

    async def happen() -> None:
        for start in range(0, 300, 10):
            await publish(gateway.desk, events[start : start + 10])

    happening_now = asyncio.create_task(happen())
    async with lead.listening(gateway.desk.url("gateway#2")):
        await lead.until("ticket.opened", 50)
        gateway.desk.processes["gateway#2"].kill()
        await asyncio.wait_for(lead.ended.wait(), 10)
    wanted = {event.data.about() for event in events}
    async with lead.listening(gateway.url):

        async def all_heard() -> bool:
            return wanted <= lead.subjects()

        await eventually(all_heard, what="every event")
    await happening_now
    assert lead.heard("resync") == []


async def test_a_replica_that_has_just_started_knows_what_happened_before(gateway: Gateway) -> None:
    lead = await ear(gateway, "lead")
    async with lead.listening(gateway.url):
        await publish(gateway.desk, [happening()])
        await lead.until("ticket.opened")
    missed = [happening() for _ in range(20)]
    await publish(gateway.desk, missed)
    gateway.desk.processes["gateway#2"].stop()
    gateway.desk.processes["gateway#2"].start()
    await gateway.desk.processes["gateway#2"].ready()
    async with lead.listening(gateway.desk.url("gateway#2")):
        await lead.until("ticket.opened", 21)
    assert {event.data.about() for event in missed} <= lead.subjects()


async def test_a_draining_replica_sends_its_clients_away_at_once(gateway: Gateway) -> None:
    lead = await ear(gateway, "lead")
    process = gateway.desk.processes["gateway#2"]
    async with lead.listening(process.url):
        begun = time.monotonic()
        process.signal(signal.SIGTERM)
        await asyncio.wait_for(lead.ended.wait(), 5)
        code = await asyncio.to_thread(process.wait, 10)
    assert code == 0
    assert time.monotonic() - begun < 5


async def test_an_id_from_before_the_ring_asks_the_client_to_fetch_anew(gateway: Gateway) -> None:
    lead = await ear(gateway, "lead")
    lead.last_id = str(int((time.time() - 3600) * 1000))
    async with lead.listening(gateway.url):
        await lead.until("resync")
        await publish(gateway.desk, [event := happening()])
        await lead.until("ticket.opened")
    assert event.data.about() in lead.subjects()


@pytest.mark.parametrize("replica", ["gateway", "gateway#2"])
async def test_a_revoked_key_loses_its_stream_on_every_replica(gateway: Gateway, replica: str) -> None:
    async with gateway.client() as admin:
        made = (await admin.post("/v1/keys", json={"role": "lead"})).json()
        lead = Ear(made["key"])
        async with lead.listening(gateway.desk.url(replica)):
            await admin.delete(f"/v1/keys/{made['id']}")
            await asyncio.wait_for(lead.ended.wait(), 4)


async def test_a_disabled_person_loses_his_stream(gateway: Gateway) -> None:
    async with gateway.client() as admin:
        body = {"email": f"{uuid4().hex}@example.org", "role": "agent", "agent": "anna", "password": "a long password"}
        user = (await admin.post("/v1/users", json=body)).json()
        signing = {"workspace": "main", "email": body["email"], "password": body["password"]}
        signed = (await admin.post("/v1/sessions", json=signing)).json()
        anna = Ear(signed["access_token"])
        async with anna.listening(gateway.url):
            await admin.patch(f"/v1/users/{user['id']}", json={"disabled": True})
            await asyncio.wait_for(anna.ended.wait(), 4)


async def test_a_key_that_may_not_listen_and_an_id_that_is_none_are_refused(gateway: Gateway) -> None:
    async with gateway.client(gateway.installation_key, "main") as installation:
        refused = await installation.get("/v1/stream")
    async with gateway.client() as admin:
        wrong = await admin.get("/v1/stream", headers={"last-event-id": "yesterday"})
    assert (refused.status_code, wrong.status_code) == (403, 422)


async def test_a_client_that_does_not_read_is_let_go_and_the_others_hear_on(gateway: Gateway) -> None:
    sleeper, lead = await ear(gateway, "lead"), await ear(gateway, "lead")
    port = httpx.URL(gateway.url).port
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
    lines = ("GET /v1/stream HTTP/1.1", "host: x", f"authorization: Bearer {sleeper.key}", "", "")
    writer.write("\r\n".join(lines).encode())
    await reader.readline()
    async with lead.listening(gateway.url):
        count = 0
        while 'switchboard_streams_ended_total{why="slow"}' not in await gateway.desk.metrics("gateway"):
            await publish(gateway.desk, [happening() for _ in range(1000)])
            count += 1000
            await lead.until("ticket.opened", count, timeout_s=60)
            assert count < 100_000
    writer.close()
    assert lead.heard("resync") == []

"""An agent is there while he holds a stream, on whichever replica, and whatever he told last stays so."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from shared.identity import Identity, sign
from tests.desk import KEY
from tests.eventually import eventually
from tests.integration.gateways import Gateway, start_gateway, stop_gateway
from tests.integration.streams import Ear
from tests.stack import Stack

GRACE_S = 5


@pytest.fixture(scope="module")
def gateway(stack: Stack) -> Iterator[Gateway]:
    running = start_gateway(stack, {"SWITCHBOARD_PRESENCE_REPORT_S": "1"})
    stack.run(running.desk.run("services.routing", "migrate"))
    stack.run(running.desk.start("services.routing"))
    running.desk.stop(["gateway"])
    stack.run(running.desk.start("services.gateway", "services.gateway#2"))
    stack.run(staff(running))
    yield running
    stop_gateway(running)


async def staff(gateway: Gateway) -> None:
    async with gateway.client() as admin:
        for kind, name, document in [
            ("routing", "default", {"offline_grace_s": GRACE_S}),
            ("agent", "anna", {"name": "Anna"}),
            ("agent", "bram", {"name": "Bram"}),
        ]:
            assert (await admin.put(f"/v1/settings/{kind}/{name}", json=document)).is_success

        async def there() -> bool:
            return len((await admin.get("/v1/agents")).json().get("items", [])) == 2

        await eventually(there, what="the agents in routing")


@pytest.fixture
async def admin(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    async with gateway.client() as client:
        yield client


async def presence(admin: httpx.AsyncClient, name: str) -> dict[str, Any]:
    return next(item for item in (await admin.get("/v1/agents")).json()["items"] if item["agent"] == name)


async def test_an_agent_with_a_stream_stays_and_goes_a_grace_after_his_last_one(
    gateway: Gateway, admin: httpx.AsyncClient
) -> None:
    anna = Ear(await gateway.make_key("agent", agent="anna"))
    async with AsyncExitStack() as first, gateway.client(anna.key) as client:
        await first.enter_async_context(anna.listening(gateway.url))
        await client.put("/v1/presence", json={"presence": "away", "reason": "lunch"})
        told = await presence(admin, "anna")

        async def seen_later() -> bool:
            now = (await presence(admin, "anna"))["heartbeat_at"]
            passed = datetime.fromisoformat(now) - datetime.fromisoformat(told["heartbeat_at"])
            return passed.total_seconds() > GRACE_S + 1

        await eventually(seen_later, timeout_s=20, what="heartbeats past a grace")
        again = Ear(anna.key)
        async with again.listening(gateway.desk.url("gateway#2")):
            await first.aclose()
            await eventually(seen_later, timeout_s=20, what="heartbeats by the other replica")
            still = await presence(admin, "anna")
    assert (still["presence"], still["reason"], still["since"]) == ("away", "lunch", told["since"])

    async def gone() -> bool:
        return bool((await presence(admin, "anna"))["presence"] == "offline")

    begun = time.monotonic()
    await eventually(gone, timeout_s=GRACE_S + 10, what="anna's end")
    assert time.monotonic() - begun > GRACE_S - 3


async def test_the_desk_hears_at_once_who_is_there(gateway: Gateway) -> None:
    lead = Ear(await gateway.make_key("lead"))
    async with lead.listening(gateway.url), gateway.client(await gateway.make_key("agent", agent="bram")) as bram:
        await bram.put("/v1/presence", json={"presence": "available"})
        (told,) = await lead.until("agent.presence-changed")
    assert (told["subject"], told["presence"]) == ("bram", "available")


async def test_nobody_but_the_gateway_reports_presence(gateway: Gateway) -> None:
    body = {"agents": [{"workspace": "main", "agent": "anna"}]}
    async with httpx.AsyncClient(base_url=gateway.desk.url("routing")) as client:
        answers = [await client.post("/internal/presence", json=body)]
        for who in (Identity("key/1", "installation", ""), Identity("gateway", "admin", "main")):
            headers = {"authorization": f"Bearer {sign(who, KEY, datetime.now(UTC))}"}
            answers.append(await client.post("/internal/presence", json=body, headers=headers))
    async with gateway.client() as admin:
        answers.append(await admin.post("/internal/presence", json=body))
    assert [answer.status_code for answer in answers] == [401, 403, 403, 404]

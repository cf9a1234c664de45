"""The desk that is measured: a workspace with many agents whose policy pushes, and tickets to ask for."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import httpx

from bench.load import Sent, post
from shared.identity import Identity, sign
from tests.desk import KEY, Desk
from tests.eventually import eventually
from tests.stack import Stack

SERVICES = ("services.gateway", "services.ingest", "services.tickets", "services.routing")
WORKSPACE = "bench"
ACCOUNT = "bench-form"
SECRET = "bench-secret-of-the-form"
AGENTS = 200


class BenchDesk(Desk):
    """With the installation's key, and a way out for answers where one is given."""

    installation_key = ""
    callback_url: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        """Of an operator's request through the gateway."""
        return {"authorization": f"Bearer {self.installation_key}", "switchboard-workspace": WORKSPACE}


Document = tuple[str, str, dict[str, Any]]
"""Kind, id and content of a settings document."""


async def open_desk(stack: Stack, callback_url: str | None = None, more: Sequence[Document] = ()) -> BenchDesk:
    """A desk with 200 agents whose capacity is no limit; notify runs where answers have somewhere to go."""
    desk = BenchDesk(
        stack, await stack.create_database(), await stack.create_topics(), {"SWITCHBOARD_ALLOW_PRIVATE_URLS": "true"}
    )
    desk.callback_url = callback_url
    services = SERVICES if callback_url is None else (*SERVICES, "services.notify")
    for service in services:
        code, _ = await desk.run(service, "migrate")
        if code:
            raise RuntimeError(f"{service} could not be migrated")
    await desk.start(*services)
    await _settings(desk, more)
    await _presence(desk)
    return desk


def _documents(callback_url: str | None, more: Sequence[Document]) -> list[Document]:
    push = {"mode": "push", "weight": 1}
    policy = {"default": push, "require_language": False, "offline_grace_s": 3600}
    account: dict[str, Any] = {"channel": "http", "shop": "bench", "secrets": [{"value": SECRET}]}
    if callback_url is not None:
        account["options"] = {"callback_url": callback_url}
    agents = [("agent", f"agent-{n}", {"name": f"Agent {n}", "capacity": 100_000}) for n in range(AGENTS)]
    return [
        ("workspace", WORKSPACE, {"name": "Bench", "languages": ["en", "nl", "de", "fr"]}),
        ("shop", "bench", {"name": "Bench"}),
        ("routing", "default", policy),
        *agents,
        *more,
        ("account", ACCOUNT, account),
    ]


def signed(role: Any, agent: str | None = None) -> dict[str, str]:
    """Headers as the gateway sends them to an owner; good for a minute."""
    identity = Identity(principal=agent or "bench", role=role, workspace=WORKSPACE, agent=agent)
    return {"authorization": f"Bearer {sign(identity, KEY, datetime.now(UTC))}"}


async def _settings(desk: BenchDesk, more: Sequence[Document]) -> None:
    """Through the gateway, as `switchboard settings apply` does; then wait until the services have them."""
    _, printed = await desk.run("services.gateway", "bootstrap")
    desk.installation_key = httpx.Response(200, content=printed.strip().splitlines()[-1]).json()["installation_key"]
    async with httpx.AsyncClient(base_url=desk.url("gateway"), headers=desk.headers, timeout=20) as client:
        for kind, name, document in _documents(desk.callback_url, more):
            (await client.put(f"/v1/settings/{kind}/{name}", json=document)).raise_for_status()
        for service in desk.processes.keys() - {"gateway"}:
            url = f"{desk.url(service)}/internal/settings"

            async def has_account(url: str = url) -> bool:
                return f"{WORKSPACE}/account/{ACCOUNT}" in (await client.get(url)).json()

            await eventually(has_account, what=f"the account in {service}")


async def _presence(desk: BenchDesk) -> None:
    async with httpx.AsyncClient(base_url=desk.url("routing"), timeout=20) as client:
        for number in range(AGENTS):
            headers = signed("agent", f"agent-{number}")
            answer = await client.put("/v1/presence", json={"presence": "available"}, headers=headers)
            answer.raise_for_status()


async def close_desk(desk: Desk) -> None:
    """Stop the services and drop the database."""
    desk.stop()
    await desk.stack.drop_database(desk.database)


async def agent_keys(desk: BenchDesk, count: int) -> list[str]:
    """API keys of the first so many agents."""
    async with httpx.AsyncClient(base_url=desk.url("gateway"), headers=desk.headers, timeout=20) as client:
        made = []
        for number in range(count):
            answer = await client.post("/v1/keys", json={"role": "agent", "agent": f"agent-{number}"})
            made.append(str(answer.raise_for_status().json()["key"]))
        return made


async def write(desk: Desk, more: Any, *, connections: int, interval_s: float = 0.0) -> Sent:
    """Customers write while `more()` says so."""
    port = desk.processes["ingest"].port
    path = f"/v1/inbound/http/{ACCOUNT}"
    return await post(port, path, SECRET.encode(), more, connections=connections, interval_s=interval_s)


async def fill(desk: Desk, tickets: int) -> list[str]:
    """So many tickets, each held by an agent; gives their ids."""
    left = itertools.count()
    await write(desk, lambda: next(left) < tickets, connections=32)
    connection = await desk.connect("tickets")
    try:

        async def held() -> bool:
            return bool(await connection.fetchval("select count(*) from tickets where assignee is not null") >= tickets)

        await eventually(held, timeout_s=60 + tickets / 50, what=f"{tickets} tickets held by agents")
        rows = await connection.fetch("select id from tickets order by id")
        await connection.execute("analyze")
        return [str(row["id"]) for row in rows]
    finally:
        await connection.close()

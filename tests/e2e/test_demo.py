"""The demo: a workspace that works at once, an hour of its customers in seconds, and nothing twice when run again."""

import asyncio
import json
import sys
from typing import Any

import httpx

from switchboard.seed.documents import AGENTS, FIRST_AGENT, WORKSPACE
from switchboard.seed.plan import arrivals
from tests.desk import ROOT, Desk
from tests.eventually import eventually

MESSAGES = 40


async def seed(desk: Desk, keys: dict[str, str], *arguments: str) -> tuple[int, str]:
    """Run `switchboard seed` with the keys that the installation keeps; gives exit code and everything it said."""
    kept = {f"SWITCHBOARD_{name.upper()}": key for name, key in keys.items()}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "switchboard.seed", *arguments),
        cwd=ROOT,
        env={**desk.environment, **kept},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


async def counts(desk: Desk) -> tuple[int, int]:
    """Tickets and messages of the demo's workspace."""
    connection = await desk.connect("tickets")
    try:
        return tuple(
            [
                await connection.fetchval(f"select count(*) from {table} where workspace = $1", WORKSPACE)
                for table in ("tickets", "messages")
            ]
        )
    finally:
        await connection.close()


async def test_the_demo_plays_an_hour_once_and_again_without_doubling_anything(desk: Desk) -> None:
    _, printed = await desk.run("services.gateway", "bootstrap")
    told: dict[str, Any] = json.loads(printed.splitlines()[-1])
    keys = {"installation_key": told["installation_key"]}
    hour = arrivals(MESSAGES)
    conversations = len({arrival.customer.number for arrival in hour})

    code, said = await seed(desk, keys, "workspace")
    assert code == 0, said
    made = json.loads(said.splitlines()[-1])
    headers = {"authorization": f"Bearer {made['agent_key']}"}
    async with httpx.AsyncClient(base_url=desk.url("gateway"), headers=headers) as agent:
        who = (await agent.get("/v1/whoami")).json()
    assert (who["workspace"], who["role"], who["agent"]) == (WORKSPACE, "agent", FIRST_AGENT)

    code, said = await seed(desk, keys, "traffic", "--seconds", "8", "--messages", str(MESSAGES))
    assert code == 0, said
    assert f"{MESSAGES} accepted" in said
    assert "taken" in said

    async def all_there() -> bool:
        return await counts(desk) == (conversations, MESSAGES)

    await eventually(all_there, what="every conversation as one ticket, every message once")

    code, said = await seed(desk, {**keys, **made}, "workspace")
    assert code == 0, said
    assert json.loads(said.splitlines()[-1]) == made
    code, said = await seed(desk, keys, "traffic", "--seconds", "1", "--messages", str(MESSAGES))
    assert code == 0, said
    assert await counts(desk) == (conversations, MESSAGES)

    headers = {"authorization": f"Bearer {made['demo_admin_key']}"}
    async with httpx.AsyncClient(base_url=desk.url("gateway"), headers=headers) as admin:
        documents = (await admin.get("/v1/settings/agent")).json()["items"]
        labels = [key["label"] for key in (await admin.get("/v1/keys")).json()["items"]]
        tickets = (await admin.get("/v1/tickets", params={"limit": 200})).json()["items"]
    assert [(item["id"], item["version"]) for item in documents] == [(name, 1) for name in sorted(AGENTS)]
    assert sorted(labels) == ["demo admin", "first agent"]
    assert any(ticket["state"] == "solved" for ticket in tickets)

"""One run of the product under load: a desk of its own, messages in, tickets held by agents out."""

import asyncio
import itertools
import time
from datetime import UTC, datetime
from typing import Any

import httpx

from bench.load import Sent, post
from bench.processes import cpu_s, pss_mb, quantile_ms
from shared.identity import Identity, sign
from tests.desk import KEY, Desk
from tests.eventually import eventually
from tests.stack import Stack

SERVICES = ("services.gateway", "services.ingest", "services.tickets", "services.routing")
WORKSPACE = "bench"
ACCOUNT = "bench-form"
SECRET = "bench-secret-of-the-form"
AGENTS = 200
WARM_UP_S = 5


async def open_desk(stack: Stack) -> Desk:
    """A desk with 200 agents whose capacity is no limit and a policy that pushes."""
    desk = Desk(stack, await stack.create_database(), await stack.create_topics())
    for service in SERVICES:
        code, _ = await desk.run(service, "migrate")
        if code:
            raise RuntimeError(f"{service} could not be migrated")
    await desk.start(*SERVICES)
    await _settings(desk)
    await _presence(desk)
    return desk


def _documents() -> list[tuple[str, str, dict[str, Any]]]:
    push = {"mode": "push", "weight": 1}
    policy = {"default": push, "require_language": False, "offline_grace_s": 3600}
    account = {"channel": "http", "shop": "bench", "secrets": [{"value": SECRET}]}
    agents = [("agent", f"agent-{n}", {"name": f"Agent {n}", "capacity": 100_000}) for n in range(AGENTS)]
    return [
        ("workspace", WORKSPACE, {"name": "Bench", "languages": ["en", "nl", "de", "fr"]}),
        ("shop", "bench", {"name": "Bench"}),
        ("routing", "default", policy),
        *agents,
        ("account", ACCOUNT, account),
    ]


def _token(role: Any, agent: str | None = None) -> dict[str, str]:
    identity = Identity(principal=agent or "bench", role=role, workspace=WORKSPACE, agent=agent)
    return {"authorization": f"Bearer {sign(identity, KEY, datetime.now(UTC))}"}


async def _settings(desk: Desk) -> None:
    """Through the gateway, as `switchboard settings apply` does; then wait until ingest and routing have them."""
    _, printed = await desk.run("services.gateway", "bootstrap")
    key = httpx.Response(200, content=printed.strip().splitlines()[-1]).json()["installation_key"]
    headers = {"authorization": f"Bearer {key}", "switchboard-workspace": WORKSPACE}
    async with httpx.AsyncClient(base_url=desk.url("gateway"), headers=headers, timeout=20) as client:
        for kind, name, document in _documents():
            (await client.put(f"/v1/settings/{kind}/{name}", json=document)).raise_for_status()
        for service in ("ingest", "routing", "tickets"):
            url = f"{desk.url(service)}/internal/settings"

            async def has_account(url: str = url) -> bool:
                return f"{WORKSPACE}/account/{ACCOUNT}" in (await client.get(url)).json()

            await eventually(has_account, what=f"the account in {service}")


async def _presence(desk: Desk) -> None:
    async with httpx.AsyncClient(base_url=desk.url("routing"), timeout=20) as client:
        for number in range(AGENTS):
            headers = _token("agent", f"agent-{number}")
            answer = await client.put("/v1/presence", json={"presence": "available"}, headers=headers)
            answer.raise_for_status()


async def close_desk(desk: Desk) -> None:
    """Stop the services and drop the database."""
    desk.stop()
    await desk.stack.drop_database(desk.database)


async def throughput(stack: Stack, messages: int) -> dict[str, Any]:
    """As many messages as fast as they are accepted."""
    desk = await open_desk(stack)
    try:
        left = itertools.count()
        before = _cpu(desk)
        sent = await _post(desk, lambda: next(left) < messages, connections=64)
        result = await _result(desk, sent, since=0)
        result["cpu_s_per_1000"] = {k: round((v - before[k]) / messages * 1000, 3) for k, v in _cpu(desk).items()}
        result["resident_mb"] = _memory(desk)
        return result
    finally:
        await close_desk(desk)


async def latency(stack: Stack, rate: float, seconds: float) -> dict[str, Any]:
    """A Poisson stream of messages; the first 5 s are left out."""
    desk = await open_desk(stack)
    try:
        end = time.time() + seconds
        sent = await _post(desk, lambda: time.time() < end, connections=16, interval_s=1 / rate)
        return await _result(desk, sent, since=sent.began + WARM_UP_S)
    finally:
        await close_desk(desk)


async def _post(desk: Desk, more: Any, *, connections: int, interval_s: float = 0.0) -> Sent:
    port = desk.processes["ingest"].port
    path = f"/v1/inbound/http/{ACCOUNT}"
    return await post(port, path, SECRET.encode(), more, connections=connections, interval_s=interval_s)


_HELD = """
    select m.natural_id, extract(epoch from h.recorded_at)::float8 as held
    from messages m join happenings h on h.workspace = m.workspace and h.ticket = m.ticket and h.what = 'assigned'
"""


async def _result(desk: Desk, sent: Sent, *, since: float) -> dict[str, Any]:
    connection = await desk.connect("tickets")
    try:
        deadline = time.time() + 180
        while await connection.fetchval("select count(*) from tickets where assignee is not null") < len(sent.made_at):
            if time.time() > deadline:
                break
            await asyncio.sleep(0.2)
        rows = {row["natural_id"]: row["held"] for row in await connection.fetch(_HELD)}
    finally:
        await connection.close()
    waits = [rows[name] - made for name, made in sent.made_at.items() if name in rows and made > since]
    return {
        "messages": len(sent.made_at),
        "assigned": len(rows),
        "accepted_per_s": round(len(sent.made_at) / sent.took_s),
        "end_to_end_per_s": round(len(rows) / (max(rows.values()) - sent.began)) if rows else 0,
        "accept_ms_p50": quantile_ms(sent.accept_s, 0.5),
        "accept_ms_p99": quantile_ms(sent.accept_s, 0.99),
        "e2e_ms_p50": quantile_ms(waits, 0.5),
        "e2e_ms_p99": quantile_ms(waits, 0.99),
    }


def _pids(desk: Desk) -> dict[str, int]:
    own = {name: process.pid for name, process in desk.processes.items()}
    return {**own, "kafka": desk.stack.kafka.pid, "postgres": desk.stack.postgres.pid}


def _cpu(desk: Desk) -> dict[str, float]:
    return {name: cpu_s(pid) for name, pid in _pids(desk).items()}


def _memory(desk: Desk) -> dict[str, float]:
    by_process = {name: pss_mb(pid) for name, pid in _pids(desk).items()}
    return {**by_process, "total": round(sum(by_process.values()), 1)}

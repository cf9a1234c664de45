"""A customer writes, the agent's stream rings, he takes the ticket; in a program, in a script, and in a terminal."""

import asyncio
import json
import os
import pty
import re
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

from tests.desk import ROOT, Desk
from tests.eventually import eventually
from tests.integration.streams import Ear
from tests.shop import Shop


def ear_of(shop: Shop, agent: str) -> Ear:
    return Ear(shop.agents[agent].client.headers["authorization"].removeprefix("Bearer "))


async def test_an_offer_rings_on_the_agents_stream_with_all_he_needs_to_take_it(shop: Shop) -> None:
    anna, bram = ear_of(shop, "anna"), ear_of(shop, "bram")
    url = shop.desk.url("gateway")
    async with anna.listening(url), bram.listening(url):
        await shop.agents["anna"].available()
        assert (await shop.say("telegram", "Where is my order?")).is_success
        (offer,) = await anna.until("routing.offered")
        assert (await shop.agents["anna"].accept(offer["offer"])).is_success
        (held,) = await anna.until("routing.assigned")
        await bram.until("routing.assigned")
        await anna.until("ticket.assigned")
    assert (held["ticket"], held["agent"]) == (offer["ticket"], "anna")
    assert offer["lease_until"]
    assert bram.heard("routing.offered") == []
    assert "Where is my order?" not in json.dumps(anna.events)


async def test_an_agent_stays_at_work_by_his_stream_alone(shop: Shop) -> None:
    await shop.admin.put("/v1/settings/routing/default", json={"default": {"mode": "offer"}, "offline_grace_s": 5})
    anna = ear_of(shop, "anna")
    async with anna.listening(shop.desk.url("gateway")):
        await shop.agents["anna"].available()
        began = time.monotonic()

        async def past_grace() -> bool:
            return time.monotonic() - began > 12

        await eventually(past_grace, what="more than two graces")
        now = (await shop.agents["anna"].client.get("/v1/presence")).json()
    assert now["presence"] == "available"


def command(shop: Shop, agent: str) -> tuple[list[str], dict[str, str]]:
    """`switchboard agent` for an agent of the shop."""
    environment = {**os.environ, "SWITCHBOARD_API_KEY": ear_of(shop, agent).key, "TERM": "xterm", "COLUMNS": "200"}
    line = [sys.executable, "-m", "switchboard", "agent", "--as", agent, "--url", shop.desk.url("gateway")]
    return line, environment


async def ticket_of(shop: Shop, agent: str) -> dict[str, Any]:
    async def held() -> list[dict[str, Any]]:
        return [ticket for ticket in await shop.tickets() if ticket["assignee"] == agent]

    return (await eventually(held, what=f"a ticket of {agent}"))[0]


async def test_a_script_takes_a_ticket_reads_it_and_solves_it(shop: Shop) -> None:
    line, environment = command(shop, "anna")
    process = await asyncio.create_subprocess_exec(
        *line, cwd=ROOT, env=environment, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    process.stdin.write(b"a\nl\nn Ask the workshop\nw It is on its way.\nr\ns solved\nx\n")
    await process.stdin.drain()
    process.stdin.close()
    assert (await shop.say("http", "My bike has no bell [red]!")).is_success
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    told = output.decode()
    assert "you are available" in told
    assert "▶ offer 1" in told
    assert "ticket 1 is yours" in told
    assert "My bike has no bell [red]!" in told
    assert "anna: Ask the workshop" in told
    assert "anna: It is on its way." in told
    assert "ticket 1 is solved" in told
    assert "there is no command x" in told
    assert process.returncode == 1, "a script's command was refused"
    assert (await shop.tickets())[0]["state"] == "solved"


async def read(fd: int) -> AsyncIterator[str]:
    """What a terminal shows, as it comes."""
    loop, came = asyncio.get_running_loop(), asyncio.Queue[bytes]()

    def take() -> None:
        try:
            came.put_nowait(os.read(fd, 65536))
        except OSError:
            came.put_nowait(b"")

    loop.add_reader(fd, take)
    try:
        while data := await asyncio.wait_for(came.get(), 30):
            yield data.decode("utf-8", "replace")
    finally:
        loop.remove_reader(fd)


async def test_in_a_terminal_the_seconds_of_an_offer_count_down(shop: Shop) -> None:
    line, environment = command(shop, "anna")
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *line, cwd=ROOT, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    shown, said, accepted, left = "", False, False, set()
    async for text in read(ours):
        shown += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
        if "anna> " in shown and not said:
            said = (await shop.say("http", "My bike has no bell")).is_success
        left |= {int(seconds) for seconds in re.findall(r"offer 1 .*?(\d+) s", shown)}
        if len(left) >= 3 and not accepted:
            accepted = True
            os.write(ours, b"a\n")
        if "ticket 1 is yours" in shown:
            os.write(ours, b"q\n")
            break
    assert await asyncio.wait_for(process.wait(), 20) == 0
    os.close(ours)
    assert (await ticket_of(shop, "anna"))["state"] == "open"


async def test_a_key_is_made_for_an_agent_on_the_desks_own_machine_and_revoked_when_he_leaves(
    shop: Shop, desk: Desk
) -> None:
    line, environment = command(shop, "bram")
    environment["SWITCHBOARD_ADMIN_KEY"] = str(shop.admin.headers["authorization"]).removeprefix("Bearer ")
    del environment["SWITCHBOARD_API_KEY"]
    process = await asyncio.create_subprocess_exec(
        *line, cwd=ROOT, env=environment, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await asyncio.wait_for(process.communicate(b"l\nq\n"), 60)
    assert "you hold no ticket" in output.decode()
    assert process.returncode == 0
    labels = [key["label"] for key in (await shop.admin.get("/v1/keys")).json()["items"]]
    assert "terminal desk" not in labels

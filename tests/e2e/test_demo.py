"""The demo: a workspace that works at once, an hour of its customers in seconds, and nothing twice when run again."""

import asyncio
import json
import os
import pty
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from switchboard.seed.documents import ACCOUNTS, AGENTS, FIRST_AGENT, WORKSPACE
from switchboard.seed.edge import deliver
from switchboard.seed.plan import Arrival, arrivals, follow_up
from switchboard.seed.workspace import secret
from tests.desk import KEY, ROOT, Desk, ServiceProcess, free_port
from tests.eventually import eventually
from tests.shop import SERVICES
from tests.stack import Stack

MESSAGES = 40
ANSWER = "We look after it today."


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


# --- answers ---------------------------------------------------------------------------------------------------------


@pytest.fixture
async def played(stack: Stack, tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk with its customers' side, as `up --demo` starts them."""
    customers = {"web_port": free_port(), "mail_port": free_port(), "kept_in": str(tmp_path / "customers.jsonl")}
    more = {"SWITCHBOARD_CUSTOMERS": json.dumps(customers), "SWITCHBOARD_ALLOW_PRIVATE_URLS": "true"}
    desk = Desk(stack, await stack.create_database(await stack.migrated()), await stack.create_topics(), more)
    await desk.start(*SERVICES)
    side = ServiceProcess("switchboard.seed.customers", desk.environment, 0, desk.directory / "customers.log")
    side.start()
    yield desk
    code = side.stop()
    desk.stop()
    await stack.drop_database(desk.database)
    assert code == 0, side.log.read_text()


def lines_of(desk: Desk, word: str) -> list[tuple[str, str, str]]:
    """Account, customer and text of what customers got, or wrote."""
    file = Path(json.loads(desk.environment["SWITCHBOARD_CUSTOMERS"])["kept_in"])
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    return [(line["account"], line["customer"], line[word]) for line in lines if word in line]


def who_writes_back() -> list[Arrival]:
    """For each account the first message of somebody who writes back in English once he is answered."""
    began = [arrival for arrival in arrivals(200) if arrival.first and arrival.customer.language == "en"]
    curious = [arrival for arrival in began if follow_up(arrival.customer.number)]
    return [next(arrival for arrival in curious if arrival.account == account) for account in ACCOUNTS]


async def write(desk: Desk, written: list[Arrival], monkeypatch: pytest.MonkeyPatch) -> None:
    """These customers write."""
    monkeypatch.setenv("SWITCHBOARD_KEY", KEY)
    async with httpx.AsyncClient(base_url=desk.url("ingest")) as edge:
        for arrival in written:
            taken = await deliver(edge, arrival, secret())
            assert taken is not None
            assert taken.is_success, taken.text


async def timeline(agent: httpx.AsyncClient, ticket: str) -> list[dict[str, Any]]:
    """The ticket's lines."""
    return list((await agent.get(f"/v1/tickets/{ticket}/timeline")).json()["items"])


async def accepted(agent: httpx.AsyncClient, count: int) -> list[str]:
    """So many tickets that the agent was offered and took."""
    taken: list[str] = []

    async def enough() -> bool:
        await agent.put("/v1/presence", json={"presence": "available"})
        for offer in (await agent.get("/v1/offers")).json()["items"]:
            if (await agent.post(f"/v1/offers/{offer['id']}/accept")).is_success:
                taken.append(offer["ticket"])
        return len(taken) == count

    await eventually(enough, what=f"{count} offers")
    return taken


async def made_workspace(desk: Desk) -> dict[str, str]:
    """The demo's keys."""
    _, printed = await desk.run("services.gateway", "bootstrap")
    keys = {"installation_key": json.loads(printed.splitlines()[-1])["installation_key"]}
    code, said = await seed(desk, keys, "workspace")
    assert code == 0, said
    return dict(json.loads(said.splitlines()[-1]))


async def test_every_customer_of_the_demo_gets_the_answer_and_writes_back_on_the_same_ticket(
    played: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = {"authorization": f"Bearer {(await made_workspace(played))['agent_key']}"}
    written = who_writes_back()
    await write(played, written, monkeypatch)

    async with httpx.AsyncClient(base_url=played.url("gateway"), headers=headers, timeout=10) as agent:
        tickets = await accepted(agent, len(written))
        for ticket in tickets:
            answered = await agent.post(f"/v1/tickets/{ticket}/answers", json={"text": ANSWER})
            assert answered.status_code == 201, answered.text

        async def heard_back() -> bool:
            for ticket in tickets:
                lines = await timeline(agent, ticket)
                told = {line["delivery"] for line in lines if line.get("author") == "agent"}
                customer = [line["text"] for line in lines if line.get("author") == "customer"]
                if not told <= {"sent", "delivered"} or len(customer) != 2:
                    return False
            return True

        await eventually(heard_back, what="answers that are sent, and a customer's word after each")
        said_later = {(await timeline(agent, ticket))[-1]["text"] for ticket in tickets}
        channels = {(await agent.get(f"/v1/tickets/{ticket}")).json()["channel"] for ticket in tickets}
    assert channels == {channel for channel, _, _ in ACCOUNTS.values()}
    later = [follow_up(arrival.customer.number) for arrival in written]
    assert said_later == {arrival.text for arrival in later if arrival is not None}
    got = lines_of(played, "got")
    assert sorted((account, text) for account, _, text in got) == sorted((account, ANSWER) for account in ACCOUNTS)
    assert {account for account, _, _ in lines_of(played, "wrote")} == set(ACCOUNTS)


# --- at a terminal ---------------------------------------------------------------------------------------------------


class Terminal:
    """`switchboard agent` on a terminal, with a person who looks and types."""

    def __init__(self, environment: dict[str, str], *arguments: str) -> None:
        self._file, theirs = pty.openpty()
        os.set_blocking(self._file, False)
        self.shown = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "switchboard.agent", *arguments],
            cwd=ROOT,
            env={**environment, "TERM": "xterm", "COLUMNS": "200"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)

    def type(self, line: str) -> None:
        """Press keys, and return."""
        os.write(self._file, f"{line}\n".encode())

    async def shows(self, *words: str) -> None:
        """Wait until all of these stood on the screen."""

        async def there() -> bool:
            with suppress(BlockingIOError, OSError):
                while read := os.read(self._file, 65536):
                    self.shown += read.decode("utf-8", "replace")
            return all(word in self.shown for word in words)

        try:
            await eventually(there, what=f"{words} on the screen")
        except AssertionError as error:
            raise AssertionError(f"{error}:\n{self.shown[-3000:]}") from None

    def close(self) -> None:
        """Nothing is left."""
        self.process.kill()
        self.process.wait()
        os.close(self._file)


async def test_a_person_at_a_terminal_accepts_answers_and_hears_from_the_customer(
    played: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = await made_workspace(played)
    began = who_writes_back()[0]
    later = follow_up(began.customer.number)
    assert later is not None
    kept = {"SWITCHBOARD_DEMO_ADMIN_KEY": keys["demo_admin_key"]}
    terminal = Terminal(played.environment | kept, "--as", "ada")
    try:
        await terminal.shows("you are available")
        await write(played, [began], monkeypatch)
        await terminal.shows("offer 1", "a: accept")
        terminal.type("a")
        await terminal.shows("ticket 1 is yours", began.text[:60])
        terminal.type(f"w {ANSWER}")
        await terminal.shows("your answer: sent", "the customer wrote; r shows it")
        terminal.type("r")
        await terminal.shows(later.text[:60])
        terminal.type("q")
        assert await asyncio.to_thread(terminal.process.wait, 20) == 0
    finally:
        terminal.close()
    assert [text for _, _, text in lines_of(played, "got")] == [ANSWER]

"""A real tickets alone on its bus: messages and routing's decisions come in, people ask as the gateway would."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import httpx
from aiokafka import AIOKafkaConsumer

from shared.bus import codec
from shared.contracts.envelope import Event, Message
from shared.contracts.inbound_messages import MessageReceived
from shared.contracts.settings import SettingChanged
from shared.identity import Identity, Role, sign
from shared.ids import derived_id, inbound_id, new_id
from tests import factories
from tests.desk import KEY, Desk
from tests.eventually import eventually
from tests.stack import Stack

Line = dict[str, Any]
_numbers = itertools.count(1)


@dataclass
class Tickets:
    """The running service, and a workspace of one test on it."""

    desk: Desk
    workspace: str

    def message(self, **more: Any) -> Event[MessageReceived]:
        """A customer's message in this workspace; the same person and number are the same message."""
        event = factories.message(**more)
        said = event.data
        id_ = inbound_id(self.workspace, said.channel, said.account, said.natural_id)
        return replace(event, workspace=self.workspace, id=id_)

    async def write(self, **more: Any) -> UUID:
        """A customer writes this; gives the ticket that it would open."""
        event = self.message(**more)
        await self.publish(event)
        return ticket_of(event)

    async def publish(self, *events: Event[Message]) -> None:
        """Put events of this workspace on their topics, in order."""
        await factories.publish(self.desk, [replace(event, workspace=self.workspace) for event in events])

    async def settle(self, document: Mapping[str, Any]) -> None:
        """Publish the workspace's own document, and wait until tickets has read it."""
        data = SettingChanged(kind="workspace", document_id=self.workspace, document={"name": "Main", **document})
        now = datetime.now(UTC)
        await self.publish(Event(new_id(), "gateway", now, self.workspace, data, version=1))

        async def read() -> bool:
            async with httpx.AsyncClient(base_url=self.desk.url("tickets"), timeout=5) as client:
                return f"{self.workspace}/workspace/{self.workspace}" in (await client.get("/internal/settings")).json()

        await eventually(read, what="the workspace in tickets")

    def client(
        self,
        *,
        role: Role = "agent",
        workspace: str | None = None,
        shops: tuple[str, ...] = (),
        agent: str | None = "anna",
    ) -> httpx.AsyncClient:
        """Asks as the gateway would."""
        who = Identity("key-1", role, workspace or self.workspace, shops, agent)
        token = sign(who, KEY, datetime.now(UTC))
        headers = {"authorization": f"Bearer {token}"}
        return httpx.AsyncClient(base_url=self.desk.url("tickets"), headers=headers, timeout=10)

    async def get(self, path: str, **query: Any) -> Any:
        """What the API answers."""
        async with self.client() as asking:
            answer = await asking.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def become(self, ticket: UUID | str, state: str) -> httpx.Response:
        """An agent moves a ticket."""
        async with self.client() as asking:
            return await asking.post(f"/v1/tickets/{ticket}/state", json={"state": state})

    async def listed(self, count: int) -> list[Line]:
        """The tickets, once there are so many."""

        async def there() -> list[Line]:
            items: list[Line] = (await self.get("/v1/tickets", limit=200))["items"]
            return items if len(items) >= count else []

        return await eventually(there, what=f"{count} tickets")

    async def timeline(self, ticket: UUID | str, count: int) -> list[Line]:
        """The ticket's lines, once there are so many."""

        async def there() -> list[Line]:
            async with self.client() as asking:
                answer = await asking.get(f"/v1/tickets/{ticket}/timeline")
            items: list[Line] = answer.json()["items"] if answer.status_code == 200 else []
            return items if len(items) >= count else []

        return await eventually(there, what=f"{count} lines")

    async def told(self, count: int, topic: str = "ticket-events") -> list[Event[Any]]:
        """What stands on a topic about the workspace, once it is so many."""
        name = self.desk.prefix + topic
        consumer = AIOKafkaConsumer(
            name,
            bootstrap_servers=self.desk.stack.kafka.bootstrap,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )
        await consumer.start()
        found: list[Event[Any]] = []

        async def enough() -> bool:
            for records in (await consumer.getmany(timeout_ms=300)).values():
                for record in records:
                    event = codec.decode(topic, record.value, record.headers)
                    if event is not None and event.workspace == self.workspace:
                        found.append(event)
            return len(found) >= count

        try:
            await eventually(enough, what=f"{count} on {topic}")
        finally:
            await consumer.stop()
        return found

    async def database(self) -> asyncpg.Connection:
        """Tickets' own schema."""
        return await self.desk.connect("tickets")


def ticket_of(event: Event[MessageReceived]) -> UUID:
    """The ticket that a message opens."""
    return derived_id(event.id, "ticket", event.data.natural_id)


async def open_desk(stack: Stack) -> Desk:
    """Tickets alone, started on an empty database."""
    desk = Desk(stack, await stack.create_database(await stack.migrated()), await stack.create_topics())
    await desk.start("services.tickets")
    return desk


def one_desk(stack: Stack) -> Iterator[Desk]:
    """One tickets for all tests of a module."""
    running = stack.run(open_desk(stack))
    yield running
    running.stop()
    stack.run(stack.drop_database(running.database))


def new_workspace(desk: Desk) -> Tickets:
    """A workspace of one test."""
    return Tickets(desk, f"w{next(_numbers)}")

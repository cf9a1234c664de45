"""A real routing alone on its bus: tickets' events come in as published, people ask as the gateway would."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
from aiokafka import AIOKafkaConsumer

from shared.bus import codec
from shared.contracts.envelope import Event, Message
from shared.contracts.settings import SettingChanged
from shared.contracts.ticket_events import MessageAdded, StateChanged, TicketEvent, TicketOpened, TicketReopened
from shared.identity import Identity, Role, sign
from shared.ids import derived_id, new_id
from shared.telemetry.trace import child
from tests.desk import KEY, Desk
from tests.eventually import eventually
from tests.factories import publish
from tests.stack import Stack

PLAIN = {"mode": "offer", "weight": 20, "lease_s": 30}
AGENTS: dict[str, dict[str, Any]] = {"anna": {}, "bram": {}}

_numbers = itertools.count(1)


def setting(kind: str, id_: str, document: Mapping[str, Any], *, version: int, workspace: str) -> Event[SettingChanged]:
    """A document as the gateway publishes it."""
    data = SettingChanged(kind=kind, document_id=id_, document=dict(document))
    return Event(id=new_id(), source="gateway", time=datetime.now(UTC), workspace=workspace, version=version, data=data)


def ticket_event(type_: type[TicketEvent], ticket: UUID, version: int, **more: Any) -> Event[TicketEvent]:
    """What tickets says about a ticket of the form channel; it began a minute ago unless said."""
    shop = more.pop("shop", "bikes")
    facts: dict[str, Any] = {
        "ticket": ticket,
        "person": UUID(int=7),
        "channel": "http",
        "account": "bikes-form",
        "state": "new",
        "cycle": 1,
        "cycle_started_at": datetime.now(UTC) - timedelta(minutes=1),
    }
    if type_ in (TicketOpened, TicketReopened, MessageAdded):
        facts["message"] = new_id()
    if type_ is MessageAdded:
        facts["author"] = "customer"
    if type_ is StateChanged:
        facts |= {"was": "open", "reason": "agent"}
    return Event(
        id=derived_id(ticket, type_.TYPE, str(version)),
        source="tickets",
        time=datetime.now(UTC),
        workspace="set-by-publish",
        shop=shop,
        version=version,
        data=type_(**{**facts, **more}),
        trace=child(None),
    )


def opened(**more: Any) -> Event[TicketEvent]:
    """A new ticket."""
    return ticket_event(TicketOpened, new_id(), 1, **more)


@dataclass
class Routing:
    """The running service, and a workspace of one test on it."""

    desk: Desk
    workspace: str
    versions: dict[str, int] = field(default_factory=dict)

    async def publish(self, *events: Event[TicketEvent]) -> None:
        """Tickets says this about the workspace's tickets."""
        await publish(self.desk, [replace(event, workspace=self.workspace) for event in events])

    async def settle(self, documents: Mapping[tuple[str, str], Mapping[str, Any]]) -> None:
        """Publish settings, and wait until routing has read them."""
        events, wanted = [], {}
        for (kind, id_), document in documents.items():
            name = f"{self.workspace}/{kind}/{id_}"
            self.versions[name] = wanted[name] = self.versions.get(name, 0) + 1
            events.append(setting(kind, id_, document, version=wanted[name], workspace=self.workspace))
        await publish(self.desk, events)

        async def read() -> bool:
            async with httpx.AsyncClient(base_url=self.desk.url("routing"), timeout=5) as client:
                known = (await client.get("/internal/settings")).json()
            return all(known.get(name, 0) >= version for name, version in wanted.items())

        await eventually(read, what="the settings in routing")

    async def staff(self, agents: Mapping[str, Mapping[str, Any]] | None = None, **policy: Any) -> None:
        """A workspace with these agents; every channel is given out as said, by offer unless said."""
        rule = PLAIN | {name: policy.pop(name) for name in ("mode", "weight", "lease_s", "requires") if name in policy}
        documents: dict[tuple[str, str], Mapping[str, Any]] = {
            ("workspace", self.workspace): {"name": "Main"},
            ("routing", "default"): {"default": rule, "require_language": False} | policy,
        }
        for id_, about in (AGENTS if agents is None else agents).items():
            documents["agent", id_] = {"name": id_.title()} | dict(about)
        await self.settle(documents)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        agent: str | None = None,
        role: Role | None = None,
        workspace: str | None = None,
        shops: tuple[str, ...] = (),
        **more: Any,
    ) -> httpx.Response:
        """One request with the identity that the gateway would sign: an agent's, or an admin's."""
        who = Identity(
            agent or "admin", role or ("agent" if agent else "admin"), workspace or self.workspace, shops, agent
        )
        headers = {"authorization": f"Bearer {sign(who, KEY, datetime.now(UTC))}", **more.pop("headers", {})}
        async with httpx.AsyncClient(base_url=self.desk.url("routing"), timeout=20) as client:
            return await client.request(method, path, headers=headers, **more)

    async def presence(self, agent: str, presence: str = "available", **more: Any) -> None:
        """An agent tells his presence."""
        body = {"presence": presence} | ({"reason": more.pop("reason")} if "reason" in more else {})
        answer = await self.ask("PUT", "/v1/presence", agent=agent, json=body, **more)
        assert answer.is_success, answer.text

    async def offers(self, agent: str, count: int = 1) -> list[dict[str, Any]]:
        """What an agent is asked to take, once there are so many."""

        async def there() -> list[dict[str, Any]]:
            answer = await self.ask("GET", "/v1/offers", agent=agent)
            assert answer.status_code == 200, answer.text
            items: list[dict[str, Any]] = answer.json()["items"]
            return items if len(items) >= count else []

        return await eventually(there, what=f"{count} offers to {agent}")

    async def accept(self, offer: str, agent: str, **more: Any) -> httpx.Response:
        """An agent takes what he was offered."""
        return await self.ask("POST", f"/v1/offers/{offer}/accept", agent=agent, **more)

    async def decline(self, offer: str, agent: str, reason: str = "busy", **more: Any) -> httpx.Response:
        """An agent does not."""
        return await self.ask("POST", f"/v1/offers/{offer}/decline", agent=agent, json={"reason": reason}, **more)

    async def routing_of(self, ticket: UUID, **more: Any) -> dict[str, Any]:
        """Where a ticket is, and why; {} where it is not known."""
        answer = await self.ask("GET", f"/v1/tickets/{ticket}/routing", **more)
        return dict(answer.json()) if answer.status_code == 200 else {}

    async def until(self, ticket: UUID, **wanted: Any) -> dict[str, Any]:
        """The ticket's routing, once these of its fields are so."""

        async def so() -> dict[str, Any]:
            found = await self.routing_of(ticket)
            return found if all(found.get(name, ...) == value for name, value in wanted.items()) else {}

        return await eventually(so, what=f"{ticket} with {wanted}")

    async def told(self, topic: str, count: int) -> list[Event[Message]]:
        """What stands on one of routing's topics about the workspace, once it is so many."""
        name = self.desk.prefix + topic
        consumer = AIOKafkaConsumer(
            name, bootstrap_servers=self.desk.stack.kafka.bootstrap, auto_offset_reset="earliest",
            enable_auto_commit=False,
        )  # fmt: skip
        await consumer.start()
        found: list[Event[Message]] = []

        async def enough() -> bool:
            for records in (await consumer.getmany(timeout_ms=300)).values():
                for record in records:
                    event = codec.decode(topic, record.value, record.headers)
                    assert event is not None
                    if event.workspace == self.workspace:
                        found.append(event)
            return len(found) >= count

        try:
            await eventually(enough, what=f"{count} records of {topic}")
        finally:
            await consumer.stop()
        return found

    async def database(self) -> asyncpg.Connection:
        """Routing's own schema."""
        return await self.desk.connect("routing")


async def open_desk(stack: Stack) -> Desk:
    """Routing alone, started on an empty database."""
    desk = Desk(stack, await stack.create_database(await stack.migrated()), await stack.create_topics())
    await desk.start("services.routing")
    return desk


def one_desk(stack: Stack) -> Iterator[Desk]:
    """One routing for all tests of a module."""
    running = stack.run(open_desk(stack))
    yield running
    running.stop()
    stack.run(stack.drop_database(running.database))


def new_workspace(desk: Desk) -> Routing:
    """A workspace of one test."""
    return Routing(desk, f"w{next(_numbers)}")

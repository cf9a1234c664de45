"""A real metrics alone on its bus: other owners' events come in, leads ask as the gateway would."""

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition

from services.metrics.domain.events import TOPICS
from services.metrics.repo import shadow
from shared.contracts.envelope import Event, Message
from shared.contracts.routing_events import TicketTaken
from shared.contracts.settings import SettingChanged
from shared.contracts.sla_events import SlaDecided
from shared.contracts.ticket_events import (
    MessageAdded,
    MessageCounted,
    ReplyFailed,
    ReplySent,
    State,
    StateChanged,
    TicketAssigned,
    TicketChanged,
    TicketOpened,
    TicketReopened,
)
from shared.identity import Identity, sign
from shared.ids import new_id
from tests import factories
from tests.desk import KEY, Desk
from tests.eventually import eventually
from tests.stack import Stack

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
_numbers = itertools.count(1)


@dataclass
class Story:
    """What tickets would tell of one ticket, event by event; `at` moves with each."""

    workspace: str
    shop: str | None = "bikes"
    channel: str = "http"
    at: datetime = START
    ticket: UUID = field(default_factory=new_id)
    person: UUID = field(default_factory=new_id)
    state: State = "new"
    version: int = 0
    cycle: int = 0
    started_at: datetime = START
    void: bool = False
    events: list[Event[Any]] = field(default_factory=list)
    routed: int = 0

    def _carried(self) -> dict[str, Any]:
        return {
            "ticket": self.ticket, "person": self.person, "channel": self.channel, "account": "form",
            "state": self.state, "cycle": self.cycle, "cycle_started_at": self.started_at,
        }  # fmt: skip

    def _tell(self, data: Message, version: int) -> Event[Any]:
        event = Event(new_id(), "tickets", self.at, self.workspace, data, shop=self.shop, version=version)
        self.events.append(event)
        return event

    def _next(self, data: Message) -> Event[Any]:
        self.version += 1
        return self._tell(data, self.version)

    def after(self, **time: float) -> "Story":
        """So much later."""
        self.at += timedelta(**time)
        return self

    def opened(self, *, quiet: bool = False) -> "Story":
        """A customer wrote, or his mail program did."""
        self.cycle, self.started_at, self.state = 1, self.at, "solved" if quiet else "new"
        self._next(TicketOpened(**self._carried(), message=new_id()))
        return self

    def reopened(self) -> "Story":
        """A customer wrote on the solved ticket."""
        self.cycle, self.started_at, self.state, self.void = self.cycle + 1, self.at, "open", False
        self._next(TicketReopened(**self._carried(), message=new_id()))
        return self

    def wrote(self, author: str = "customer", *, automatic: bool = False) -> "Story":
        """A message was put on the ticket, a minute after it was accepted."""
        if self.void and author == "customer" and not automatic:
            self.void, self.started_at = False, self.at
        said = {"message": new_id(), "author": author, "automatic": automatic, "accepted_at": self.at}
        self._next(MessageAdded(**self._carried() | said))
        return self

    def became(self, state: State) -> "Story":
        """The ticket moved."""
        was, self.state = self.state, state
        self._next(StateChanged(**self._carried(), was=was, reason="agent"))
        return self

    def voided(self, void: bool = True) -> "Story":
        """Nothing is left to answer, or again something is."""
        self.void = void
        self._next(TicketChanged(**self._carried(), fields=("clock",), voids=void, reason="agent"))
        return self

    def counted(self, message: UUID, at: datetime) -> "Story":
        """An agent said that a message counts that was taken for automatic."""
        self._next(MessageCounted(**self._carried(), message=message, was="thanks", accepted_at=at))
        return self

    def held(self, agent: str | None) -> "Story":
        """Routing gave it to an agent, and tickets followed."""
        self.state = "open" if self.state == "new" else self.state
        self.routed += 1
        place = "held" if agent else "waiting"
        taken = TicketTaken(
            ticket=self.ticket, place=place, enqueued_at=self.started_at, enqueue=1, agent=agent, reason="best-fit",
            mode="push", waited_ms=5,
        )  # fmt: skip
        self._tell(taken, self.routed)
        self._next(TicketAssigned(**self._carried(), agent=agent, reason="best-fit"))
        return self

    def sent(
        self, by: str = "anna", *, message: UUID | None = None, version: int = 2, cycle: int | None = None, **more: Any
    ) -> UUID:
        """The provider took an agent's reply now; half of the time was business time."""
        message, seconds = message or new_id(), int((self.at - self.started_at).total_seconds())
        told = {"team": "front", "since_start_s": seconds, "business_since_start_s": seconds // 2} | more
        data = ReplySent(
            **self._carried(), message=message, by=by, reply_cycle=cycle or self.cycle, replied_at=self.at, **told
        )
        self._tell(data, version)
        return message

    def answered(self, by: str = "anna", **more: Any) -> "Story":
        """As `sent`, for those who do not ask for the message."""
        self.sent(by, **more)
        return self

    def clock(
        self, what: type[SlaDecided], outcome: str, *, of: UUID | None = None, version: int = 1, **more: Any
    ) -> UUID:
        """A clock came to something now; or, of a breach, was due now."""
        clock = of or new_id()
        told: dict[str, Any] = {
            "clock": clock, "kind": "first_reply", "clock_cycle": self.cycle, "clock_started_at": self.started_at,
            "clock_due_at": self.at, "target_s": 3600, "policy": "standard", "policy_version": 1, "outcome": outcome,
            "ended_at": self.at, "elapsed_s": 60,
        }  # fmt: skip
        self._tell(what(**self._carried() | told | more), version)
        return clock

    def failed(self, message: UUID, by: str = "anna", version: int = 3, cycle: int | None = None) -> "Story":
        """The reply finally failed."""
        cycle = cycle or self.cycle
        self._tell(
            ReplyFailed(**self._carried(), message=message, by=by, reply_cycle=cycle, failed_at=self.at), version
        )
        return self


@dataclass
class Metrics:
    """The running service, and a workspace of one test on it."""

    desk: Desk
    workspace: str

    def story(self, **more: Any) -> Story:
        """A ticket of this workspace."""
        return Story(self.workspace, **more)

    async def hear(self, *stories: Story) -> None:
        """Publish what was told, and wait until metrics has it."""
        await factories.publish(self.desk, [event for story in stories for event in story.events])
        await self.caught_up()

    async def settle(self, kind: str, id_: str, **document: Any) -> None:
        """Publish a document, and wait until metrics has read it."""
        data = SettingChanged(kind=kind, document_id=id_, document={"name": id_, **document})
        await factories.publish(
            self.desk, [Event(new_id(), "gateway", datetime.now(UTC), self.workspace, data, version=1)]
        )

        async def read() -> bool:
            async with httpx.AsyncClient(base_url=self.desk.url("metrics"), timeout=5) as client:
                return f"{self.workspace}/{kind}/{id_}" in (await client.get("/internal/settings")).json()

        await eventually(read, what=f"{kind} {id_} in metrics")

    async def caught_up(self) -> None:
        """Wait until everything on the log is a fact."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.desk.stack.kafka.bootstrap)
        await consumer.start()
        try:
            known = await consumer._client.fetch_all_metadata()
            names = {self.desk.prefix + topic: topic for topic in TOPICS}
            places = [TopicPartition(name, n) for name in names for n in known.partitions_for_topic(name)]
            ends = {(names[p.topic], p.partition): end for p, end in (await consumer.end_offsets(places)).items()}
        finally:
            await consumer.stop()
        connection = await self.database()

        async def there() -> bool:
            rows = await connection.fetch("select topic, partition, next_offset from consumed")
            handled = {(row["topic"], row["partition"]): row["next_offset"] for row in rows}
            return all(handled.get(place, 0) >= end for place, end in ends.items())

        try:
            await eventually(there, what="everything on the log in metrics")
        finally:
            await connection.close()

    def client(self, *, workspace: str | None = None, shops: tuple[str, ...] = ()) -> httpx.AsyncClient:
        """Asks as the gateway would for a lead."""
        token = sign(Identity("key-1", "lead", workspace or self.workspace, shops), KEY, datetime.now(UTC))
        headers = {"authorization": f"Bearer {token}"}
        return httpx.AsyncClient(base_url=self.desk.url("metrics"), headers=headers, timeout=10)

    async def ask(self, path: str, *, shops: tuple[str, ...] = (), **query: Any) -> Any:
        """What the API answers; `begin` is `from`."""
        given = {"from" if name == "begin" else name: value for name, value in query.items()}
        async with self.client(shops=shops) as asking:
            answer = await asking.get(f"/v1/metrics{path}", params=given)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def whole(self, kpi: str, **query: Any) -> dict[str, Any]:
        """The numbers of a KPI, not cut, over March 2026 unless a window is given."""
        span = {} if kpi == "backlog" else {"begin": "2026-03-01", "to": "2026-03-31"}
        (group,) = (await self.ask(f"/{kpi}", **span | query))["groups"]
        assert group["key"] == {}
        return dict(group["values"])

    async def groups(self, kpi: str, *by: str, **query: Any) -> dict[tuple[str | None, ...], dict[str, Any]]:
        """The numbers of a KPI by these cuts, over March 2026 unless a window is given."""
        span = {} if kpi == "backlog" else {"begin": "2026-03-01", "to": "2026-03-31"}
        found = (await self.ask(f"/{kpi}", by=list(by), **span | query))["groups"]
        return {tuple(group["key"][cut] for cut in by): group["values"] for group in found}

    async def rebuild(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Runs the command; gives its exit code and what it printed."""
        code, output = await self.desk.run("services.metrics", "rebuild", *arguments)
        return code, json.loads(output.splitlines()[-1]) if output else {}

    async def database(self) -> asyncpg.Connection:
        """Metrics' own schema."""
        return await self.desk.connect("metrics")

    async def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every fact of the workspace, sorted."""
        connection = await self.database()
        try:
            return await facts_of(connection, self.workspace)
        finally:
            await connection.close()


async def facts_of(connection: asyncpg.Connection, workspace: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of a workspace by table, but for the workspace's name."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    for table in shadow.FILLED:
        rows: Sequence[Any] = await connection.fetch(f"select * from {table} where workspace = $1", workspace)
        found[table] = sorted((tuple(row.values())[1:] for row in rows), key=repr)
    return found


async def open_desk(stack: Stack) -> Desk:
    """Metrics alone, started on an empty database."""
    desk = Desk(stack, await stack.create_database(await stack.migrated()), await stack.create_topics())
    await desk.start("services.metrics")
    return desk


def one_desk(stack: Stack) -> Iterator[Desk]:
    """One metrics for all tests of a module."""
    running = stack.run(open_desk(stack))
    yield running
    running.stop()
    stack.run(stack.drop_database(running.database))


def new_workspace(desk: Desk) -> Metrics:
    """A workspace of one test."""
    return Metrics(desk, f"w{next(_numbers)}")

"""A real notify alone on its bus: commands and receipts come in, providers are fakes, people ask as a gateway would."""

import itertools
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

import asyncpg
import httpx
from aiokafka import AIOKafkaConsumer

from shared.bus import codec
from shared.contracts.delivery_events import DeliveryChanged
from shared.contracts.envelope import Event, Message
from shared.contracts.inbound_receipts import ReceiptReceived
from shared.contracts.outbound_commands import Recipient, SendMessage
from shared.contracts.settings import SettingChanged
from shared.identity import Identity, Role, sign
from shared.ids import inbound_id, new_id
from shared.secrets import seal
from shared.telemetry.trace import child
from tests import factories
from tests.desk import KEY, Desk
from tests.eventually import eventually
from tests.stack import Stack

SECRET = "what-the-shop-and-we-know"
TOKEN = "77:the-token-of-the-bot"
LEASE_S = 4.0
ENVIRONMENT = {
    "SWITCHBOARD_ALLOW_PRIVATE_URLS": "true",
    "SWITCHBOARD_SEND_LEASE_S": str(LEASE_S),
    "SWITCHBOARD_SEND_BACKOFF_S": "0.2",
    "SWITCHBOARD_SEND_BACKOFF_MAX_S": "1",
    "SWITCHBOARD_SEND_POLL_S": "0.2",
    "SWITCHBOARD_UNKNOWN_HOLDS_S": "3",
}
HANGS_S = LEASE_S
"""Longer than any call waits."""
_numbers = itertools.count(1)


class Server(Protocol):
    """A fake far end."""

    async def start(self) -> None:
        """Listen."""

    async def stop(self) -> None:
        """Stop."""


@asynccontextmanager
async def listening(*servers: Server) -> AsyncIterator[None]:
    """These far ends, for the time of a test."""
    for server in servers:
        await server.start()
    try:
        yield
    finally:
        for server in servers:
            await server.stop()


@dataclass
class Notify:
    """The running service, and a workspace of one test on it."""

    desk: Desk
    workspace: str
    versions: dict[str, int] = field(default_factory=dict)

    # --- settings ----------------------------------------------------------------------------------------------------

    async def account(self, id_: str, channel: str, **options: str) -> str:
        """Save an account of this workspace, and wait until notify has it; gives its id, which has the workspace's."""
        id_ = f"{self.workspace}-{id_}"
        secret, token = (seal(text, KEY).model_dump(exclude_none=True) for text in (SECRET, TOKEN))
        document = {
            "channel": channel,
            "shop": "bikes",
            "secrets": [secret],
            "credentials": [token],
            "options": options,
        }
        await self.settle("account", id_, document)
        return id_

    async def settle(self, kind: str, id_: str, document: Mapping[str, Any]) -> None:
        """Publish a document in its next version, and wait until notify has read it."""
        version = self.versions[id_] = self.versions.get(id_, 0) + 1
        data = SettingChanged(kind=kind, document_id=id_, document=dict(document))
        await self.publish(Event(new_id(), "gateway", datetime.now(UTC), self.workspace, data, version=version))

        async def read() -> bool:
            async with httpx.AsyncClient(base_url=self.desk.url("notify"), timeout=5) as client:
                known = (await client.get("/internal/settings")).json()
            return bool(known.get(f"{self.workspace}/{kind}/{id_}", 0) >= version)

        await eventually(read, what=f"{id_} in notify")

    async def bot(self, url: str, **options: str) -> str:
        """An account of the messenger."""
        return await self.account("bot", "telegram", api_url=url, **options)

    async def form(self, url: str, **options: str) -> str:
        """An account of the signed channel."""
        return await self.account("form", "http", callback_url=url, **options)

    async def mailbox(self, port: int, **options: str) -> str:
        """An account for mail."""
        given = {"smtp_host": "127.0.0.1", "smtp_port": str(port), "smtp_tls": "none", "from": "care@bikes.example"}
        return await self.account("mail", "postmark", **(given | options))

    # --- onto the bus ------------------------------------------------------------------------------------------------

    def answer(self, account: str, text: str, *, to: str = "77", **more: Any) -> Event[SendMessage]:
        """An answer that tickets asks for."""
        kinds = {"bot": "telegram", "form": "http", "mail": "postmark"}
        channel = more.pop("channel", None) or kinds[account.rpartition("-")[2]]
        id_ = more.pop("message", None) or new_id()
        fields: dict[str, Any] = {
            "message": id_,
            "ticket": new_id(),
            "person": new_id(),
            "channel": channel,
            "account": account,
            "recipient": Recipient(kind="email" if "@" in to else "external", scope=account, value=to),
            "text": text,
        }
        data = SendMessage(**{**fields, **more})
        now = datetime.now(UTC)
        return Event(new_id(), "tickets", now, self.workspace, data, shop="bikes", version=1, trace=child(None))

    async def send(self, account: str, text: str, **more: Any) -> UUID:
        """Ask for an answer; gives the message's id."""
        event = self.answer(account, text, **more)
        await self.publish(event)
        return event.data.message

    def receipt(self, account: str, provider_id: UUID | str, state: Any, **more: Any) -> Event[ReceiptReceived]:
        """A provider's word."""
        now = datetime.now(UTC)
        said = ReceiptReceived(
            channel="http", account=account, provider_id=str(provider_id), state=state, at=now, accepted_at=now, **more
        )
        id_ = inbound_id(self.workspace, said.channel, account, f"receipt:{provider_id}:{state}")
        return Event(id_, "ingest", now, self.workspace, said, shop="bikes", trace=child(None))

    def watermark(self, account: str, to: str, state: Any, through: datetime) -> Event[ReceiptReceived]:
        """A provider's word on everything that was sent to somebody up to a moment."""
        now = datetime.now(UTC)
        said = ReceiptReceived(
            channel="http", account=account, provider_id="", recipient=to, through=through, state=state, at=now,
            accepted_at=now,
        )  # fmt: skip
        return Event(new_id(), "ingest", now, self.workspace, said, shop="bikes", trace=child(None))

    async def publish(self, *events: Event[Message]) -> None:
        """Put events of this workspace on their topics, in order."""
        await factories.publish(self.desk, [replace(event, workspace=self.workspace) for event in events])

    # --- what became of it -------------------------------------------------------------------------------------------

    def client(
        self, role: Role = "agent", *, workspace: str | None = None, shops: tuple[str, ...] = ()
    ) -> httpx.AsyncClient:
        """Asks as the gateway would."""
        token = sign(Identity("key-1", role, workspace or self.workspace, shops, "anna"), KEY, datetime.now(UTC))
        headers = {"authorization": f"Bearer {token}"}
        return httpx.AsyncClient(base_url=self.desk.url("notify"), headers=headers, timeout=10)

    async def shown(self, message: UUID) -> dict[str, Any]:
        """The message as people see it; empty before it is there."""
        async with self.client() as asking:
            answer = await asking.get(f"/v1/sends/{message}")
        found: dict[str, Any] = answer.json() if answer.status_code == 200 else {}
        return found

    async def becomes(self, message: UUID, state: str, *, timeout_s: float = 30) -> dict[str, Any]:
        """Wait until the message is in this state."""
        last: dict[str, Any] = {}

        async def there() -> bool:
            last.update(await self.shown(message))
            return last.get("state") == state

        try:
            await eventually(there, timeout_s=timeout_s, what=f"state {state}")
        except AssertionError as error:
            raise AssertionError(f"{error}: {last}") from None
        return last

    async def told(self, message: UUID, *states: str) -> list[Event[DeliveryChanged]]:
        """What stands on delivery-events about the message, once it is so many; they must be these, in order."""
        consumer = AIOKafkaConsumer(
            self.desk.prefix + "delivery-events",
            bootstrap_servers=self.desk.stack.kafka.bootstrap,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )
        await consumer.start()
        found: list[Event[Any]] = []

        async def enough() -> bool:
            for records in (await consumer.getmany(timeout_ms=300)).values():
                for record in records:
                    event = codec.decode("delivery-events", record.value, record.headers)
                    if event is not None and event.data.message == message:
                        found.append(event)
            return len(found) >= len(states)

        try:
            await eventually(enough, what=f"{len(states)} delivery events")
        finally:
            await consumer.stop()
        assert [event.data.state for event in found] == list(states)
        assert [event.version for event in found] == list(range(1, len(states) + 1))
        return found

    async def database(self) -> asyncpg.Connection:
        """Notify's own schema."""
        return await self.desk.connect("notify")


async def open_desk(stack: Stack) -> Desk:
    """Notify alone, started on an empty database."""
    desk = Desk(stack, await stack.create_database(await stack.migrated()), await stack.create_topics(), ENVIRONMENT)
    await desk.start("services.notify")
    return desk


def one_desk(stack: Stack) -> Iterator[Desk]:
    """One notify for all tests of a module."""
    running = stack.run(open_desk(stack))
    yield running
    running.stop()
    stack.run(stack.drop_database(running.database))


def new_workspace(desk: Desk) -> Notify:
    """A workspace of one test."""
    return Notify(desk, f"w{next(_numbers)}")

"""A real ingest beside a real gateway, with accounts of every channel, spoken to as providers do."""

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
from aiokafka import AIOKafkaConsumer

from shared import identity
from shared.bus import codec
from shared.contracts import raw_inbound
from shared.contracts.envelope import Event
from shared.contracts.raw_inbound import RawReceived
from shared.identity import Identity, Role
from tests.desk import KEY, Desk
from tests.eventually import eventually
from tests.shop import BOT, FORM, MAILBOX, SECRET, WORKSPACE
from tests.stack import Stack

OTHER_SECRET = "what-another-shop-keeps-to-itself"
SERVICES = ("services.gateway", "services.ingest")
ACCOUNTS: dict[str, dict[str, Any]] = {
    FORM: {"channel": "http", "shop": "bikes", "secrets": [{"value": SECRET}]},
    BOT: {"channel": "telegram", "shop": "bikes", "secrets": [{"value": SECRET}]},
    MAILBOX: {"channel": "postmark", "shop": "bells", "secrets": [{"value": SECRET}]},
    "other-form": {"channel": "http", "shop": "bells", "secrets": [{"value": OTHER_SECRET}]},
    "closed-form": {"channel": "http", "shop": "bikes", "secrets": [{"value": SECRET}], "enabled": False},
    "open-form": {"channel": "http", "shop": "bikes"},
}


@dataclass
class Ingest:
    """The running services and the key that bootstrap printed."""

    desk: Desk
    admin_key: str

    def admin(self) -> httpx.AsyncClient:
        """The gateway with the first admin's key."""
        headers = {"authorization": f"Bearer {self.admin_key}"}
        return httpx.AsyncClient(base_url=self.desk.url("gateway"), headers=headers, timeout=20)

    def owner(
        self, role: Role = "admin", *, workspace: str = WORKSPACE, shops: tuple[str, ...] = ()
    ) -> httpx.AsyncClient:
        """Ingest's own API with an identity as the gateway signs it."""
        token = identity.sign(Identity("test", role, workspace, shops), KEY, datetime.now(UTC))
        headers = {"authorization": f"Bearer {token}"}
        return httpx.AsyncClient(base_url=self.desk.url("ingest"), headers=headers, timeout=20)

    async def send(self, request: Mapping[str, Any]) -> httpx.Response:
        """One request to a webhook."""
        async with httpx.AsyncClient(base_url=self.desk.url("ingest"), timeout=30) as client:
            return await client.request(**({"method": "POST"} | dict(request)))

    async def put(self, account: str, document: Mapping[str, Any]) -> None:
        """Save an account and wait until ingest has it."""
        async with self.admin() as admin:
            saved = await admin.put(f"/v1/settings/account/{account}", json=document)
        assert saved.is_success, saved.text
        await self.settled(account, saved.json()["version"])

    async def settled(self, account: str, version: int = 1) -> None:
        """Wait until ingest has read the account."""

        async def has_it() -> bool:
            async with httpx.AsyncClient() as client:
                versions = (await client.get(f"{self.desk.url('ingest')}/internal/settings")).json()
            return bool(versions.get(f"{WORKSPACE}/account/{account}", 0) >= version)

        await eventually(has_it, what=f"{account} in ingest")

    async def refused(self, channel: str, reason: str) -> float:
        """How many requests were refused for this reason so far."""
        sample = f'switchboard_inbound_refused_total{{channel="{channel}",reason="{reason}"}}'
        lines = (await self.desk.metrics("ingest")).splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(sample)), 0)

    async def records(self, topic: str) -> list[tuple[Event[Any], Any]]:
        """Everything on a topic: the event, and the record as it lies there."""
        consumer = AIOKafkaConsumer(
            self.desk.prefix + topic,
            bootstrap_servers=self.desk.stack.kafka.bootstrap,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )
        await consumer.start()
        ends = await consumer.end_offsets(list(consumer.assignment()))
        found = []
        while any([await consumer.position(partition) < end for partition, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    raw = topic == RawReceived.TOPIC
                    event = (
                        raw_inbound.decode(record.value, record.headers)
                        if raw
                        else codec.decode(topic, record.value, record.headers)
                    )
                    assert event is not None
                    found.append((event, record))
        await consumer.stop()
        return found

    async def message(self, id_: str) -> tuple[Event[Any], Any]:
        """The record of a message on inbound-messages."""
        return next(pair for pair in await self.records("inbound-messages") if str(pair[0].id) == id_)


def signed(body: bytes, *, account: str = FORM, secret: str = SECRET, age_s: int = 0, **headers: str) -> dict[str, Any]:
    """A request of the generic channel with its signature."""
    stamp = str(int(time.time()) - age_s)
    signature = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    own = {"switchboard-timestamp": stamp, "switchboard-signature": f"v1={signature}"}
    return {
        "url": f"/v1/inbound/http/{account}",
        "content": body,
        "headers": {"content-type": "application/json", **own, **headers},
    }


def start_ingest(stack: Stack, more: Mapping[str, str] | None = None) -> Ingest:
    """Migrate, bootstrap, start gateway and ingest, and set the accounts up."""
    desk = Desk(stack, stack.run(stack.create_database()), stack.run(stack.create_topics()), more)
    for module in SERVICES:
        code, output = stack.run(desk.run(module, "migrate"))
        assert code == 0, output
    code, output = stack.run(desk.run("services.gateway", "bootstrap"))
    assert code == 0, output
    ingest = Ingest(desk, json.loads(output.splitlines()[-1])["admin_key"])
    stack.run(desk.start(*SERVICES))
    stack.run(_set_up(ingest))
    return ingest


async def _set_up(ingest: Ingest) -> None:
    async with ingest.admin() as admin:
        for shop in ("bikes", "bells"):
            assert (await admin.put(f"/v1/settings/shop/{shop}", json={"name": shop})).is_success
    for account, document in ACCOUNTS.items():
        await ingest.put(account, document)


def stop_ingest(ingest: Ingest) -> None:
    """Stop the services and drop the database."""
    ingest.desk.stop()
    ingest.desk.stack.run(ingest.desk.stack.drop_database(ingest.desk.database))

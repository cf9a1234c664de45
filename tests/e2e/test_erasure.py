"""A person asks to be forgotten: no database, no file and no permanent record holds name, address or words then."""

import re
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest
from aiokafka import AIOKafkaConsumer

from shared.contracts.topics import TOPICS
from tests.desk import Desk
from tests.eventually import eventually
from tests.integration.notifying import ENVIRONMENT
from tests.providers.smtp import SmtpServer
from tests.shop import MAILBOX, SERVICES, Shop, open_shop
from tests.stack import Stack

NAME, ADDRESS, WORDS = "Zebedee Quixotte", "zebedee.q@example.org", "my purple unicycle squeaks"
NEEDLES = (NAME, ADDRESS, WORDS)
PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="


@pytest.fixture
async def far() -> AsyncIterator[SmtpServer]:
    """Where mails go."""
    server = SmtpServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def shop(stack: Stack, far: SmtpServer) -> AsyncIterator[Shop]:
    """All services, with a far end that takes answers."""
    desk = Desk(stack, await stack.create_database(await stack.migrated()), await stack.create_topics(), ENVIRONMENT)
    await desk.start(*SERVICES, "services.metrics")
    mail = {"smtp_host": "127.0.0.1", "smtp_port": str(far.port), "smtp_tls": "none", "from": "care@bikes.example"}
    opened = await open_shop(desk, ways_out={MAILBOX: mail})
    yield opened
    await opened.close()
    desk.stop()
    await stack.drop_database(desk.database)


async def in_databases(desk: Desk) -> list[str]:
    """Tables of all services where a needle stands."""
    connection = await asyncpg.connect(desk.stack.dsn(desk.database))
    found = []
    try:
        tables = await connection.fetch(
            "select table_schema, table_name from information_schema.tables "
            "where table_schema not in ('pg_catalog', 'information_schema')"
        )
        for schema, table in tables:
            for needle in NEEDLES:
                sql = f"""select 1 from "{schema}"."{table}" as t where t::text like $1 or t::text like $2 limit 1"""
                if await connection.fetchval(sql, f"%{needle}%", f"%{needle.encode().hex()}%"):
                    found.append(f"{schema}.{table}: {needle}")
    finally:
        await connection.close()
    return found


async def in_permanent_topics(desk: Desk) -> list[str]:
    """Topics that keep a needle for ever: any record where none expires, the newest of a key where compacted."""
    kept = {desk.prefix + name: topic for name, topic in TOPICS.items() if topic.retention is None}
    consumer = AIOKafkaConsumer(
        *kept, bootstrap_servers=desk.stack.kafka.bootstrap, auto_offset_reset="earliest", enable_auto_commit=False
    )
    await consumer.start()
    newest: dict[tuple[str, Any], bytes] = {}
    try:
        ends = await consumer.end_offsets(list(consumer.assignment()))
        while any([await consumer.position(partition) < end for partition, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    compacted = kept[record.topic].compacted
                    newest[record.topic, record.key if compacted else (record.partition, record.offset)] = record.value
    finally:
        await consumer.stop()
    return sorted({f"{topic}: {n}" for (topic, _), value in newest.items() for n in NEEDLES if n.encode() in value})


def in_blobs(desk: Desk) -> list[str]:
    """Files of the blob store."""
    return [str(path) for path in (desk.directory / "blobs").rglob("*") if path.is_file()]


async def known_well(client: httpx.AsyncClient, ticket: dict[str, Any], far: SmtpServer) -> None:
    """Agents write down what they know of him, each once for a key; the code in his mail proves him."""
    person, path = f"/v1/persons/{ticket['person']}", f"/v1/tickets/{ticket['id']}"
    contact = {"kind": "email", "value": ADDRESS}
    for number, (method, address, body) in enumerate(
        (
            ("PATCH", person, {"notes": WORDS, "name": NAME, "add_tags": ["vip"]}),
            ("PATCH", path, {"subject": f"{WORDS}!"}),
            ("POST", f"{path}/verified-override", {"reason": WORDS}),
            ("POST", f"{person}/verifications", {"identity": contact}),
        )
    ):
        done = await client.request(method, address, json=body, headers={"idempotency-key": f"known-{number}"})
        assert done.status_code == 200, done.text

    async def code() -> str | None:
        texts = [mail.get_body(("plain",)) for mail in far.mails]
        found = [re.search(r"\b[0-9]{6}\b", text.get_content()) for text in texts if text is not None]
        return next((one[0] for one in found if one), None)

    given = {"code": await eventually(code, what="the code in his mailbox")}
    proven = await client.post(f"{person}/verifications/{done.json()['id']}", json=given)
    assert proven.json()["outcome"] == "verified", proven.text
    assert (await client.get(path)).json()["verified"]


async def test_a_person_who_is_erased_is_nowhere_any_more_and_the_numbers_stay(shop: Shop, far: SmtpServer) -> None:
    sender = {"From": f"{NAME} <{ADDRESS}>", "FromFull": {"Email": ADDRESS, "Name": NAME, "MailboxHash": ""}}
    file = {"Name": "unicycle.png", "Content": PICTURE, "ContentType": "image/png", "ContentLength": 70}
    said = await shop.say("postmark", WORDS, **sender, Subject=WORDS, Attachments=[file])
    assert said.is_success, said.text

    async def one() -> list[dict[str, Any]]:
        return await shop.tickets()

    (ticket,) = await eventually(one, what="the ticket")
    client = shop.agents["anna"].client
    path = f"/v1/tickets/{ticket['id']}/answers"
    headers = {"idempotency-key": "kept-with-its-answer"}
    assert (await client.post(path, json={"text": f"Dear {NAME}, oil it."}, headers=headers)).status_code == 201

    async def gone_out() -> bool:
        lines = (await shop.admin.get(f"/v1/tickets/{ticket['id']}/timeline")).json()["items"]
        return any(line["delivery"] == "sent" for line in lines)

    await eventually(gone_out, what="the answer at the far end")
    await known_well(client, ticket, far)
    assert in_blobs(shop.desk)
    assert await in_databases(shop.desk)

    erase = f"/v1/persons/{ticket['person']}"
    assert (await client.post(f"{erase}/erase")).status_code == 403
    asked = await shop.admin.post(f"{erase}/erase", headers={"idempotency-key": "once"})
    assert asked.status_code == 202, asked.text
    again = await shop.admin.post(f"{erase}/erase", headers={"idempotency-key": "once"})
    assert again.json()["request"] == asked.json()["request"]

    async def all_done() -> bool:
        return bool((await shop.admin.get(f"{erase}/erasure")).json()["waiting"] == [])

    await eventually(all_done, what="every service's word")

    async def nothing_left() -> bool:
        return await in_databases(shop.desk) == []

    await eventually(nothing_left, timeout_s=10, what="databases without a trace")
    assert in_blobs(shop.desk) == []
    assert await in_permanent_topics(shop.desk) == []
    kept = (await shop.admin.get(f"/v1/tickets/{ticket['id']}")).json()
    assert (kept["state"], kept["person"], kept["subject"]) == ("pending", ticket["person"], None)
    code, printed = await shop.desk.run("switchboard.verify")
    assert code == 0, printed


async def test_an_erased_person_who_writes_again_is_somebody_new(shop: Shop) -> None:
    await shop.say("http", "Before", sender="900")

    async def count(number: int) -> list[dict[str, Any]]:
        found = await shop.tickets()
        return found if len(found) == number else []

    (before,) = await eventually(lambda: count(1), what="the first ticket")
    erase = f"/v1/persons/{before['person']}"
    assert (await shop.admin.post(f"{erase}/erase")).status_code == 202

    async def all_done() -> bool:
        return bool((await shop.admin.get(f"{erase}/erasure")).json()["waiting"] == [])

    await eventually(all_done, what="every service's word")
    await shop.say("http", "After", sender="900")
    after = await eventually(lambda: count(2), what="a second ticket")
    assert len({ticket["person"] for ticket in after}) == 2

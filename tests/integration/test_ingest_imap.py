"""A real ingest reads mailboxes: everything once, through broken connections, broken mails, and its own death."""

import os
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from tests.certificates import Authority
from tests.eventually import eventually
from tests.integration.ingests import Ingest, start_ingest, stop_ingest
from tests.providers.dovecot import Dovecot
from tests.providers.imap import ImapServer
from tests.stack import Stack

PASSWORD = "the-password-of-the-mailbox"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def ingest(stack: Stack, authority: Authority) -> Iterator[Ingest]:
    more = {
        "SWITCHBOARD_ALLOW_PRIVATE_URLS": "true",
        "SWITCHBOARD_IMAP_POLL_S": "0.2",
        "SWITCHBOARD_IMAP_TRIES": "3",
        "SSL_CERT_FILE": str(authority.file),
    }
    running = start_ingest(stack, more)
    yield running
    stop_ingest(running)


@pytest_asyncio.fixture
async def server() -> AsyncIterator[ImapServer]:
    running = ImapServer(PASSWORD)
    await running.start()
    yield running
    await running.stop()


def mail(text: str) -> bytes:
    return (
        f"From: Ada <ada@customer.example>\r\nTo: care@bikes.example\r\nMessage-ID: <{uuid4()}@customer.example>\r\n"
        f"Date: Fri, 2 Jan 2026 03:00:00 +0000\r\n\r\n{text}\r\n"
    ).encode()


async def put(ingest: Ingest, server: ImapServer | Dovecot, *, tls: str = "none", enabled: bool = True) -> str:
    """An account with this mailbox; its id."""
    id_ = f"box-{uuid4().hex[:8]}"
    options = {"imap_host": "127.0.0.1", "imap_port": str(server.port), "imap_tls": tls, "imap_user": "care"}
    document: dict[str, Any] = {"channel": "mail", "shop": "bikes", "options": options}
    await ingest.put(id_, document | {"credentials": [{"value": PASSWORD}], "enabled": enabled})
    return id_


async def read(ingest: Ingest, account: str) -> list[tuple[str, str]]:
    """Text and id of every record of the account, in the order of the log."""
    found = await ingest.records("inbound-messages")
    return [(event.data.text, str(event.id)) for event, _ in found if event.data.account == account]


async def all_read(ingest: Ingest, account: str, texts: list[str], timeout_s: float = 30) -> list[tuple[str, str]]:
    """Wait until all are there; the records."""

    async def there() -> list[tuple[str, str]]:
        found = await read(ingest, account)
        return found if {text for text, _ in found} >= set(texts) else []

    return await eventually(there, timeout_s=timeout_s, what="the mails read")


async def refusals(ingest: Ingest, account: str) -> set[str]:
    async with ingest.owner() as client:
        page = (await client.get("/v1/quarantine")).json()["items"]
    return {item["reason"] for item in page if item["account"] == account}


async def test_a_mailbox_is_read_over_tls_in_its_order_and_not_changed(ingest: Ingest, authority: Authority) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*authority.sign("imap", address="127.0.0.1"))
    server = ImapServer(PASSWORD, context)
    await server.start()
    try:
        texts = [f"{number} {uuid4()}" for number in range(5)]
        server.folder.add(*map(mail, texts))
        account = await put(ingest, server, tls="tls")
        assert [text for text, _ in await all_read(ingest, account, texts)] == texts
        server.folder.add(mail("one more"))
        assert [text for text, _ in await all_read(ingest, account, ["one more"])] == [*texts, "one more"]
        asked = {command.partition(" ")[0] for command in server.commands}
        assert asked == {"CAPABILITY", "LOGIN", "EXAMINE", "SEARCH", "FETCH"}
        assert not [command for command in server.commands if "BODY[" in command], "fetching would set \\Seen"
    finally:
        await server.stop()


async def test_a_broken_mail_stops_nothing_behind_it(ingest: Ingest, server: ImapServer) -> None:
    texts = [str(uuid4()) for _ in range(4)]
    server.folder.add(
        mail(texts[0]), b"no mail " + uuid4().hex.encode(), mail(texts[1]), mail("hidden"), mail(texts[2])
    )
    server.folder.add(mail("far too large"), mail(texts[3]))
    server.refuse, server.pretended_size = {4}, {6: 41 * 1024 * 1024}
    account = await put(ingest, server)
    found = await all_read(ingest, account, texts, timeout_s=120)
    assert [text for text, _ in found] == texts

    async def filed() -> bool:
        return await refusals(ingest, account) == {"no_sender", "too_large", "not_fetched"}

    await eventually(filed, what="the broken mails in quarantine")


async def test_a_connection_that_breaks_and_a_folder_that_is_renumbered_lose_and_double_nothing(
    ingest: Ingest, server: ImapServer
) -> None:
    texts = [str(uuid4()) for _ in range(6)]
    server.folder.add(*map(mail, texts[:5]))
    server.drop = {3}
    account = await put(ingest, server)

    async def stuck() -> bool:
        return len([command for command in server.commands if "BODY.PEEK" in command]) >= 3

    await eventually(stuck, what="the connection broken")
    server.drop = set()
    await all_read(ingest, account, texts[:5])
    server.folder.renumber()
    server.folder.add(mail(texts[5]))
    found = await all_read(ingest, account, texts)
    assert len(set(found)) == 6, "read again, and known again"


async def test_killed_before_it_remembers_how_far_it_was_it_reads_again_and_nothing_counts_twice(
    ingest: Ingest, server: ImapServer
) -> None:
    account = await put(ingest, server)
    process = ingest.desk.processes["ingest"]
    texts = [str(uuid4()) for _ in range(20)]
    connection = await ingest.desk.connect("ingest")
    try:
        async with connection.transaction():
            await connection.execute("lock table mailboxes in share row exclusive mode")
            server.folder.add(*map(mail, texts))
            await all_read(ingest, account, texts)
            process.kill()
            await connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'switchboard-ingest'"
            )
        assert await connection.fetchval("select count(*) from mailboxes where account = $1", account) == 0
    finally:
        await connection.close()
    process.start()
    await process.ready()

    async def again() -> bool:
        return len(await read(ingest, account)) == 40

    await eventually(again, what="the mails read again")
    assert len(set(await read(ingest, account))) == 20


async def test_of_two_replicas_one_reads_a_mailbox_and_the_other_follows_it(ingest: Ingest, server: ImapServer) -> None:
    await ingest.desk.start("services.ingest#2")
    server.folder.add(mail("while both are there"))
    account = await put(ingest, server)
    await all_read(ingest, account, ["while both are there"])
    assert len([command for command in server.commands if command.startswith("LOGIN")]) == 1
    first = ingest.desk.processes["ingest"]
    first.kill()
    server.folder.add(mail("while one is there"))
    found = await all_read(ingest, account, ["while one is there"])
    assert [text for text, _ in found] == ["while both are there", "while one is there"]
    first.start()
    await first.ready()
    ingest.desk.stop(["ingest#2"])


async def test_how_many_mails_are_read_in_a_second(ingest: Ingest, server: ImapServer) -> None:
    count = int(os.environ.get("SWITCHBOARD_TEST_MAILS", "400"))
    texts = [f"{number} {uuid4()} {'words ' * 300}".strip() for number in range(count)]
    server.folder.add(*map(mail, texts))
    started = time.monotonic()
    account = await put(ingest, server)
    connection = await ingest.desk.connect("ingest")

    async def done() -> bool:
        query = "select last_uid from mailboxes where account = $1"
        return bool(await connection.fetchval(query, account) == count)

    await eventually(done, timeout_s=120, what="the mailbox read")
    rate = count / (time.monotonic() - started)
    await connection.close()
    print(f"{rate:.0f} mails/s, with the second until the mailbox is looked for")
    assert rate > 40, "a fraction of the goal of 200, for a busy machine"


@pytest.mark.skipif(Dovecot.program is None, reason="Dovecot is not on this machine")
async def test_a_mailbox_of_dovecot_is_read_and_not_changed(ingest: Ingest) -> None:
    dovecot = Dovecot(PASSWORD)
    await dovecot.start()
    try:
        texts = [f"{number} {uuid4()}" for number in range(10)]
        dovecot.deliver(*map(mail, texts))
        account = await put(ingest, dovecot)
        assert [text for text, _ in await all_read(ingest, account, texts)] == texts
        dovecot.deliver(mail("one more"))
        assert [text for text, _ in await all_read(ingest, account, ["one more"])] == [*texts, "one more"]
        assert not [name for name in dovecot.mails() if "S" in name.partition(",")[2]]
    finally:
        dovecot.stop()

"""Files that lie with providers are fetched after the message, once, over outages and kills; the others say why not."""

import itertools
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from shared.contracts.envelope import Event
from shared.contracts.inbound_messages import Attachment
from shared.contracts.settings import SettingChanged
from shared.ids import new_id
from shared.secrets import seal
from tests.desk import KEY, Desk
from tests.eventually import eventually
from tests.integration.ticketing import Tickets, new_workspace, ticket_of
from tests.providers.web import WebProvider
from tests.stack import Stack

_people = itertools.count(9_000)
PICTURE = b"\x89PNG a bent wheel"


@pytest.fixture(scope="module")
def desk(stack: Stack) -> Iterator[Desk]:
    """Tickets alone, which may fetch from this machine and does not wait long for who was killed."""
    more = {"SWITCHBOARD_ALLOW_PRIVATE_URLS": "true", "SWITCHBOARD_MEDIA_LEASE_S": "4"}
    running = Desk(
        stack, stack.run(stack.create_database(stack.run(stack.migrated()))), stack.run(stack.create_topics()), more
    )
    stack.run(running.start("services.tickets"))
    yield running
    running.stop()
    stack.run(stack.drop_database(running.database))


@pytest.fixture
async def tickets(desk: Desk) -> Tickets:
    """A workspace with an account of the shop's own channel."""
    workspace = new_workspace(desk)
    secret = seal("a-secret-that-only-the-shop-knows", KEY).model_dump(exclude_none=True)
    document = {"channel": "http", "shop": "bikes", "secrets": [secret]}
    data = SettingChanged(kind="account", document_id=account_of(workspace), document=document)
    await workspace.publish(Event(new_id(), "gateway", datetime.now(UTC), "", data, version=1))
    await workspace.settle({})
    return workspace


@pytest.fixture
async def shop() -> AsyncIterator[WebProvider]:
    """Where the shop's customers put their files."""
    server = WebProvider()
    await server.start()
    yield server
    await server.stop()


def account_of(tickets: Tickets) -> str:
    return f"{tickets.workspace}-form"


async def written(tickets: Tickets, *urls: str) -> tuple[UUID, UUID]:
    """A message with files at these addresses; gives its ticket and its own id."""
    files = tuple(Attachment(name=f"{number}.png", reference=url) for number, url in enumerate(urls))
    person = str(next(_people))
    event = tickets.message(person=person, channel="http", account=account_of(tickets), attachments=files)
    await tickets.publish(event)
    return ticket_of(event), event.id


async def settled(tickets: Tickets, ticket: UUID) -> list[dict[str, Any]]:
    """The files as the timeline has them, once each is there or given up."""

    async def there() -> list[dict[str, Any]]:
        (line,) = (await tickets.timeline(ticket, 1))[:1]
        files: list[dict[str, Any]] = line["attachments"]
        return files if all(file["ready"] or file["missing"] for file in files) else []

    return await eventually(there, timeout_s=40, what="the files")


async def test_a_file_is_fetched_and_read_and_one_that_is_gone_says_so(tickets: Tickets, shop: WebProvider) -> None:
    shop.next.extend([shop.says(503), shop.says(200, PICTURE, content_type="image/png")])
    ticket, message = await written(tickets, shop.url + "/a.png")
    (file,) = await settled(tickets, ticket)
    assert (file["size"], file["media_type"]) == (len(PICTURE), "image/png")
    async with tickets.client() as client:
        read = await client.get(f"/v1/tickets/{ticket}/messages/{message}/files/0")
    assert (read.status_code, read.content) == (200, PICTURE)
    shop.next.append(shop.says(404))
    ticket, _ = await written(tickets, shop.url + "/b.png")
    assert [file["missing"] for file in await settled(tickets, ticket)] == ["http-404"]


async def test_a_file_that_an_edit_brings_is_fetched_too(tickets: Tickets, shop: WebProvider) -> None:
    other = b"\x89PNG a straight wheel"
    shop.next.extend([shop.says(200, PICTURE), shop.says(200, other)])
    person, place = str(next(_people)), {"channel": "http", "account": account_of(tickets)}
    first = tickets.message(person=person, attachments=(Attachment(reference=shop.url + "/d.png"),), **place)
    await tickets.publish(first)
    ticket = ticket_of(first)
    assert (await settled(tickets, ticket))[0]["size"] == len(PICTURE)
    newer = (Attachment(reference=shop.url + "/e.png"),)
    edit = tickets.message(person=person, number=2, edit_of=first.data.natural_id, attachments=newer, **place)
    await tickets.publish(edit)

    async def shown() -> bool:
        (file,) = await settled(tickets, ticket)
        return bool(file["size"] == len(other))

    await eventually(shown, what="the file of the edit")
    async with tickets.client() as client:
        read = await client.get(f"/v1/tickets/{ticket}/messages/{first.id}/files/0")
    assert (read.status_code, read.content) == (200, other)


async def test_who_is_killed_while_fetching_leaves_the_file_to_the_next(tickets: Tickets, shop: WebProvider) -> None:
    process = tickets.desk.processes["tickets"]
    shop.next.extend([shop.takes_late(30), shop.says(200, PICTURE)])
    ticket, _ = await written(tickets, shop.url + "/c.png")

    async def asked() -> bool:
        return len(shop.got) == 1

    await eventually(asked, what="a first try")
    process.kill()
    process.start()
    await process.ready()
    (file,) = await settled(tickets, ticket)
    assert (file["size"], len(shop.got)) == (len(PICTURE), 2)

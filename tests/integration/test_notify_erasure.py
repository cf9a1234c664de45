"""Erasing a person in notify: nothing personal stays, nothing more is sent, and it says so."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from aiokafka import AIOKafkaConsumer

from shared.bus import codec
from shared.contracts.contacts import ContactChanged, ContactIdentity
from shared.contracts.envelope import Event
from shared.contracts.privacy_events import ErasureRequested
from shared.ids import new_id
from tests.desk import Desk
from tests.eventually import eventually
from tests.integration.notifying import Notify, listening, new_workspace, one_desk
from tests.providers.bot_api import BotApi
from tests.stack import Stack

NAME, ADDRESS, WORDS = "Zebedee Quill", "99887766", "My cat ate the invoice"


@pytest.fixture(scope="module")
def desk(stack: Stack) -> Iterator[Desk]:
    """Notify alone."""
    yield from one_desk(stack)


@pytest.fixture
def notify(desk: Desk) -> Notify:
    """A workspace."""
    return new_workspace(desk)


def contact(notify: Notify, person: UUID, version: int, **more: Any) -> Event[ContactChanged]:
    """A person's state."""
    given: dict[str, Any] = {"name": NAME, "identities": (ContactIdentity(kind="telegram", value=ADDRESS),)}
    data = ContactChanged(person=person, **(given | more))
    return Event(new_id(), "tickets", datetime.now(UTC), notify.workspace, data, version=version)


def erasure(notify: Notify, person: UUID) -> Event[ErasureRequested]:
    """Somebody asked for it now."""
    identity = hashlib.sha256(ADDRESS.encode()).hexdigest()
    now = datetime.now(UTC)
    data = ErasureRequested(person=person, request=new_id(), identities=(identity,), before=now)
    return Event(new_id(), "tickets", now, notify.workspace, data)


async def everything(notify: Notify) -> str:
    """Every row of every table of the schema."""
    connection = await notify.database()
    tables = await connection.fetch("select tablename from pg_tables where schemaname = 'notify'")
    rows = [str(await connection.fetch(f"select t::text from {row['tablename']} t")) for row in tables]
    blobs = await connection.fetch("select convert_from(record, 'UTF8') from dead_letters")
    contents = await connection.fetch("select convert_from(content, 'UTF8') from sends where content is not null")
    await connection.close()
    return "\n".join([*rows, str(blobs), str(contents)])


async def known(notify: Notify, person: UUID) -> list[Any]:
    """The person's contact as it is kept."""
    connection = await notify.database()
    rows = await connection.fetch("select version, name, erased from contacts where person = $1", person)
    await connection.close()
    return [tuple(row) for row in rows]


async def test_a_contact_is_copied_in_its_newest_version(notify: Notify) -> None:
    person = new_id()
    await notify.publish(contact(notify, person, 2), contact(notify, person, 1, name="Old"))

    async def there() -> bool:
        return await known(notify, person) == [(2, NAME, False)]

    await eventually(there, what="the contact")
    await notify.publish(contact(notify, person, 3, erased=True))

    async def gone() -> bool:
        return await known(notify, person) == [(3, None, True)]

    await eventually(gone, what="the erasure")


async def test_nothing_of_an_erased_person_stays_and_nothing_more_is_sent(notify: Notify) -> None:
    person = new_id()
    async with listening(api := BotApi()):
        api.always = api.says(503)
        bot = await notify.bot(api.url)
        mine = {"person": person, "to": ADDRESS}
        waiting, late = (notify.answer(bot, WORDS, **mine) for _ in range(2))
        await notify.publish(contact(notify, person, 1), waiting)
        other = await notify.send(bot, "somebody else's", to="5")
        await notify.becomes(waiting.data.message, "queued")
        await notify.becomes(other, "queued")
        there = await everything(notify)
        assert [word for word in (NAME, ADDRESS, WORDS) if word not in there] == []

        asked = erasure(notify, person)
        await notify.publish(asked)
        assert (await notify.becomes(waiting.data.message, "failed"))["reason"] == "erased"
        await notify.publish(late, contact(notify, person, 9))
        await notify.becomes(late.data.message, "failed")
        api.always = None
        await notify.becomes(other, "sent")
    assert [text for _, text in api.received] == ["somebody else's"]
    left = await everything(notify)
    assert [word for word in (NAME, ADDRESS, WORDS) if word in left] == []
    assert datetime.now(UTC) - asked.time < timedelta(minutes=2)
    done = await acknowledged(notify, asked)
    assert (done.data.service, done.data.person) == ("notify", person)


async def acknowledged(notify: Notify, asked: Event[ErasureRequested]) -> Event[Any]:
    """Notify's word that it is done."""
    consumer = AIOKafkaConsumer(
        notify.desk.prefix + "privacy-events",
        bootstrap_servers=notify.desk.stack.kafka.bootstrap,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    found: list[Event[Any]] = []

    async def there() -> bool:
        for records in (await consumer.getmany(timeout_ms=300)).values():
            events = [codec.decode("privacy-events", record.value, record.headers) for record in records]
            found.extend(e for e in events if e is not None and e.causation == asked.id)
        return bool(found)

    try:
        await eventually(there, what="the acknowledgement")
    finally:
        await consumer.stop()
    return found[0]

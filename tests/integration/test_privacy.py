"""A person asks to be forgotten: tickets forgets at once, drops what comes late, and loses nothing of anybody else."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from services.tickets.repo import erasure as forgetting
from services.tickets.repo import people
from shared.blobs import person_prefix
from shared.contracts.envelope import Event
from shared.contracts.inbound_messages import Attachment, MessageReceived, Sender
from shared.contracts.privacy_events import ErasureDone, ErasureRequested
from shared.ids import new_id
from shared.tombstones import Tombstones
from tests.desk import KEY
from tests.eventually import eventually
from tests.integration.ticketing import Tickets, ticket_of

WORDS = "my purple unicycle squeaks"
_people = iter(range(70_000, 80_000))


@pytest.fixture
def ada() -> str:
    """An address that no other test knows."""
    return str(next(_people))


def sender(value: str) -> Sender:
    return Sender(kind="telegram", value=value, name="Ada Quixotte", verified=True)


def says(tickets: Tickets, value: str, number: int = 1, **more: Any) -> Event[MessageReceived]:
    return tickets.message(person=value, number=number, sender=sender(value), **{"text": WORDS, **more})


async def opened(tickets: Tickets, value: str, **more: Any) -> dict[str, Any]:
    """A ticket of a new person."""
    event = says(tickets, value, subject=WORDS, **more)
    await tickets.publish(event)
    await tickets.timeline(ticket_of(event), 1)
    return dict(await tickets.get(f"/v1/tickets/{ticket_of(event)}"))


async def ask(tickets: Tickets, person: str, key: str = "once", **who: Any) -> httpx.Response:
    async with tickets.client(**{"role": "lead", **who}) as client:
        return await client.post(f"/v1/persons/{person}/erase", headers={"idempotency-key": key})


async def erasure(tickets: Tickets, person: str) -> dict[str, Any]:
    async with tickets.client(role="lead") as client:
        return dict((await client.get(f"/v1/persons/{person}/erasure")).json())


async def erased(tickets: Tickets, person: str) -> dict[str, Any]:
    """Ask, and wait until tickets has done its part."""
    asked = await ask(tickets, person)
    assert asked.status_code == 202, asked.text

    async def done() -> bool:
        return "tickets" in (await erasure(tickets, person))["done"]

    await eventually(done, what="tickets' word")
    return dict(asked.json())


async def rows(tickets: Tickets, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    connection = await tickets.database()
    try:
        return [tuple(row.values()) for row in await connection.fetch(sql, *values)]
    finally:
        await connection.close()


async def accounted_for(tickets: Tickets, event: Event[MessageReceived]) -> bool:
    found = await rows(tickets, "select 1 from erased_messages where id = $1", event.id)
    return bool(found)


async def test_who_asks_is_forgotten_and_the_numbers_stay(tickets: Tickets, ada: str) -> None:
    ticket = await opened(tickets, ada)
    await erased(tickets, ticket["person"])
    person = await tickets.get(f"/v1/persons/{ticket['person']}")
    assert (person["name"], person["identities"]) == (None, [])
    (line,) = (await tickets.get(f"/v1/tickets/{ticket['id']}/timeline"))["items"]
    assert (line["text"], line["subject"], line["at"]) == ("", None, ticket["opened_at"])
    shown = await tickets.get(f"/v1/tickets/{ticket['id']}")
    assert shown == ticket | {"subject": None, "verified": False}
    async with tickets.client() as client:
        refused = await client.post(f"/v1/tickets/{ticket['id']}/answers", json={"text": "Still there?"})
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:switchboard:problem:no_address")
    assert await tickets.desk.run("services.tickets", "verify") == (0, "")


async def test_from_the_moment_of_the_request_whoever_writes_is_somebody_new(tickets: Tickets, ada: str) -> None:
    ticket = await opened(tickets, ada)
    asked = (await ask(tickets, ticket["person"])).json()
    after = says(tickets, ada, 2, text="I am new", accepted_at=datetime.now(UTC) + timedelta(seconds=1))
    await tickets.publish(after)
    (line,) = await tickets.timeline(ticket_of(after), 1)
    shown = await tickets.get(f"/v1/tickets/{ticket_of(after)}")
    assert (line["text"], shown["person"] != ticket["person"]) == ("I am new", True)

    async def done() -> bool:
        return "tickets" in (await erasure(tickets, ticket["person"]))["done"]

    await eventually(done, what="tickets' word")
    person = await tickets.get(f"/v1/persons/{shown['person']}")
    assert [identity["value"] for identity in person["identities"]] == [ada]
    assert (await tickets.timeline(ticket_of(after), 1))[0]["text"] == "I am new"
    assert asked["waiting"] == ["ingest", "metrics", "notify", "tickets"]


async def test_what_was_written_before_and_comes_late_is_dropped_with_its_files(tickets: Tickets, ada: str) -> None:
    ticket = await opened(tickets, ada)
    await erased(tickets, ticket["person"])
    key = f"{person_prefix(tickets.workspace, 'telegram', '', ada)}/late/picture"
    path = Path(tickets.desk.directory) / "blobs" / key
    path.parent.mkdir(parents=True)
    path.write_bytes(b"a unicycle")
    file = Attachment(name="a.png", media_type="image/png", size=10, blob=key)
    late = says(tickets, ada, 2, attachments=(file,))
    await tickets.publish(late, says(tickets, "31337", text="Somebody else"))
    await tickets.listed(2)
    assert await accounted_for(tickets, late)
    assert not path.exists()
    assert (await rows(tickets, "select 1 from identities where value = $1", ada)) == []


async def test_files_written_since_are_somebody_elses(tickets: Tickets, ada: str) -> None:
    prefix = person_prefix(tickets.workspace, "telegram", "", ada)
    folder = Path(tickets.desk.directory) / "blobs" / prefix
    folder.mkdir(parents=True)
    (folder / "before").write_bytes(b"old")
    ticket = await opened(tickets, ada)
    await erased(tickets, ticket["person"])
    assert not (folder / "before").exists()
    folder.mkdir(exist_ok=True)
    (folder / "since").write_bytes(b"new")
    assert (await ask(tickets, ticket["person"], key="twice")).status_code == 202
    (known,) = await rows(tickets, "select count(*)::int from erasures where workspace = $1", tickets.workspace)
    assert known == (2,)
    assert (folder / "since").exists()


async def test_dead_letters_of_the_person_go_and_those_of_others_stay(tickets: Tickets, ada: str) -> None:
    ticket = await opened(tickets, ada)
    for_ada = says(tickets, ada, 2)
    others = says(tickets, f"{ada}0", 3, text=f"I am not {ada}")
    insert = """
        insert into dead_letters(grp, topic, partition, "offset", key, record, error, state)
        values ('tickets.inbound-messages', 'inbound-messages', 0, $1, '', $2, 'a test', 'skipped')
    """
    from shared.bus import codec

    for number, event in enumerate((for_ada, others)):
        await rows(tickets, insert, 10**9 + number, codec.encode(replace(event, workspace=tickets.workspace)))
    await erased(tickets, ticket["person"])
    left = await rows(tickets, 'select "offset" from dead_letters where "offset" >= $1', 10**9)
    await rows(tickets, 'delete from dead_letters where "offset" >= $1', 10**9)
    assert left == [(10**9 + 1,)]
    assert await accounted_for(tickets, for_ada)
    assert not await accounted_for(tickets, others)


async def test_a_database_that_forgot_the_request_recognises_the_person_by_the_tombstone(
    tickets: Tickets, ada: str
) -> None:
    ticket = await opened(tickets, ada)
    now = datetime.now(UTC)
    await tickets.publish(says(tickets, ada, 2, text="Since then", accepted_at=now + timedelta(seconds=5)))
    await tickets.timeline(ticket["id"], 2)
    hmac = Tombstones(KEY).new("telegram", "", ada)
    data = ErasureRequested(person=new_id(), request=new_id(), identities=(hmac,), before=now)
    await tickets.publish(Event(new_id(), "tickets", now, tickets.workspace, data))

    async def blank() -> bool:
        lines = await tickets.timeline(ticket["id"], 2)
        return [line["text"] for line in lines] == ["", "Since then"]

    await eventually(blank, what="only what was said since")
    late = says(tickets, ada, 3)
    await tickets.publish(late)
    await eventually(lambda: accounted_for(tickets, late), what="the late message")


async def test_what_a_person_said_on_anothers_ticket_is_forgotten_too(tickets: Tickets, ada: str) -> None:
    ticket = await opened(tickets, ada)
    guest = f"{ada}1"
    first = says(tickets, ada).data.natural_id
    await tickets.publish(says(tickets, guest, 2, text="I am her sister", references=(first,), thread=None))
    await tickets.timeline(ticket["id"], 2)
    (person,) = await rows(tickets, "select person from identities where value = $1", guest)
    await erased(tickets, str(person[0]))
    assert [line["text"] for line in await tickets.timeline(ticket["id"], 2)] == [WORDS, ""]


async def test_each_services_word_is_noted(tickets: Tickets, ada: str) -> None:
    ticket = await opened(tickets, ada)
    asked = await erased(tickets, ticket["person"])
    words = [
        ErasureDone(person=UUID(ticket["person"]), request=UUID(asked["request"]), service=service)
        for service in ("notify", "metrics", "ingest")
    ]
    now = datetime.now(UTC)
    await tickets.publish(*(Event(new_id(), word.service, now, "", word) for word in words))

    async def all_done() -> bool:
        return (await erasure(tickets, ticket["person"]))["waiting"] == []

    await eventually(all_done, what="nobody to wait for")


async def test_only_leads_ask_once_and_for_people_they_may_see(tickets: Tickets, ada: str) -> None:
    ticket = await opened(tickets, ada)
    assert (await ask(tickets, ticket["person"], role="agent")).status_code == 403
    assert (await ask(tickets, ticket["person"], workspace="another")).status_code == 404
    assert (await ask(tickets, ticket["person"], shops=("cars",))).status_code == 404
    first, again = await ask(tickets, ticket["person"]), await ask(tickets, ticket["person"])
    assert (first.status_code, first.content) == (202, again.content)
    assert len(await tickets.told(1, "privacy-events")) >= 1


async def test_people_are_told_when_they_are_met_and_when_they_are_gone(tickets: Tickets, ada: str) -> None:
    ticket = await opened(tickets, ada)
    await tickets.publish(says(tickets, ada, 2))
    await tickets.timeline(ticket["id"], 2)
    await erased(tickets, ticket["person"])
    met, gone = await tickets.told(2, "contacts")
    assert (met.version, [one.value for one in met.data.identities], met.data.name) == (1, [ada], "Ada Quixotte")
    assert (gone.version, gone.data.erased, gone.data.identities, gone.data.name) == (2, True, (), None)


async def test_a_batch_that_meets_a_person_while_he_is_erased_makes_a_new_one(tickets: Tickets, ada: str) -> None:
    ticket = await opened(tickets, ada)
    erasing, meeting = await tickets.database(), await tickets.database()
    address = (tickets.workspace, "telegram", "", ada)
    candidate = people.Candidate(new_id(), "Ada", None, None, verified=True, at=datetime.now(UTC))
    key = (tickets.workspace, UUID(ticket["person"]))
    try:
        await erasing.execute("begin")
        await forgetting.mark(erasing, key)
        async with meeting.transaction():
            met = asyncio.create_task(people.find_or_make(meeting, {address: candidate}))
            await eventually(lambda: _waits(tickets, meeting), what="the batch at the person's row")
            await forgetting.unlink(erasing, key)
            await erasing.execute("commit")
            found = await met
    finally:
        await erasing.close()
        await meeting.close()
    assert (found[address].id, found[address].new) == (candidate.person, True)


async def _waits(tickets: Tickets, session: Any) -> bool:
    pid = session.get_server_pid()
    return bool(await rows(tickets, "select 1 from pg_stat_activity where pid = $1 and wait_event_type = 'Lock'", pid))

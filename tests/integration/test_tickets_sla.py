"""Clocks of tickets, on the real service: told in time and once, corrected by later evidence, applied by a lead."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from shared.contracts.envelope import Event
from shared.contracts.settings import SettingChanged
from shared.ids import new_id
from tests.eventually import eventually
from tests.integration.answering import answer, delivered
from tests.integration.ticketing import Tickets

HOUR = 3600


async def save(tickets: Tickets, kind: str, id_: str, document: dict[str, Any] | None, version: int = 1) -> None:
    """Publish a document, and wait until tickets has read it."""
    data = SettingChanged(kind=kind, document_id=id_, document=document or {}, deleted=document is None)
    await tickets.publish(Event(new_id(), "gateway", datetime.now(UTC), tickets.workspace, data, version=version))

    async def read() -> bool:
        async with httpx.AsyncClient(base_url=tickets.desk.url("tickets"), timeout=5) as client:
            known = (await client.get("/internal/settings")).json()
        return bool(known.get(f"{tickets.workspace}/{kind}/{id_}") == version)

    await eventually(read, what=f"{kind} {id_} in tickets")


async def under(tickets: Tickets, version: int = 1, warn_at: tuple[int, ...] = (), **targets: int) -> None:
    """The workspace has one policy."""
    document = {"name": "Standard", "targets": {"normal": targets}, "warn_at": warn_at, "grace_s": 1}
    await save(tickets, "sla", "standard", document, version)


async def clocks(tickets: Tickets, ticket: UUID) -> dict[str, dict[str, Any]]:
    """The ticket's clocks by kind and cycle."""
    shown = await tickets.get(f"/v1/tickets/{ticket}")
    return {f"{clock['kind']}/{clock['cycle']}": clock for clock in shown["sla"]}


async def when(tickets: Tickets, ticket: UUID, name: str, state: str) -> dict[str, Any]:
    """The clock, once it is so."""

    async def there() -> dict[str, Any] | None:
        found = (await clocks(tickets, ticket)).get(name)
        return found if found is not None and found["state"] == state else None

    return await eventually(there, what=f"{name} {state}")


async def told(tickets: Tickets, count: int) -> list[Event[Any]]:
    """What is told of clocks, once it is so many."""

    async def enough() -> list[Event[Any]]:
        found = [event for event in await tickets.told(1) if ".sla." in event.type]
        return found if len(found) >= count else []

    return await eventually(enough, what=f"{count} words on clocks")


def now(seconds: float = 0) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


async def reply(tickets: Tickets, ticket: UUID, at: datetime, **more: Any) -> str:
    """An agent answers, and the provider takes it."""
    sent = await answer(tickets, ticket, **more)
    assert sent.status_code == 201, sent.text
    message: str = sent.json()["message"]
    await tickets.publish(delivered(ticket, message, "sent", 1, at=at))
    return message


async def test_a_reply_in_time_meets_and_is_told_with_its_policy(tickets: Tickets) -> None:
    await under(tickets, first_reply_s=HOUR, resolution_s=8 * HOUR)
    began = now(-60)
    ticket = await tickets.write(accepted_at=began)
    await tickets.listed(1)
    shown = (await clocks(tickets, ticket))["first_reply/1"]
    assert (shown["state"], shown["target_s"], shown["policy"]) == ("runs", HOUR, "standard")
    assert datetime.fromisoformat(shown["due_at"]) == began + timedelta(hours=1)
    (opened,) = await tickets.told(1)
    assert opened.data.due_at == began + timedelta(hours=1)
    assert (await tickets.listed(1))[0]["due_at"] == shown["due_at"]
    await reply(tickets, ticket, began + timedelta(seconds=30))
    met = await when(tickets, ticket, "first_reply/1", "met")
    assert met["elapsed_s"] == 30
    assert (await clocks(tickets, ticket))["resolution/1"]["state"] == "rests"  # the customer's turn
    (settled,) = await told(tickets, 1)
    assert (settled.data.outcome, settled.data.policy_version, settled.data.elapsed_s) == ("met", 1, 30)


async def test_warnings_and_a_breach_come_once_and_in_time_over_a_kill_and_a_restart(tickets: Tickets) -> None:
    await under(tickets, first_reply_s=8, warn_at=(50, 75))
    began = now()
    ticket = await tickets.write(accepted_at=began)
    await tickets.listed(1)
    tickets.desk.processes["tickets"].kill()
    await tickets.desk.start("services.tickets")
    await when(tickets, ticket, "first_reply/1", "breached")
    found = await told(tickets, 2)
    assert [event.type.split(".")[2] for event in found][-1] == "breached"
    assert found[-1].data.clock_due_at == began + timedelta(seconds=8)
    assert found[-1].time - began < timedelta(seconds=9)
    assert [event.data.percent for event in found[:-1]] in ([50, 75], [75])  # one may pass while it is down
    tickets.desk.processes["tickets"].kill()
    await tickets.desk.start("services.tickets")
    await tickets.become(ticket, "solved")
    await asyncio.sleep(1)  # nothing more is to come
    assert len(await told(tickets, 1)) == len(found)


async def test_an_earlier_provider_time_corrects_a_breach_and_a_failure_takes_that_back(
    tickets: Tickets,
) -> None:
    await under(tickets, first_reply_s=2)
    began = now()
    ticket = await tickets.write(accepted_at=began)
    await tickets.listed(1)
    await when(tickets, ticket, "first_reply/1", "breached")
    message = await reply(tickets, ticket, began + timedelta(seconds=1))
    assert (await when(tickets, ticket, "first_reply/1", "met"))["elapsed_s"] == 1
    await tickets.publish(delivered(ticket, message, "failed", 2, at=now()))
    await when(tickets, ticket, "first_reply/1", "breached")
    found = await told(tickets, 4)
    said = [(event.type.split(".")[2], event.data.outcome) for event in found]
    assert said[:2] == [("breached", "breached"), ("corrected", "met")]
    assert [what for what, _ in said].count("breached") == 1
    assert said[-1] == ("corrected", "breached")
    assert [event.version for event in found] == list(range(1, len(found) + 1))


async def test_a_breach_waits_for_an_answer_that_was_taken_in_time_and_is_not_read_yet(tickets: Tickets) -> None:
    await under(tickets, first_reply_s=3)
    began = now()
    ticket = await tickets.write(accepted_at=began)
    await tickets.listed(1)
    sent = await answer(tickets, ticket)
    message = sent.json()["message"]
    database = await tickets.database()
    try:
        async with database.transaction():
            await database.execute("lock table inbox in share mode")  # no record is handled until this is over
            await tickets.publish(delivered(ticket, message, "sent", 1, at=began + timedelta(seconds=2)))
            await asyncio.sleep(5)
    finally:
        await database.close()
    assert (await when(tickets, ticket, "first_reply/1", "met"))["elapsed_s"] == 2
    (settled,) = await told(tickets, 1)
    assert settled.type == "switchboard.sla.settled.v1"


async def test_resolution_rests_in_pending_and_goes_on_with_the_customers_answer(tickets: Tickets) -> None:
    await under(tickets, resolution_s=HOUR)
    began = now(-600)
    ticket = await tickets.write(accepted_at=began)
    await tickets.listed(1)
    assert (await tickets.become(ticket, "pending")).status_code == 200
    assert (await when(tickets, ticket, "resolution/1", "rests"))["due_at"] is None
    await tickets.write(number=2, accepted_at=now())
    runs = await when(tickets, ticket, "resolution/1", "runs")
    assert datetime.fromisoformat(runs["due_at"]) >= began + timedelta(hours=1)
    assert (await tickets.become(ticket, "solved")).status_code == 200
    solved = await when(tickets, ticket, "resolution/1", "met")
    assert 600 <= solved["elapsed_s"] < 660


async def test_spam_is_void_and_taken_back_it_counts_from_its_start(tickets: Tickets) -> None:
    await under(tickets, first_reply_s=HOUR)
    began = now(-60)
    ticket = await tickets.write(accepted_at=began)
    await tickets.listed(1)
    for spam, state in ((True, "void"), (False, "runs")):
        async with tickets.client() as asking:
            assert (await asking.patch(f"/v1/tickets/{ticket}", json={"spam": spam})).status_code == 200
        shown = await when(tickets, ticket, "first_reply/1", state)
    assert datetime.fromisoformat(shown["due_at"]) == began + timedelta(hours=1)


async def test_a_changed_policy_is_for_new_cycles_until_a_lead_applies_it(tickets: Tickets) -> None:
    await under(tickets, first_reply_s=HOUR)
    began = now(-60)
    ticket = await tickets.write(accepted_at=began)
    await tickets.listed(1)
    await under(tickets, version=2, first_reply_s=4 * HOUR)
    later = await tickets.write(person="88", accepted_at=began)
    await tickets.listed(2)
    due = {one: (await clocks(tickets, one))["first_reply/1"]["due_at"] for one in (ticket, later)}
    assert datetime.fromisoformat(due[ticket]) == began + timedelta(hours=1)
    assert datetime.fromisoformat(due[later]) == began + timedelta(hours=4)
    async with tickets.client(role="lead", agent="boss") as lead:
        seen = (await lead.get("/v1/sla/standard/preview")).json()
        assert (seen["policy_version"], seen["tickets"]) == (2, 1)
        (moved,) = seen["clocks"]
        assert (moved["ticket"], moved["due_at"], moved["new_due_at"]) == (str(ticket), due[ticket], due[later])
        assert (await lead.get("/v1/sla/gold/preview")).status_code == 404
        assert (await lead.post("/v1/sla/standard/apply", json={"policy_version": 1})).status_code == 409
        done = await lead.post("/v1/sla/standard/apply", json={"policy_version": 2})
        assert (done.status_code, done.json()) == (200, {"tickets": 1}), done.text
        assert (await lead.post("/v1/sla/standard/apply", json={"policy_version": 2})).json() == {"tickets": 0}
    shown = (await clocks(tickets, ticket))["first_reply/1"]
    assert (shown["due_at"], shown["policy_version"]) == (due[later], 2)
    (line,) = [one for one in await tickets.timeline(ticket, 2) if one["what"] == "sla"]
    assert line["detail"] == {"policy": "standard", "policy_version": 2, "by": "boss"}
    (applied,) = [event for event in await tickets.told(3) if event.type == "switchboard.sla.applied.v1"]
    assert (applied.data.by, applied.version, applied.data.due_at) == ("boss", 2, began + timedelta(hours=4))


async def test_a_first_policy_reaches_open_tickets_that_a_lead_puts_under_it(tickets: Tickets) -> None:
    began = now(-600)
    waiting, answered = [await tickets.write(person=person, accepted_at=began) for person in ("1", "2")]
    await tickets.listed(2)
    await reply(tickets, answered, began + timedelta(seconds=100))
    await tickets.write(person="2", number=2, accepted_at=began + timedelta(seconds=300))
    await tickets.timeline(answered, 4)
    await under(tickets, first_reply_s=HOUR, next_reply_s=HOUR)
    assert await clocks(tickets, waiting) == {}
    async with tickets.client(role="lead") as lead:
        seen = (await lead.get("/v1/sla/standard/preview")).json()
        assert (seen["tickets"], len(seen["clocks"])) == (2, 2)
        assert (await lead.post("/v1/sla/standard/apply", json={"policy_version": 1})).json() == {"tickets": 2}
    due = (await clocks(tickets, waiting))["first_reply/1"]["due_at"]
    assert datetime.fromisoformat(due) == began + timedelta(hours=1)
    then = (await clocks(tickets, answered))["next_reply/1"]["due_at"]
    assert datetime.fromisoformat(then) == began + timedelta(seconds=300, hours=1)


async def test_a_reply_counts_by_the_calendar_as_it_was_when_the_cycle_began(tickets: Tickets) -> None:
    every_day = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    always = {"name": "Office", "week": {day: ["00:00-24:00"] for day in every_day}}
    await save(tickets, "calendar", "office", always)
    await save(tickets, "shop", "bikes", {"name": "Bikes", "calendar": "office"})
    began = now(-300)
    ticket = await tickets.write(accepted_at=began)
    await tickets.listed(1)
    never_now = {"name": "Office", "week": {every_day[(now().weekday() + 3) % 7]: ["10:00-11:00"]}}
    await save(tickets, "calendar", "office", never_now, version=2)
    await reply(tickets, ticket, began + timedelta(seconds=100))
    found = await tickets.told(4)
    (sent,) = [event for event in found if event.type == "switchboard.ticket.reply-sent.v1"]
    assert (sent.data.business_since_start_s, sent.data.calendar_version) == (100, 1)


async def test_a_promise_shows_how_many_of_those_whose_time_has_passed_came_so_far(tickets: Tickets) -> None:
    document = {"name": "A day", "within_s": 60, "percent": 80, "window_days": 1}
    await save(tickets, "promise", "day", document)
    solved = await tickets.write(person="1", accepted_at=now(-59))
    await tickets.write(person="2", accepted_at=now(-600))
    await tickets.write(person="3", accepted_at=now(-1))
    await tickets.write(person="4", accepted_at=now(-3 * 86_400))
    await tickets.listed(4)
    await tickets.become(solved, "solved")
    async with tickets.client(role="lead") as lead:

        async def passed() -> Any:
            shown = (await lead.get("/v1/promises/day")).json()
            return shown if shown["denominator"] == 2 else None

        shown = await eventually(passed, what="the solved one's time")
        assert (shown["numerator"], shown["unsolved"], shown["reached"], shown["kept"]) == (1, 1, 50.0, False)
        assert (await lead.get("/v1/promises/none")).status_code == 404


async def test_without_a_policy_no_row_is_written(tickets: Tickets) -> None:
    ticket = await tickets.write(accepted_at=now())
    await tickets.listed(1)
    assert await clocks(tickets, ticket) == {}
    database = await tickets.database()
    try:
        count = await database.fetchval("select count(*) from evidence where workspace = $1", tickets.workspace)
    finally:
        await database.close()
    assert count == 0


@pytest.mark.long
async def test_ten_thousand_due_in_one_minute_are_told_within_a_second(tickets: Tickets, long_run: bool) -> None:
    await under(tickets, first_reply_s=120)
    began = now()
    events = [
        tickets.message(person=str(n), accepted_at=began + timedelta(seconds=n * 60 / 10_000)) for n in range(10_000)
    ]
    for start in range(0, len(events), 500):
        await tickets.publish(*events[start : start + 500])
    database = await tickets.database()
    try:

        async def all_told() -> bool:
            sql = "select count(*) from clocks where workspace = $1 and told = 'breached'"
            return bool(await database.fetchval(sql, tickets.workspace) == len(events))

        await eventually(all_told, timeout_s=400, what="ten thousand breaches")
    finally:
        await database.close()
    breaches = [event for event in await tickets.told(20_000) if event.type == "switchboard.sla.breached.v1"]
    assert len({event.data.clock for event in breaches}) == len(breaches) == len(events)
    late = sorted((event.time - event.data.clock_due_at).total_seconds() for event in breaches)
    assert late[-1] <= 1.0, late[-100:]

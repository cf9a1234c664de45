"""Changes of a ticket's fields: told, on the timeline, in the audit, and undone by time where they are for a time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from services.tickets.repo import audit
from services.tickets.sealing import check_seals
from tests.eventually import eventually
from tests.integration.ticketing import Tickets


async def change(tickets: Tickets, ticket: Any, headers: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
    """An agent changes fields."""
    async with tickets.client() as asking:
        return await asking.patch(f"/v1/tickets/{ticket}", json=fields, headers=headers)


async def test_a_change_is_a_version_an_event_a_line_and_a_row_of_the_audit(tickets: Tickets) -> None:
    ticket = await tickets.write()
    await tickets.listed(1)
    done = await change(tickets, ticket, priority="high", intent="payment", add_tags=["vip", "b2b"], state="pending")
    assert done.status_code == 200, done.text
    shown = done.json()
    assert (shown["version"], shown["priority"], shown["state"]) == (3, "high", "pending")
    assert shown["tags"] == ["b2b", "vip"]
    opened, changed, moved = await tickets.told(3)
    assert (changed.data.fields, changed.data.added) == (("intent", "priority", "tags"), ("b2b", "vip"))
    assert (changed.data.state, moved.data.state, moved.data.tags) == ("new", "pending", ("b2b", "vip"))
    lines = [line for line in await tickets.timeline(ticket, 3) if line["what"] in ("changed", "state")]
    assert lines[0]["detail"]["changes"]["priority"] == {"was": "normal", "is": "high"}
    assert lines[0]["detail"]["by"] == "anna"

    async def sealed() -> Any:
        async with tickets.client(role="lead") as asking:
            items = (await asking.get(f"/v1/tickets/{ticket}/audit")).json()["items"]
        return items if all(item["seal"] for item in items) else None

    items = await eventually(sealed, what="the seal")
    assert [item["id"] for item in items] == [str(event.id) for event in (opened, changed, moved)]
    assert [item["actor"] for item in items] == [None, "key-1", "key-1"]


async def test_nothing_is_told_where_nothing_is_otherwise(tickets: Tickets) -> None:
    ticket = await tickets.write()
    await tickets.listed(1)
    same = await change(tickets, ticket, priority="normal", remove_tags=["vip"], state="new")
    assert (same.status_code, same.json()["version"]) == (200, 1)


async def test_a_change_is_refused_only_over_a_change_of_the_same_field(tickets: Tickets) -> None:
    ticket = await tickets.write()
    await tickets.listed(1)
    seen = {"if-match": '"1"'}
    assert (await change(tickets, ticket, seen, priority="high")).status_code == 200
    assert (await change(tickets, ticket, seen, intent="refund")).status_code == 200
    assert (await change(tickets, ticket, seen, add_tags=["vip"])).status_code == 200
    late = await change(tickets, ticket, seen, priority="low")
    assert (late.status_code, "priority" in late.json()["detail"]) == (412, True)


async def test_what_cannot_be_is_refused_with_its_reason(tickets: Tickets) -> None:
    ticket = await tickets.write()
    await tickets.listed(1)
    gone = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    assert (await change(tickets, ticket, snoozed_until=gone)).json()["type"].endswith("in_the_past")
    many = await change(tickets, ticket, add_tags=[f"t{n}" for n in range(51)])
    assert many.status_code == 422
    assert (await tickets.become(ticket, "closed")).status_code == 200
    refused = await change(tickets, ticket, priority="low")
    assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (409, "ticket_closed")
    assert (await change(tickets, ticket, add_tags=["late"])).status_code == 200
    async with tickets.client(shops=("other",)) as asking:
        assert (await asking.patch(f"/v1/tickets/{ticket}", json={"priority": "low"})).status_code == 404


async def test_a_snooze_ends_by_itself_over_a_kill_and_a_message_ends_it_early(tickets: Tickets) -> None:
    first, second = await tickets.write(person="1"), await tickets.write(person="2")
    await tickets.listed(2)
    soon = (datetime.now(UTC) + timedelta(seconds=2)).isoformat()
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert (await change(tickets, first, snoozed_until=soon)).json()["snoozed_until"]
    assert (await change(tickets, second, snoozed_until=later)).json()["snoozed_until"]
    process = tickets.desk.processes["tickets"]
    process.kill()
    process.start()
    await process.ready()
    await tickets.write(person="2", number=2)

    async def awake() -> bool:
        shown = [await tickets.get(f"/v1/tickets/{ticket}") for ticket in (first, second)]
        return not any(one["snoozed_until"] for one in shown)

    await eventually(awake, what="both awake")
    woken = [line for line in await tickets.timeline(first, 3) if line["what"] == "changed"]
    assert [line["detail"]["reason"] for line in woken] == ["agent", "snooze-over"]


async def test_spam_is_solved_and_taking_the_mark_away_reopens(tickets: Tickets) -> None:
    ticket = await tickets.write()
    await tickets.listed(1)
    marked = (await change(tickets, ticket, spam=True)).json()
    assert (marked["spam"], marked["state"]) == (True, "solved")
    back = (await change(tickets, ticket, spam=False)).json()
    assert (back["spam"], back["state"]) == (False, "open")


async def test_a_row_of_the_audit_that_was_touched_breaks_its_seal(tickets: Tickets) -> None:
    ticket = await tickets.write()
    await tickets.listed(1)
    await change(tickets, ticket, priority="high")
    connection = await tickets.database()
    try:

        async def sealed() -> bool:
            async with connection.transaction():
                return not await audit.unsealed(connection, 1)

        await eventually(sealed, what="all rows sealed")
        assert await check_seals(connection) == []
        wrong = "update audit set record = replace(encode(record, 'escape'), 'high', 'none')::bytea where key = $1"
        deeds = (wrong, "delete from audit where key = $1", "update audit set seal = seal + 1 where key = $1")
        for deed in deeds:
            touched = connection.transaction()
            await touched.start()
            await connection.execute(deed, str(ticket).encode())
            broken = await check_seals(connection)
            await touched.rollback()
            assert broken, deed
            assert broken[0].subject.startswith(tickets.workspace)
    finally:
        await connection.close()

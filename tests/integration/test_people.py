"""People: known, merged and parted again, proven by a code, and forgotten whole."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from shared.contracts.inbound_messages import Sender
from shared.contracts.ticket_events import TicketChanged
from tests.desk import Desk
from tests.eventually import eventually
from tests.integration.ticketing import Tickets, new_workspace, one_desk, ticket_of
from tests.stack import Stack


@pytest.fixture(scope="module")
def desk(stack: Stack) -> Iterator[Desk]:
    """Tickets alone."""
    yield from one_desk(stack)


@pytest.fixture
def tickets(desk: Desk) -> Tickets:
    """A workspace."""
    return new_workspace(desk)


async def ask(tickets: Tickets, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
    headers = more.pop("headers", None)
    async with tickets.client(**more) as asking:
        return await asking.request(method, path, json=body, headers=headers)


async def told(tickets: Tickets, method: str, path: str, body: Any = None, **more: Any) -> Any:
    answer = await ask(tickets, method, path, body, **more)
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


async def customer(tickets: Tickets, value: str, number: int = 1, **more: Any) -> dict[str, Any]:
    """Somebody writes; gives the ticket."""
    event = tickets.message(person=value, number=number, **more)
    await tickets.publish(event)
    await tickets.timeline(ticket_of(event), 1)
    return dict(await tickets.get(f"/v1/tickets/{ticket_of(event)}"))


def by_mail(value: str, **more: Any) -> dict[str, Any]:
    return {"channel": "mail", "account": "shop", "sender": Sender(kind="email", value=value, **more), "thread": value}


async def person(tickets: Tickets, id_: str) -> dict[str, Any]:
    return dict(await tickets.get(f"/v1/persons/{id_}"))


async def of(tickets: Tickets, id_: str) -> set[str]:
    return {one["id"] for one in (await tickets.get("/v1/tickets", person=id_, limit=200))["items"]}


async def clean(tickets: Tickets) -> None:
    assert await tickets.desk.run("services.tickets", "verify") == (0, "")


async def test_a_merge_takes_tickets_and_identities_and_undoing_gives_each_his_own(tickets: Tickets) -> None:
    ann = await customer(tickets, "1")
    anna = await customer(tickets, "a@b.example", **by_mail("a@b.example", name="Anna"))
    a, b = ann["person"], anna["person"]
    merged = await ask(tickets, "POST", f"/v1/persons/{b}/merge", {"into": a})
    assert (merged.status_code, merged.headers["etag"]) == (200, f'"{merged.json()["version"]}"')
    shown = await person(tickets, a)
    assert shown["name"] == "Anna"
    assert {(one["value"], one["own"]) for one in shown["identities"]} == {("1", a), ("a@b.example", b)}
    assert [one["id"] for one in shown["merged"]] == [b]
    assert (await person(tickets, b))["merged_into"] == a
    assert await of(tickets, a) == {ann["id"], anna["id"]}
    assert await of(tickets, b) == set()
    (changed,) = [event.data for event in await tickets.told(3) if isinstance(event.data, TicketChanged)]
    assert (str(changed.person), changed.fields, changed.reason) == (a, ("person",), "merged")

    over_his = await customer(tickets, "a@b.example", 2, **by_mail("a@b.example") | {"thread": "new"})
    assert over_his["person"] == a
    assert (await told(tickets, "DELETE", f"/v1/persons/{b}/merge"))["person"] == b
    assert await of(tickets, a) == {ann["id"]}
    assert await of(tickets, b) == {anna["id"], over_his["id"]}
    assert [one["value"] for one in (await person(tickets, a))["identities"]] == ["1"]
    contacts = {str(e.data.person): e.data for e in await tickets.told(6, "contacts")}
    assert [one.value for one in contacts[b].identities] == ["a@b.example"]
    assert (contacts[b].merged_into, len(contacts[a].identities)) == (None, 1)
    assert refusal(await ask(tickets, "DELETE", f"/v1/persons/{b}/merge")) == (409, "not_merged")
    await clean(tickets)


async def test_what_cannot_be_merged_is_refused_with_its_reason(tickets: Tickets) -> None:
    a, b, c = [(await customer(tickets, value))["person"] for value in ("1", "2", "3")]
    merge = f"/v1/persons/{a}/merge"
    assert refusal(await ask(tickets, "POST", merge, {"into": a})) == (422, "same_person")
    assert refusal(await ask(tickets, "POST", merge, {"into": str(UUID(int=9))})) == (404, "not_found")
    assert refusal(await ask(tickets, "POST", merge, {"into": b}, shops=("other",))) == (404, "not_found")
    await told(tickets, "POST", merge, {"into": b})
    assert refusal(await ask(tickets, "POST", merge, {"into": c})) == (409, "merged_away")
    assert refusal(await ask(tickets, "POST", f"/v1/persons/{c}/merge", {"into": a})) == (409, "merged_away")
    assert refusal(await ask(tickets, "PATCH", f"/v1/persons/{a}", {"name": "X"})) == (409, "merged_away")
    connection = await tickets.database()
    try:
        old = "update persons set merged_at = merged_at - interval '31 days' where id = $1"
        await connection.execute(old, UUID(a))
    finally:
        await connection.close()
    assert refusal(await ask(tickets, "DELETE", merge)) == (409, "undo_too_late")


async def test_whoever_was_merged_is_forgotten_with_the_other(tickets: Tickets) -> None:
    first, second = await customer(tickets, "71001"), await customer(tickets, "71002", text="Purple")
    a, b = first["person"], second["person"]
    await told(tickets, "PATCH", f"/v1/persons/{b}", {"notes": "Rides purple unicycles", "name": "Bea"})
    await told(tickets, "POST", f"/v1/persons/{b}/merge", {"into": a})
    await told(tickets, "PATCH", f"/v1/tickets/{second['id']}", {"subject": "Purple"})
    assert (await ask(tickets, "POST", f"/v1/persons/{a}/erase", role="lead")).status_code == 202

    async def done() -> bool:
        erasures = [await told(tickets, "GET", f"/v1/persons/{one}/erasure", role="lead") for one in (a, b)]
        return all("tickets" in one["done"] for one in erasures)

    await eventually(done, what="both forgotten")
    connection = await tickets.database()
    try:
        found = []
        for table in [
            row["tablename"]
            for row in await connection.fetch(
                "select tablename from pg_tables where schemaname = current_schema() "
                "and tablename not in ('audit', 'outbox', 'inbox')"
            )
        ]:
            sql = f"select count(*) from {table} t where t::text ~* 'purple|bea|71001|71002'"
            if await connection.fetchval(sql):
                found.append(table)
        assert found == []
    finally:
        await connection.close()
    again = await customer(tickets, "71002", 2, accepted_at=datetime.now(UTC) + timedelta(seconds=1))
    assert again["person"] not in (a, b)
    await clean(tickets)


async def test_a_person_is_edited_field_by_field_and_once_for_a_key(tickets: Tickets) -> None:
    a = (await customer(tickets, "1"))["person"]
    wanted = {"name": "Ann Lee", "zone": "Asia/Tokyo", "preference": "telegram", "add_tags": ["vip"], "notes": "Kind"}
    headers = {"idempotency-key": "once", "if-match": '"1"'}
    first = await ask(tickets, "PATCH", f"/v1/persons/{a}", wanted, headers=headers)
    again = await ask(tickets, "PATCH", f"/v1/persons/{a}", wanted, headers=headers)
    assert (first.status_code, first.json()) == (again.status_code, again.json()) == (200, {"person": a, "version": 2})
    shown = await person(tickets, a)
    assert (shown["zone"], shown["tags"], shown["notes"]) == ("Asia/Tokyo", ["vip"], "Kind")
    contact = (await tickets.told(2, "contacts"))[1].data
    assert (contact.name, contact.zone, contact.preference) == ("Ann Lee", "Asia/Tokyo", "telegram")
    seen = {"if-match": '"1"'}
    assert refusal(await ask(tickets, "PATCH", f"/v1/persons/{a}", {"name": "X"}, headers=seen))[0] == 412
    assert (await ask(tickets, "PATCH", f"/v1/persons/{a}", {"language": "ja"}, headers=seen)).status_code == 200
    for wrong, status, reason in (
        ({"zone": "Mars/Olympus"}, 422, "invalid"),
        ({"preference": "pigeon"}, 422, "unknown_channel"),
        ({"organisation": str(UUID(int=5))}, 422, "unknown_organisation"),
        ({"add_tags": [f"t{n}" for n in range(50)]}, 422, "too_many_tags"),
        ({"nickname": "X"}, 422, "invalid"),
    ):
        assert refusal(await ask(tickets, "PATCH", f"/v1/persons/{a}", wrong)) == (status, reason), wrong


async def test_a_proven_address_of_a_listed_domain_leads_to_its_organisation(tickets: Tickets) -> None:
    body = {"name": "Acme", "domains": ["acme.example"], "notes": "Pays late"}
    acme = await told(tickets, "POST", "/v1/organisations", body)
    taken = await ask(tickets, "POST", "/v1/organisations", {"name": "Other", "domains": ["acme.example"]})
    assert refusal(taken) == (409, "domain_taken")
    proven = await customer(tickets, "x", **by_mail("Ann@Acme.example", verified=True))
    claimed = await customer(tickets, "y", **by_mail("eve@acme.example"))
    later = await customer(tickets, "z", **by_mail("bob@more.example", verified=True))
    assert (await person(tickets, proven["person"]))["organisation"] == acme["id"]
    assert (await person(tickets, claimed["person"]))["organisation"] is None
    both = {"domains": ["more.example", "acme.example"], "add_tags": ["b2b"]}
    after = await told(tickets, "PATCH", f"/v1/organisations/{acme['id']}", both, headers={"if-match": '"1"'})
    assert (after["domains"], after["tags"], after["version"]) == (["acme.example", "more.example"], ["b2b"], 2)
    members = await tickets.get(f"/v1/organisations/{acme['id']}/persons")
    assert {one["id"] for one in members["items"]} == {proven["person"], later["person"]}
    stale = await ask(tickets, "PATCH", f"/v1/organisations/{acme['id']}", {"domains": []}, headers={"if-match": '"1"'})
    assert refusal(stale) == (412, "changed_since")
    assert [one["name"] for one in (await tickets.get("/v1/organisations"))["items"]] == ["Acme"]
    assert (await told(tickets, "DELETE", f"/v1/organisations/{acme['id']}", role="lead"))["id"] == acme["id"]
    assert (await person(tickets, proven["person"]))["organisation"] is None
    assert (await ask(tickets, "GET", f"/v1/organisations/{acme['id']}")).status_code == 404

"""People: known, merged and parted again, proven by a code, and forgotten whole."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx

from shared.contracts.envelope import Event
from shared.contracts.inbound_messages import Sender
from shared.contracts.settings import SettingChanged
from shared.contracts.ticket_events import TicketChanged
from shared.ids import new_id
from tests.eventually import eventually
from tests.integration.ticketing import Tickets, ticket_of


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


async def test_customers_who_write_while_they_are_merged_and_parted_are_where_they_belong(tickets: Tickets) -> None:
    a = (await customer(tickets, "a", **by_mail("a@b.example")))["person"]
    b = (await customer(tickets, "b", **by_mail("b@b.example")))["person"]
    mails = [
        tickets.message(person=who, number=number, **by_mail(f"{who}@b.example") | {"thread": f"{who}{number}"})
        for number in range(2, 42)
        for who in ("a", "b")
    ]

    async def write() -> None:
        for mail in mails:
            await tickets.publish(mail)

    async def change() -> None:
        for _ in range(8):
            assert (await ask(tickets, "POST", f"/v1/persons/{b}/merge", {"into": a})).status_code in (200, 503)
            assert (await ask(tickets, "DELETE", f"/v1/persons/{b}/merge")).status_code in (200, 409, 503)

    await asyncio.gather(write(), change())
    assert len(await tickets.listed(82)) == 82
    await ask(tickets, "DELETE", f"/v1/persons/{b}/merge")
    assert await of(tickets, a) == {opened_by(tickets, "a", one) for one in range(1, 42)}
    assert len(await of(tickets, b)) == 41
    await clean(tickets)


def opened_by(tickets: Tickets, who: str, number: int) -> str:
    """The ticket of a mail."""
    return str(ticket_of(tickets.message(person=who, number=number, **by_mail(f"{who}@b.example"))))


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
    first, second = await customer(tickets, "quixote1"), await customer(tickets, "quixote2", text="Purple")
    a, b = first["person"], second["person"]
    await told(tickets, "PATCH", f"/v1/persons/{b}", {"notes": "Rides purple unicycles", "name": "Zoltan"})
    await told(tickets, "POST", f"/v1/persons/{b}/merge", {"into": a})
    await told(tickets, "PATCH", f"/v1/tickets/{second['id']}", {"subject": "Purple"})
    assert (await ask(tickets, "POST", f"/v1/persons/{a}/erase", role="lead")).status_code == 202

    async def done() -> bool:
        erasures = [await told(tickets, "GET", f"/v1/persons/{one}/erasure", role="lead") for one in (a, b)]
        return all("tickets" in one["done"] for one in erasures)

    await eventually(done, what="both forgotten")
    assert await holding(tickets, "purple|zoltan|quixote") == []
    again = await customer(tickets, "quixote2", 2, accepted_at=datetime.now(UTC) + timedelta(seconds=1))
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


async def code_of(tickets: Tickets, count: int) -> tuple[str, Any]:
    """The newest code that notify was asked to send, and the command."""
    command = max(await tickets.told(count, "outbound-commands"), key=lambda event: event.time).data
    found = re.search(r"[0-9]{6}", command.text)
    assert found is not None
    return found[0], command


async def send_code(tickets: Tickets, person: str, contact: dict[str, str], **more: Any) -> httpx.Response:
    return await ask(tickets, "POST", f"/v1/persons/{person}/verifications", {"identity": contact, **more})


async def give(tickets: Tickets, person: str, verification: str, code: str) -> httpx.Response:
    return await ask(tickets, "POST", f"/v1/persons/{person}/verifications/{verification}", {"code": code})


MAIL_A = {"kind": "email", "value": "a@b.example"}


async def test_a_code_to_a_known_contact_proves_who_writes_and_stands_nowhere(tickets: Tickets) -> None:
    ticket = await customer(tickets, "x", **by_mail("a@b.example", name="Ann"))
    a = ticket["person"]
    assert ticket["verified"] is False
    sent = await send_code(tickets, a, {"kind": "email", "value": " A@b.example "})
    assert sent.status_code == 200, sent.text
    code, command = await code_of(tickets, 1)
    assert (command.recipient.value, command.channel, command.account) == ("a@b.example", "mail", "shop")
    assert (command.secret, command.automatic) == (True, True)
    wrong = await give(tickets, a, sent.json()["id"], f"{(int(code) + 1) % 10**6:06}")
    assert (refusal(wrong), "4 tries" in wrong.json()["detail"]) == ((422, "wrong_code"), True)
    right = await give(tickets, a, sent.json()["id"], code)
    assert right.json() == {"outcome": "verified", "tries_left": 0, "suggestion": None}
    shown = await tickets.get(f"/v1/tickets/{ticket['id']}")
    assert (shown["verified"], shown["verified_override"]) == (True, None)
    assert refusal(await give(tickets, a, sent.json()["id"], code)) == (409, "code_used")
    assert await holding(tickets, f"(?<![.0-9a-f]){code}(?![0-9a-f])") == []
    lines = (await tickets.get(f"/v1/tickets/{ticket['id']}/timeline"))["items"]
    assert (lines[1]["automatic"], "••••••" in lines[1]["text"]) == ("verification", True)
    assert lines[2]["detail"]["changes"] == {"verified": {"was": None, "is": "email"}}
    assert code not in " ".join([event.data.model_dump_json() for event in await tickets.told(3)])
    await clean(tickets)


async def test_a_contact_that_nobody_knew_is_linked_only_to_whoever_is_proven(tickets: Tickets) -> None:
    proven = await customer(tickets, "1")
    await settle_account(tickets, "shop-mail")
    sent = await send_code(tickets, proven["person"], MAIL_A, ticket=proven["id"])
    code, command = await code_of(tickets, 1)
    assert command.account == "shop-mail"
    linked = await give(tickets, proven["person"], sent.json()["id"], code)
    assert linked.json()["outcome"] == "verified"
    found = {one["value"]: one["verified"] for one in (await person(tickets, proven["person"]))["identities"]}
    assert found == {"1": True, "a@b.example": True}

    pretender = await customer(tickets, "x", **by_mail("victim@b.example"))
    own = {"kind": "email", "value": "own@evil.example"}
    sent = await send_code(tickets, pretender["person"], own, account="shop-mail")
    code, _ = await code_of(tickets, 2)
    suggested = (await give(tickets, pretender["person"], sent.json()["id"], code)).json()
    assert suggested["outcome"] == "suggested"
    assert (await tickets.get(f"/v1/tickets/{pretender['id']}"))["verified"] is False
    assert len((await person(tickets, pretender["person"]))["identities"]) == 1
    assert (await tickets.get("/v1/suggestions"))["items"][0]["id"] == suggested["suggestion"]
    seen = {shop: await told(tickets, "GET", "/v1/suggestions", shops=(shop,)) for shop in ("bikes", "other")}
    assert (len(seen["bikes"]["items"]), seen["other"]["items"]) == (1, [])
    await told(tickets, "POST", f"/v1/suggestions/{suggested['suggestion']}/dismiss")
    assert (await tickets.get("/v1/suggestions"))["items"] == []
    await clean(tickets)


async def test_a_contact_of_somebody_else_is_a_suggestion_and_accepting_merges(tickets: Tickets) -> None:
    chat = await customer(tickets, "1")
    mail = await customer(tickets, "x", **by_mail("a@b.example", name="Ann"))
    await settle_account(tickets, "shop-mail")
    sent = await send_code(tickets, chat["person"], MAIL_A)
    code, _ = await code_of(tickets, 1)
    tried = (await give(tickets, chat["person"], sent.json()["id"], code)).json()
    assert tried["outcome"] == "suggested"
    panel = await tickets.get(f"/v1/persons/{chat['person']}/context")
    assert {panel["suggestions"][0]["first"], panel["suggestions"][0]["second"]} == {chat["person"], mail["person"]}
    accept = f"/v1/suggestions/{tried['suggestion']}/accept"
    assert refusal(await ask(tickets, "POST", accept, {}, shops=("other",))) == (404, "not_found")
    assert refusal(await ask(tickets, "POST", accept, {"into": str(UUID(int=8))})) == (404, "not_found")
    done = await told(tickets, "POST", accept, {"into": chat["person"]})
    assert done["person"] == chat["person"]
    assert await of(tickets, chat["person"]) == {chat["id"], mail["id"]}
    assert refusal(await ask(tickets, "POST", accept, {})) == (404, "not_found")
    await clean(tickets)


async def test_codes_are_refused_with_their_reason(tickets: Tickets) -> None:
    ticket = await customer(tickets, "x", **by_mail("a@b.example"))
    a = ticket["person"]
    other = await customer(tickets, "77")
    assert refusal(await send_code(tickets, a, {"kind": "email", "value": "no address"})) == (422, "no_contact")
    assert refusal(await send_code(tickets, a, {"kind": "phone", "value": "+31612345678"})) == (409, "no_way_to_send")
    assert refusal(await send_code(tickets, a, MAIL_A, account="nope")) == (422, "unknown_account")
    assert refusal(await send_code(tickets, a, MAIL_A, ticket=other["id"])) == (422, "other_person")
    sent = (await send_code(tickets, a, MAIL_A)).json()
    assert refusal(await give(tickets, a, sent["id"], "12345")) == (422, "invalid")
    assert refusal(await give(tickets, a, str(UUID(int=4)), "123456")) == (404, "not_found")
    code, _ = await code_of(tickets, 1)
    no_code = "000000" if code != "000000" else "000001"
    for _ in range(5):
        assert refusal(await give(tickets, a, sent["id"], no_code)) == (422, "wrong_code")
    assert refusal(await give(tickets, a, sent["id"], code)) == (409, "too_many_tries")
    late = (await send_code(tickets, a, MAIL_A)).json()
    connection = await tickets.database()
    try:
        lapse = "update verifications set expires_at = now() where workspace = $1 and id = $2"
        await connection.execute(lapse, tickets.workspace, UUID(late["id"]))
    finally:
        await connection.close()
    assert refusal(await give(tickets, a, late["id"], (await code_of(tickets, 2))[0])) == (409, "code_expired")
    assert (await send_code(tickets, a, MAIL_A)).status_code == 200
    enough = await send_code(tickets, a, MAIL_A)
    assert (refusal(enough), int(enough.headers["retry-after"]) > 3000) == ((429, "too_many_codes"), True)


async def test_an_identity_that_was_somebody_elses_goes_with_its_tickets(tickets: Tickets) -> None:
    chat = await customer(tickets, "1")
    mail = await customer(tickets, "x", **by_mail("a@b.example", name="Ann"))
    a, b = chat["person"], mail["person"]
    assert refusal(await ask(tickets, "POST", f"/v1/persons/{a}/unlink", MAIL_A)) == (404, "not_found")
    assert refusal(await ask(tickets, "POST", f"/v1/persons/{b}/unlink", MAIL_A)) == (409, "last_identity")
    await settle_account(tickets, "shop-mail")
    new = {"kind": "email", "value": "c@d.example"}
    sent = await send_code(tickets, a, new)
    code, _ = await code_of(tickets, 1)
    assert (await give(tickets, a, sent.json()["id"], code)).json()["outcome"] == "verified"
    later = await customer(tickets, "y", **by_mail("c@d.example", name="Cy"))
    assert later["person"] == a
    gone = await told(tickets, "POST", f"/v1/persons/{a}/unlink", new)
    assert await of(tickets, a) == {chat["id"]}
    assert await of(tickets, gone["person"]) == {later["id"]}
    assert (await person(tickets, gone["person"]))["name"] == "Cy"
    await clean(tickets)


async def test_an_agents_word_is_recorded_with_its_reason(tickets: Tickets) -> None:
    ticket = await customer(tickets, "x", **by_mail("a@b.example"))
    path = f"/v1/tickets/{ticket['id']}/verified-override"
    body = {"reason": "Knew the last four digits"}
    assert refusal(await ask(tickets, "POST", path, body, agent=None)) == (403, "no_agent")
    assert refusal(await ask(tickets, "POST", path, {"reason": " "})) == (422, "invalid")
    assert (await told(tickets, "POST", path, body))["version"] == 2
    shown = await tickets.get(f"/v1/tickets/{ticket['id']}")
    assert (shown["verified"], shown["verified_override"]["by"]) == (False, "anna")
    assert shown["verified_override"]["reason"] == body["reason"]
    (changed,) = [event for event in await tickets.told(2) if isinstance(event.data, TicketChanged)]
    assert (changed.data.fields, changed.data.by, changed.actor) == (("verified_override",), "anna", "key-1")
    assert body["reason"] not in changed.data.model_dump_json()
    await tickets.become(ticket["id"], "closed")
    assert refusal(await ask(tickets, "POST", path, body)) == (409, "ticket_closed")


async def test_the_panel_shows_a_person_in_one_read(tickets: Tickets) -> None:
    ticket = await customer(tickets, "1", order="1001")
    a = ticket["person"]
    acme = await told(tickets, "POST", "/v1/organisations", {"name": "Acme"})
    await told(tickets, "PATCH", f"/v1/persons/{a}", {"zone": "Asia/Kolkata", "organisation": acme["id"]})
    panel = await tickets.get(f"/v1/persons/{a}/context")
    assert (panel["person"]["id"], panel["organisation"]["name"]) == (a, "Acme")
    assert panel["local_time"].endswith("+05:30")
    assert (panel["counts"]["new"], panel["counts"]["closed"]) == (1, 0)
    assert [one["id"] for one in panel["latest"]] == [ticket["id"]]
    assert panel["orders"] == [{"number": "1001", "tickets": [ticket["id"]]}]
    assert (await ask(tickets, "GET", f"/v1/persons/{a}/context", shops=("other",))).status_code == 404


async def settle_account(tickets: Tickets, id_: str) -> None:
    """An account that mails."""
    data = SettingChanged(kind="account", document_id=id_, document={"channel": "mail", "shop": "bikes", "name": "M"})
    await tickets.publish(Event(new_id(), "gateway", datetime.now(UTC), tickets.workspace, data, version=1))

    async def read() -> bool:
        async with httpx.AsyncClient(base_url=tickets.desk.url("tickets"), timeout=5) as client:
            return f"{tickets.workspace}/account/{id_}" in (await client.get("/internal/settings")).json()

    await eventually(read, what="the account in tickets")


async def holding(tickets: Tickets, words: str) -> list[str]:
    """Columns that hold any of these, in whatever table, but for records on their way."""
    connection = await tickets.database()
    try:
        columns = await connection.fetch(
            "select table_name, column_name, data_type from information_schema.columns "
            "where table_schema = current_schema() and table_name not in ('outbox', 'inbox')"
        )
        found = []
        for table, column, kind in (tuple(row.values()) for row in columns):
            text = f"encode({column}, 'escape')" if kind == "bytea" else f'"{column}"::text'
            if await connection.fetchval(f"select count(*) from {table} where {text} ~* $1", words):
                found.append(f"{table}.{column}")
        return found
    finally:
        await connection.close()

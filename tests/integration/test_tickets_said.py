"""Who said what to whom: people on a ticket, copies, mentions, a person over all channels, transcripts."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx

from shared.contracts.envelope import Event
from shared.contracts.inbound_messages import Copied, MessageReceived, Sender
from shared.contracts.settings import SettingChanged
from shared.ids import new_id
from tests.eventually import eventually
from tests.factories import START
from tests.integration.ticketing import Tickets, ticket_of


async def post(tickets: Tickets, path: str, headers: dict[str, str] | None = None, **body: Any) -> httpx.Response:
    async with tickets.client() as asking:
        return await asking.post(path, json=body or None, headers=headers)


def mail(tickets: Tickets, who: str, number: int = 1, **more: Any) -> Event[MessageReceived]:
    """A mail of this address."""
    sender = Sender(kind="email", value=f"{who}@example.org", name=who.title(), verified=True)
    fields = {"channel": "mail", "account": "care", "sender": sender, "thread": f"{who}-1@example.org"}
    return tickets.message(person=who, number=number, **fields | more)


async def settle(tickets: Tickets, kind: str, id_: str, **document: Any) -> None:
    """Publish a document, and wait until tickets has read it."""
    data = SettingChanged(kind=kind, document_id=id_, document=document)
    await tickets.publish(Event(new_id(), "gateway", datetime.now(UTC), tickets.workspace, data, version=1))

    async def read() -> bool:
        async with httpx.AsyncClient(base_url=tickets.desk.url("tickets"), timeout=5) as client:
            return f"{tickets.workspace}/{kind}/{id_}" in (await client.get("/internal/settings")).json()

    await eventually(read, what=f"{kind} {id_}")


async def test_a_ticket_shows_who_takes_part_and_who_will_read_the_answer(tickets: Tickets) -> None:
    kim = Copied(kind="email", value="kim@example.org", name="Kim")
    first = mail(tickets, "jo", copied=(kim,), natural_id="jo:1", message_id="jo-1@example.org")
    await tickets.publish(first)
    ticket = ticket_of(first)
    await tickets.timeline(ticket, 1)
    shown = await tickets.get(f"/v1/tickets/{ticket}/participants")
    assert [(one["role"], one["name"], one["value"]) for one in shown["items"]] == [
        ("requester", "Jo", None), ("copied", "Kim", "kim@example.org"),
    ]  # fmt: skip
    assert (shown["answer_goes_to"]["value"], shown["answer_goes_to"]["channel"]) == ("jo@example.org", "mail")
    await tickets.publish(mail(tickets, "kim", thread="jo-1@example.org"))
    lines = await tickets.timeline(ticket, 2)
    assert lines[0]["copied"] == [{"kind": "email", "value": "kim@example.org", "name": "Kim"}]
    shown = await tickets.get(f"/v1/tickets/{ticket}/participants")
    assert [(one["role"], one["name"]) for one in shown["items"]] == [("requester", "Jo"), ("guest", "Kim")]
    assert shown["answer_goes_to"]["value"] == "kim@example.org"


async def test_an_answer_is_copied_to_whom_it_names_where_the_channel_carries_copies(tickets: Tickets) -> None:
    first = mail(tickets, "jo")
    chat = tickets.message(person="chatty")
    await tickets.publish(first, chat)
    await tickets.listed(2)
    answers = f"/v1/tickets/{ticket_of(first)}/answers"
    done = await post(tickets, answers, text="Here you are.", cc=["Lee@example.org", "jo@example.org"])
    assert done.status_code == 201, done.text
    (command,) = await tickets.told(1, topic="outbound-commands")
    assert [one.value for one in command.data.copies] == ["lee@example.org"]
    line = (await tickets.timeline(ticket_of(first), 2))[1]
    assert [one["value"] for one in line["copied"]] == ["lee@example.org"]
    refused = await post(tickets, f"/v1/tickets/{ticket_of(chat)}/answers", text="Hi", cc=["lee@example.org"])
    assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (422, "copies_not_carried")
    assert (await post(tickets, answers, text="Hi", cc=["not an address"])).status_code == 422


async def test_a_conversation_that_is_too_long_is_read_and_not_sent(tickets: Tickets) -> None:
    await tickets.publish(mail(tickets, "jo", text="long " * 30_000), mail(tickets, "jo", 2, text="long " * 30_000))
    (item,) = await tickets.listed(1)
    await tickets.timeline(item["id"], 2)
    refused = await post(tickets, f"/v1/tickets/{item['id']}/transcript/send")
    assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (422, "transcript_too_long")
    assert len((await tickets.get(f"/v1/tickets/{item['id']}/transcript"))["messages"]) == 2


async def test_who_is_erased_is_copied_in_nowhere_any_more(tickets: Tickets) -> None:
    kim, lee = (Copied(kind="email", value=f"{who}@example.org") for who in ("kim", "lee"))
    first, theirs = mail(tickets, "jo", copied=(kim, lee)), mail(tickets, "kim")
    await tickets.publish(first, theirs)
    await tickets.listed(2)
    person = (await tickets.get(f"/v1/tickets/{ticket_of(theirs)}"))["person"]
    async with tickets.client(role="lead") as asking:
        assert (await asking.post(f"/v1/persons/{person}/erase")).status_code in (200, 202)
    shown = await tickets.get(f"/v1/tickets/{ticket_of(first)}/participants")
    assert [one["value"] for one in shown["items"][1:]] == ["lee@example.org"]


async def test_a_person_has_one_timeline_over_all_tickets_and_channels(tickets: Tickets) -> None:
    def written(number: int, account: str, **more: Any) -> Event[MessageReceived]:
        at = START + timedelta(minutes=number)
        return tickets.message(number=number, account=account, thread=account, text=str(number), accepted_at=at, **more)

    one = Sender(kind="external", value="77", verified=True)
    said = [written(number, f"bot-{number % 3}", sender=one) for number in range(9)]
    await tickets.publish(*said)
    items = await tickets.listed(3)
    for item in items:
        await tickets.timeline(item["id"], 3)
    assert len({item["person"] for item in items}) == 1
    await tickets.become(items[0]["id"], "pending")
    path = f"/v1/persons/{items[0]['person']}/timeline"
    whole = (await tickets.get(path))["items"]
    assert [line["what"] for line in whole] == ["state", *["message"] * 9]
    assert [line["text"] for line in whole[1:]] == [str(number) for number in range(8, -1, -1)]
    assert {(line["ticket"], line["account"]) for line in whole} == {(item["id"], item["account"]) for item in items}
    seen: list[Any] = []
    query: dict[str, Any] = {"limit": 4}
    while True:
        page = await tickets.get(path, **query)
        seen += page["items"]
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert seen == whole
    async with tickets.client(shops=("other",)) as asking:
        assert (await asking.get(path)).status_code == 404
        assert (await asking.get(path.replace(items[0]["person"], str(UUID(int=9))))).status_code == 404


async def test_an_edit_and_a_withdrawal_stand_on_the_persons_timeline_as_such(tickets: Tickets) -> None:
    edited, gone = (tickets.message(number=number, text=f"first {number}") for number in (1, 2))
    place = {"accepted_at": START + timedelta(minutes=5)}
    await tickets.publish(
        edited,
        gone,
        tickets.message(number=3, text="second 1", edit_of="77:1", **place),
        tickets.message(number=4, text="", withdraws="77:2", **place),
    )
    (item,) = await tickets.listed(1)

    async def done() -> Any:
        lines = (await tickets.get(f"/v1/persons/{item['person']}/timeline"))["items"]
        return lines if any(line["withdrawn_at"] for line in lines) else None

    lines = {line["id"]: line for line in await eventually(done, what="the withdrawal")}
    assert [one["text"] for one in lines[str(edited.id)]["versions"]] == ["first 1", "second 1"]
    assert lines[str(gone.id)]["text"] is None


async def test_a_note_calls_those_whom_it_names(tickets: Tickets) -> None:
    await settle(tickets, "team", "front", name="Front")
    for agent in ("anna", "bram"):
        await settle(tickets, "agent", agent, name=agent.title(), team="front")
    ticket = await tickets.write()
    await tickets.listed(1)
    texts = ("@bram please call him, @nobody", "@front look here", "nobody@bram.example")
    notes = [(await post(tickets, f"/v1/tickets/{ticket}/notes", text=text)).json()["message"] for text in texts]
    added = [event.data.mentions for event in await tickets.told(4) if event.type.endswith("message-added.v1")]
    assert added == [("bram",), ("front",), None]
    async with tickets.client(agent="bram") as asking:
        mine = (await asking.get("/v1/mentions")).json()["items"]
        assert [(one["message"], one["team"], one["by"], one["text"]) for one in mine] == [
            (notes[1], "front", "anna", texts[1]), (notes[0], None, "anna", texts[0]),
        ]  # fmt: skip
        page = (await asking.get("/v1/mentions", params={"limit": 1})).json()
        rest = (await asking.get("/v1/mentions", params={"limit": 1, "cursor": page["next"]})).json()
        assert (page["items"], rest["items"], rest["next"]) == (mine[:1], mine[1:], None)
        for _ in range(2):
            assert (await asking.post(f"/v1/mentions/{notes[1]}/read")).status_code == 204
        left = (await asking.get("/v1/mentions", params={"unread": True})).json()["items"]
        assert [one["message"] for one in left] == [notes[0]]
        assert (await asking.post(f"/v1/mentions/{notes[2]}/read")).status_code == 404
    async with tickets.client(agent="bram", shops=("other",)) as asking:
        assert (await asking.get("/v1/mentions")).json()["items"] == []
    async with tickets.client(agent="anna") as asking:
        assert (await asking.get("/v1/mentions")).json()["items"] == []
    async with tickets.client(agent=None) as asking:
        assert (await asking.get("/v1/mentions")).status_code == 403


async def test_a_transcript_is_what_the_customer_and_the_desk_said(tickets: Tickets) -> None:
    await settle(tickets, "shop", "bikes", name="Canal Bikes", zone="Europe/Amsterdam")
    first = mail(tickets, "jo", text="Waar blijft mijn pakket?", subject="Pakket")
    await tickets.publish(first)
    ticket = ticket_of(first)
    await tickets.timeline(ticket, 1)
    path = f"/v1/tickets/{ticket}"
    assert (await post(tickets, f"{path}/notes", text="He is angry")).status_code == 201
    assert (await post(tickets, f"{path}/answers", text="مرحبا")).status_code == 201
    shown = await tickets.get(f"{path}/transcript")
    assert [(one["by"], one["author"], one["text"]) for one in shown["messages"]] == [
        ("customer", "You", "Waar blijft mijn pakket?"), ("desk", "Canal Bikes", "مرحبا"),
    ]  # fmt: skip
    assert (shown["zone"], shown["messages"][0]["at"]) == ("Europe/Amsterdam", "2026-01-02T10:00:00+01:00")
    async with tickets.client() as asking:
        text = (await asking.get(f"{path}/transcript", params={"format": "text"})).text
    assert "2026-01-02 10:00 (UTC+01:00)" in text and "\u2068مرحبا\u2069" in text and "angry" not in text
    before = await tickets.get(path)
    key = {"idempotency-key": "send-it"}
    sent = [await post(tickets, f"{path}/transcript/send", headers=key) for _ in range(2)]
    assert [one.status_code for one in sent] == [201, 201]
    assert sent[0].json()["message"] == sent[1].json()["message"]
    _, command = await tickets.told(2, topic="outbound-commands")
    assert (command.data.text, command.data.automatic, command.data.author) == (text, True, None)
    after = await tickets.get(path)
    assert (after["state"], after["version"]) == (before["state"], before["version"] + 1)
    assert (await tickets.get(f"{path}/transcript"))["messages"] == shown["messages"]
    assert await tickets.desk.run("services.tickets", "verify") == (0, "")

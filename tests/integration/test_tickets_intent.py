"""What messages want: on their tickets, with the priority and the moment by which something must be done."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from shared.contracts.envelope import Event
from shared.contracts.order_events import Fulfilment, OrderChanged, OrderEvent, OrderFulfilled, OrderPlaced
from shared.contracts.settings import SettingChanged
from shared.ids import new_id
from tests.eventually import eventually
from tests.factories import START
from tests.integration.ticketing import Tickets, new_workspace


def placed(number: str, version: int = 1, **more: Any) -> Event[OrderEvent]:
    """What orders tells of an order; the same number is the same order."""
    kind = {"open": OrderPlaced, "fulfilled": OrderFulfilled}.get(more.get("fulfilment", "open"), OrderChanged)
    fields: dict[str, Any] = {"placed_at": START, "currency": "EUR", "total_minor": 4995, "fulfilment": "open"}
    if kind is OrderFulfilled:
        fields["shipped_at"] = START
    order = UUID(int=int(number))
    data = kind(order=order, number=number, **{**fields, **more})
    return Event(new_id(), "orders", datetime.now(UTC), "", data, shop="bikes", version=version)


async def kept(tickets: Tickets, number: str, fulfilment: Fulfilment) -> None:
    """The copy of the order has come to this."""
    database = await tickets.database()

    async def there() -> bool:
        asked = "select fulfilment from orders where workspace = $1 and number = $2"
        return bool(await database.fetchval(asked, tickets.workspace, number) == fulfilment)

    try:
        await eventually(there, what=f"order {number} as {fulfilment}")
    finally:
        await database.close()


async def shop(tickets: Tickets, **document: Any) -> None:
    """The shop's document, read by tickets before what follows."""
    data = SettingChanged(kind="shop", document_id="bikes", document={"name": "Bikes", **document})
    await tickets.publish(Event(new_id(), "gateway", datetime.now(UTC), tickets.workspace, data, version=1))
    await tickets.settle({"languages": ["en", "de", "ja"]})


async def shown(tickets: Tickets, ticket: UUID) -> Any:
    """The ticket, once it is there."""

    async def there() -> Any:
        async with tickets.client() as asking:
            answer = await asking.get(f"/v1/tickets/{ticket}")
        return answer.json() if answer.status_code == 200 else None

    return await eventually(there, what="the ticket")


async def test_a_message_in_any_language_gives_its_ticket_an_intent_and_the_event_says_so(tickets: Tickets) -> None:
    await shop(tickets)
    said = {
        "1": ("Where is my order #10482? It was supposed to be here on Tuesday.", "order-status", "normal"),
        "2": ("Der Teller kam zerbrochen an", "order-damaged", "normal"),
        "3": ("クレジットカードで決済できません。何度やってもエラーになります", "payment", "high"),
        "4": ("your website is down, I only get a 502 error", "technical", "urgent"),
        "5": ("Hello", None, "normal"),
    }
    made = {person: await tickets.write(person=person, text=text) for person, (text, _, _) in said.items()}
    for person, (_, intent, priority) in said.items():
        ticket = await shown(tickets, made[person])
        assert (ticket["intent"], ticket["priority"]) == (intent, priority)
    told = {event.data.ticket: event.data for event in await tickets.told(5)}
    assert told[made["3"]].intent == "payment" and told[made["3"]].priority == "high"
    line = next(one for one in await tickets.timeline(made["3"], 2) if one["what"] == "changed")
    assert line["detail"]["changes"]["priority"] == {"was": "normal", "is": "high"}
    assert line["detail"]["signals"] == ["payment-failed"]


async def test_a_later_message_says_what_the_first_did_not_and_an_agent_corrects_it(tickets: Tickets) -> None:
    ticket = await tickets.write(person="1", text="Hello")
    await tickets.write(person="1", number=2, text="I want my money back")

    async def known() -> bool:
        return bool((await shown(tickets, ticket))["intent"] == "refund")

    await eventually(known, what="the intent of the second message")
    async with tickets.client() as asking:
        stale = await asking.patch(f"/v1/tickets/{ticket}", json={"intent": "return"}, headers={"if-match": '"1"'})
        assert stale.status_code == 412
        assert (await asking.patch(f"/v1/tickets/{ticket}", json={"intent": "return"})).status_code == 200
    await tickets.write(person="1", number=3, text="Where is my order 1881?")
    await tickets.timeline(ticket, 5)
    assert (await shown(tickets, ticket))["intent"] == "return"
    events = await tickets.told(4)
    assert [event.data.intent for event in events] == [None, "refund", "return", "return"]


async def test_a_message_that_reopens_says_anew_what_it_is_about(tickets: Tickets) -> None:
    ticket = await tickets.write(person="1", text="Where is my order 1881?")
    await tickets.listed(1)
    assert (await tickets.become(ticket, "solved")).status_code == 200
    await tickets.write(person="1", number=2, text="The mug arrived in pieces")

    async def reopened() -> bool:
        one = await shown(tickets, ticket)
        return (one["state"], one["intent"]) == ("open", "order-damaged")

    await eventually(reopened, what="the ticket reopened for what is broken")


async def test_thanks_reopen_nothing_and_open_nothing_and_an_agent_overrules(tickets: Tickets) -> None:
    ticket = await tickets.write(person="1", text="Where is my order 1881?")
    await tickets.listed(1)
    assert (await tickets.become(ticket, "solved")).status_code == 200
    await tickets.write(person="1", number=2, text="Thank you so much! 😊")
    await tickets.write(person="1", number=3, text="👍")
    lines = await tickets.timeline(ticket, 4)
    assert [line["automatic"] for line in lines if line["what"] == "message"] == [None, "thanks", "thanks"]
    assert (await shown(tickets, ticket))["state"] == "solved"
    assert [event.data.automatic for event in (await tickets.told(4))[2:]] == [True, True]
    lone = await tickets.write(person="2", text="merci !")
    assert (await shown(tickets, lone))["state"] == "solved"
    assert (await tickets.become(lone, "open")).json()["state"] == "open"
    await tickets.write(person="1", number=4, text="thanks, but where is my refund?")

    async def reopened() -> bool:
        return bool((await shown(tickets, ticket))["state"] == "open")

    await eventually(reopened, what="the ticket reopened")


async def test_a_thumb_may_answer_a_question_while_the_ticket_is_pending(tickets: Tickets) -> None:
    ticket = await tickets.write(person="1", text="The mug arrived in pieces")
    await tickets.listed(1)
    assert (await tickets.become(ticket, "pending")).status_code == 200
    await tickets.write(person="1", number=2, text="👍")

    async def woken() -> bool:
        return bool((await shown(tickets, ticket))["state"] == "open")

    await eventually(woken, what="the ticket woken")


async def test_a_change_of_an_unshipped_order_is_due_by_the_cut_off(tickets: Tickets) -> None:
    await shop(tickets, zone="Europe/Amsterdam", cut_off="16:00")
    told = START + timedelta(hours=1)
    await tickets.publish(placed("20391"), placed("20392", cut_off_at=told), placed("20393"), placed("20394"))
    await tickets.publish(placed("20393", 2, fulfilment="fulfilled"), placed("20393", 1))
    await kept(tickets, "20393", "fulfilled")
    await kept(tickets, "20394", "open")
    usual = datetime(2026, 1, 2, 15, tzinfo=UTC)
    said: dict[str, tuple[str, dict[str, Any], datetime | None]] = {
        "1": ("I need to change the delivery address on order 20391 before it ships", {}, usual),
        "2": ("Please cancel order #20392", {}, told),
        "3": ("Please cancel order 20393", {}, None),
        "4": ("Where is order 20391?", {}, None),
        "5": ("please cancel it", {"order": "20394"}, usual),
        "6": ("Please cancel order 99999", {}, None),
    }
    for person, (text, more, due) in said.items():
        ticket = await shown(tickets, await tickets.write(person=person, text=text, **more))
        found = ticket["due_by"] and datetime.fromisoformat(ticket["due_by"])
        assert (person, found) == (person, due)
    await tickets.write(person="4", number=2, text="Then please cancel order 20391")

    async def due() -> bool:
        return any(one["intent"] == "order-status" and one["due_by"] for one in await tickets.listed(6))

    await eventually(due, what="a later message that asks for a change")
    events = await tickets.told(7)
    assert {event.data.due_by for event in events} == {usual, told, None}


async def test_another_workspace_s_order_of_the_same_number_is_another_order(tickets: Tickets) -> None:
    await shop(tickets, cut_off="16:00")
    theirs = replace(placed("777", cut_off_at=START), workspace=f"other-{uuid4().hex[:8]}")
    mine = placed("778")
    other = new_workspace(tickets.desk)
    await other.publish(theirs)
    await tickets.publish(mine)
    await kept(tickets, "778", "open")
    ticket = await shown(tickets, await tickets.write(text="Please cancel order 777"))
    assert ticket["due_by"] is None

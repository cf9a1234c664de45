"""Edits, withdrawals and reactions over the real bus: before or after their message, and of messages of ours."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from shared.contracts.ticket_events import MessageChanged
from shared.provider_names import ProviderNames
from tests.desk import KEY
from tests.eventually import eventually
from tests.factories import START
from tests.integration.answering import answer, delivered, opened
from tests.integration.ticketing import Tickets

HOUR = timedelta(hours=1)


async def stands(tickets: Tickets, ticket: UUID, **wanted: Any) -> dict[str, Any]:
    """The ticket's first line, once it has these."""

    async def there() -> dict[str, Any] | None:
        lines = await tickets.timeline(ticket, 1)
        return lines[0] if all(lines[0][name] == value for name, value in wanted.items()) else None

    return await eventually(there, what=f"a line with {wanted}")


async def test_an_edit_shows_the_new_words_keeps_the_first_and_wakes_nobody(tickets: Tickets) -> None:
    ticket = await opened(tickets, text="teh")
    assert (await tickets.become(ticket, "solved")).status_code == 200
    older = {"edit_of": "77:1", "provider_time": START + HOUR}
    newer = {"edit_of": "77:1", "provider_time": START + 2 * HOUR}
    await tickets.publish(
        tickets.message(number=3, text="then", **newer), tickets.message(number=2, text="the", **older)
    )
    line = await stands(tickets, ticket, text="then")
    assert [version["text"] for version in line["versions"]] == ["teh", "the", "then"]
    assert (await tickets.get(f"/v1/tickets/{ticket}"))["state"] == "solved"
    told = [event.data for event in await tickets.told(4) if isinstance(event.data, MessageChanged)]
    assert [(one.change, str(one.message), one.author) for one in told] == [("edit", line["id"], "customer")] * 2


async def test_what_comes_before_its_message_waits_for_it(tickets: Tickets) -> None:
    edit = tickets.message(number=2, text="the", edit_of="77:1", accepted_at=START + HOUR)
    reaction = tickets.message(number=3, text="👍", reacts_to="77:1", accepted_at=START + HOUR)
    await tickets.publish(edit, reaction, tickets.message(number=1, text="teh"))
    (ticket,) = await tickets.listed(1)
    line = await stands(tickets, ticket["id"], text="the")
    assert [(one["emoji"], one["author"]) for one in line["reactions"]] == [("👍", "customer")]
    assert ticket["state"] == "new"


async def test_a_message_that_was_withdrawn_before_it_came_disturbs_nobody(tickets: Tickets) -> None:
    await tickets.publish(tickets.message(number=2, text="", withdraws="77:1"), tickets.message(number=1))
    (ticket,) = await tickets.listed(1)
    line = await stands(tickets, ticket["id"], text=None)
    assert (ticket["state"], line["automatic"]) == ("solved", "withdrawn")


async def test_a_withdrawal_of_all_that_waits_voids_the_reply_clock(tickets: Tickets) -> None:
    ticket = await opened(tickets)
    await tickets.write(number=2, text="", withdraws="77:1", accepted_at=START + HOUR)
    line = await stands(tickets, ticket, text=None)
    assert line["withdrawn_at"] is not None
    async with tickets.client() as asking:
        given = await asking.get(f"/v1/tickets/{ticket}/messages/{line['id']}/text")
    assert given.status_code == 404
    said = (await answer(tickets, ticket)).json()
    await tickets.publish(delivered(ticket, said["message"], "sent", 1))
    await tickets.write(number=3, accepted_at=START + 2 * HOUR)
    told = await tickets.told(6)
    assert [event.type.split(".")[2] for event in told] == [
        "opened", "message-changed", "message-added", "state-changed", "message-added", "state-changed",
    ]  # fmt: skip
    assert (told[1].data.change, told[1].data.voids) == ("withdrawal", True)
    assert told[-1].data.cycle_started_at == START + 2 * HOUR


async def test_another_person_cannot_change_a_customers_words(tickets: Tickets) -> None:
    ticket = await opened(tickets, text="mine")
    await tickets.write(person="78", number=1, text="yours", edit_of="77:1")
    await tickets.write(person="78", number=2, text="🎉", reacts_to="77:1")
    line = await stands(tickets, ticket, text="mine")
    line = await eventually(lambda: with_reaction(tickets, ticket), what="a reaction")
    assert (line["text"], line["reactions"][0]["emoji"]) == ("mine", "🎉")


async def with_reaction(tickets: Tickets, ticket: UUID, place: int = 0) -> dict[str, Any]:
    line = (await tickets.timeline(ticket, place + 1))[place]
    return line if line["reactions"] else {}


async def test_a_reaction_to_an_answer_finds_it_by_the_providers_name(tickets: Tickets) -> None:
    ticket = await opened(tickets)
    said = (await answer(tickets, ticket)).json()
    early = tickets.message(number=5, text="👍", reacts_to="77:900", accepted_at=START + HOUR)
    await tickets.publish(early)
    name = ProviderNames(KEY).new(tickets.workspace, "telegram", "bikes-bot", "77:900")
    await tickets.publish(delivered(ticket, said["message"], "sent", 1, provider_hashes=(name,)))
    lines = {line["id"]: place for place, line in enumerate(await tickets.timeline(ticket, 2))}
    line = await eventually(lambda: with_reaction(tickets, ticket, lines[said["message"]]), what="a reaction")
    assert (line["author"], line["reactions"][0]["emoji"]) == ("agent", "👍")
    assert (await tickets.get(f"/v1/tickets/{ticket}"))["state"] == "pending"


async def test_what_is_done_to_a_closed_tickets_message_stays_there(tickets: Tickets) -> None:
    ticket = await opened(tickets)
    assert (await tickets.become(ticket, "closed")).status_code == 200
    await tickets.write(number=2, text="the", edit_of="77:1", accepted_at=START + HOUR)
    await stands(tickets, ticket, text="the")
    (closed,) = await tickets.listed(1)
    assert closed["state"] == "closed"
    assert await tickets.desk.run("services.tickets", "verify") == (0, "")

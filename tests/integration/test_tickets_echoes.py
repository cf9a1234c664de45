"""What the desk writes in an app of the provider becomes an agent's answer, and never twice."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from shared.contracts.ticket_events import ReplyFailed, ReplySent, TicketOpened
from shared.provider_names import ProviderNames
from tests.desk import KEY
from tests.eventually import eventually
from tests.factories import START
from tests.integration.answering import answer, commands, delivered, opened
from tests.integration.ticketing import Tickets

HOUR = timedelta(hours=1)
ECHO: dict[str, Any] = {"echo": True, "text": "From my phone", "accepted_at": START + HOUR}


async def state_is(tickets: Tickets, ticket: UUID | str, state: str) -> None:
    async def so() -> bool:
        return bool((await tickets.get(f"/v1/tickets/{ticket}"))["state"] == state)

    await eventually(so, what=f"a {state} ticket")


async def test_an_echo_is_a_human_reply_and_makes_it_the_customers_turn(tickets: Tickets) -> None:
    ticket = await opened(tickets)
    await tickets.write(number=2, **ECHO)
    await state_is(tickets, ticket, "pending")
    line = (await tickets.timeline(ticket, 3))[1]
    assert (line["author"], line["by"], line["delivery"], line["text"]) == (
        "agent", "native-app", "sent", "From my phone",
    )  # fmt: skip
    (reply,) = [event.data for event in await tickets.told(4) if isinstance(event.data, ReplySent)]
    assert (reply.by, reply.replied_at, reply.since_start_s) == ("native-app", START + HOUR, 3600)


async def test_an_echo_that_the_customer_wrote_after_leaves_it_our_turn(tickets: Tickets) -> None:
    ticket = await opened(tickets)
    later = START + 2 * HOUR
    echo = tickets.message(number=3, **{**ECHO, "provider_time": START + HOUR, "accepted_at": later})
    await tickets.publish(tickets.message(number=2, accepted_at=later), echo)
    await tickets.timeline(ticket, 3)
    assert (await tickets.get(f"/v1/tickets/{ticket}"))["state"] == "new"


async def test_a_conversation_that_the_desk_began_waits_for_the_customer_and_has_no_first_reply(
    tickets: Tickets,
) -> None:
    await tickets.write(number=1, **ECHO)
    (ticket,) = await tickets.listed(1)
    assert ticket["state"] == "pending"
    said = await answer(tickets, ticket["id"])
    assert said.status_code == 201
    (command,) = await commands(tickets, 1)
    assert command.data.recipient.value == "77"
    await tickets.publish(delivered(ticket["id"], said.json()["message"], "sent", 1))
    await tickets.write(number=2, accepted_at=START + 2 * HOUR)
    await state_is(tickets, ticket["id"], "open")
    told = [event.data for event in await tickets.told(4)]
    assert isinstance(told[0], TicketOpened) and told[0].author == "agent"
    assert not any(isinstance(one, ReplySent) for one in told)


async def test_an_echo_of_an_answer_of_ours_changes_nothing(tickets: Tickets) -> None:
    ticket = await opened(tickets)
    said = (await answer(tickets, ticket)).json()["message"]
    name = ProviderNames(KEY).new(tickets.workspace, "telegram", "bikes-bot", "77:900")
    await tickets.publish(delivered(ticket, said, "sent", 1, provider_hashes=(name,)))
    await tickets.told(4)
    version = (await tickets.get(f"/v1/tickets/{ticket}"))["version"]
    await tickets.publish(tickets.message(natural_id="77:900", **ECHO), tickets.message(person="78"))
    await tickets.listed(2)
    assert (await tickets.get(f"/v1/tickets/{ticket}"))["version"] == version


async def test_an_echo_that_comes_before_the_word_of_its_send_is_taken_back(tickets: Tickets) -> None:
    ticket = await opened(tickets)
    said = (await answer(tickets, ticket)).json()["message"]
    echo = tickets.message(natural_id="77:900", **ECHO)
    await tickets.publish(echo)
    assert len(await tickets.timeline(ticket, 4)) == 4
    name = ProviderNames(KEY).new(tickets.workspace, "telegram", "bikes-bot", "77:900")
    await tickets.publish(delivered(ticket, said, "sent", 1, provider_hashes=(name,)))

    async def gone() -> bool:
        return [line["id"] for line in await tickets.timeline(ticket, 1) if line["author"] == "agent"] == [said]

    await eventually(gone, what="the echo gone")
    told = [event.data for event in await tickets.told(7) if isinstance(event.data, ReplySent | ReplyFailed)]
    assert [type(one) for one in told if one.message == echo.id] == [ReplySent, ReplyFailed]
    assert [type(one) for one in told if str(one.message) == said] == [ReplySent]
    assert await tickets.desk.run("services.tickets", "verify") == (0, "")

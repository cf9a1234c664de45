"""A reply that brings a token of ours home joins its ticket, whoever writes it; a forged one joins nothing by it."""

from typing import Any
from uuid import UUID

import pytest

from shared import reply_token
from shared.contracts.inbound_messages import Sender
from tests.desk import KEY
from tests.integration.answering import answer, commands, opened
from tests.integration.ticketing import Tickets

MAIL: dict[str, Any] = {"channel": "postmark", "account": "care", "thread": None}


def mail(person: str, **more: Any) -> dict[str, Any]:
    sender = Sender(kind="email", value=f"{person}@example.org", verified=True)
    return {"person": person, "sender": sender, **MAIL, **more}


async def test_an_answers_token_brings_its_reply_home_also_from_a_colleague(tickets: Tickets) -> None:
    ticket = await opened(tickets, **mail("ada"))
    assert (await answer(tickets, ticket)).status_code == 201
    (command,) = await commands(tickets, 1)
    token = command.data.reply_token
    assert token is not None and reply_token.check(KEY, tickets.workspace, token) == ticket
    other = await opened(tickets, **mail("bob", number=2))
    await tickets.write(**mail("bob", number=3, references=("bob:2",), reply_token=token))
    lines = [line for line in await tickets.timeline(ticket, 4) if line["what"] == "message"]
    assert sorted(line["author"] for line in lines) == ["agent", "customer", "customer"]
    assert len(await tickets.timeline(other, 1)) == 1
    connection = await tickets.database()
    try:
        guests = await connection.fetch("select ticket from participants where workspace = $1", tickets.workspace)
    finally:
        await connection.close()
    assert [row["ticket"] for row in guests] == [ticket]


@pytest.mark.parametrize("whose", ["forged", "another-workspace", "no-ticket"])
async def test_what_is_not_this_workspaces_token_is_ignored(tickets: Tickets, whose: str) -> None:
    ticket = await opened(tickets, **mail("ada"))
    token = {
        "forged": reply_token.sign("another-key", tickets.workspace, ticket),
        "another-workspace": reply_token.sign(KEY, "elsewhere", ticket),
        "no-ticket": reply_token.sign(KEY, tickets.workspace, UUID(int=5)),
    }[whose]
    await tickets.write(**mail("bob", number=2, reply_token=token))
    assert len(await tickets.listed(2)) == 2
    assert len(await tickets.timeline(ticket, 1)) == 1


async def test_a_reply_to_a_closed_ticket_is_followed_up(tickets: Tickets) -> None:
    ticket = await opened(tickets, **mail("ada"))
    assert (await tickets.become(ticket, "closed")).status_code == 200
    token = reply_token.sign(KEY, tickets.workspace, ticket)
    await tickets.write(**mail("ada", number=2, reply_token=token))
    followed = next(one for one in await tickets.listed(2) if one["id"] != str(ticket))
    assert followed["follow_up_of"] == str(ticket)
    assert await tickets.desk.run("services.tickets", "verify") == (0, "")

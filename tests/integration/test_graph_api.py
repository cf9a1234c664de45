"""Meta's API as it misbehaves, over real connections: what each channel of it says came of a send."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest

from shared.channels import CHANNELS
from shared.channels.base import AccountContext
from shared.channels.outgoing.addresses import Addresses
from shared.channels.outgoing.client import Client
from shared.channels.outgoing.outcomes import Accepted, Outcome, Rejected, TryLater, Unsure
from shared.contracts.outbound_commands import Recipient, SendMessage
from tests.providers.graph_api import GraphApi

TOKEN = "the-token"
WHOM = {"whatsapp": ("phone", "+31612345678"), "messenger": ("messenger", "77"), "instagram": ("instagram", "77")}


@pytest.fixture
async def far() -> AsyncIterator[GraphApi]:
    provider = GraphApi(TOKEN)
    await provider.start()
    yield provider
    await provider.stop()


async def send(far: GraphApi, channel: str, token: str = TOKEN, whom: str | None = None) -> Outcome:
    """One try of the same answer."""
    at = AccountContext("main", "bikes", "line", ("s",), {"phone_number_id": "106", "api_url": far.url}, (token,))
    kind, value = WHOM[channel]
    fields: dict[str, Any] = {"channel": channel, "account": "line", "text": "Hello"}
    answer = SendMessage(
        message=UUID(int=1),
        ticket=UUID(int=2),
        person=UUID(int=3),
        recipient=Recipient(kind=kind, value=whom or value),
        **fields,
    )
    (rendered,) = CHANNELS[channel].render(answer, at)
    async with httpx.AsyncClient() as http:
        return await CHANNELS[channel].send(rendered, at, Client(http, Addresses(allow_private=True), timeout_s=0.8))


@pytest.mark.parametrize("channel", WHOM)
async def test_each_kind_of_trouble_is_told_apart(far: GraphApi, channel: str) -> None:
    far.next.extend([far.refuses(429, 130429, retry_after="3"), far.says(500), far.takes_late(3), far.drops])
    far.next.extend([far.takes_and_drops, far.refuses(400, 131047), far.takes_twice])
    assert [await send(far, channel) for _ in range(8)] == [
        TryLater("too-many-requests", 3.0),
        Unsure("no-answer"),
        Unsure("timeout"),
        Unsure("connection-lost"),
        Unsure("connection-lost"),
        Rejected("window-closed"),
        Accepted("wamid.4"),
        Accepted("wamid.5"),
    ]
    assert far.received == [(WHOM[channel][1], "Hello")] * 5


@pytest.mark.parametrize("channel", WHOM)
async def test_a_wrong_token_is_the_accounts_trouble_not_the_messages(far: GraphApi, channel: str) -> None:
    assert await send(far, channel, token="an-old-one") == TryLater("bad-credential")
    assert far.received == []


async def test_a_customer_without_a_number_has_his_answer(far: GraphApi) -> None:
    assert await send(far, "whatsapp", whom="NL.1349120") == Accepted("wamid.1")
    assert far.received == [("NL.1349120", "Hello")]

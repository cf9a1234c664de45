"""Twilio's API as it misbehaves, over real connections: what the channel says came of a send."""

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
from tests.providers.twilio_api import ACCOUNT, TwilioApi

TOKEN, ADA = "the-token", "+31612345678"
TWILIO = CHANNELS["twilio"]


@pytest.fixture
async def far() -> AsyncIterator[TwilioApi]:
    provider = TwilioApi(TOKEN)
    await provider.start()
    yield provider
    await provider.stop()


async def send(far: TwilioApi, text: str = "Hello", token: str = TOKEN, whom: str = ADA) -> list[Outcome]:
    """One try of each part of the same answer."""
    at = AccountContext(
        "main", "bikes", "sms", ("s",), {"account_sid": ACCOUNT, "api_url": far.url, "from": "+3197"}, (token,)
    )
    fields: dict[str, Any] = {"channel": "twilio", "account": "sms", "text": text}
    names = {"message": UUID(int=1), "ticket": UUID(int=2), "person": UUID(int=3)}
    answer = SendMessage(**names, recipient=Recipient(kind="phone", value=whom), **fields)
    async with httpx.AsyncClient() as http:
        client = Client(http, Addresses(allow_private=True), timeout_s=0.8)
        return [await TWILIO.send(part, at, client) for part in TWILIO.render(answer, at)]


def sid(number: int) -> str:
    return f"SM{number:032d}"


async def test_each_kind_of_trouble_is_told_apart(far: TwilioApi) -> None:
    far.next.extend([far.refuses(429, 20429, retry_after="3"), far.says(500), far.says(503, b"", retry_after="7")])
    far.next.extend([far.takes_late(3), far.drops, far.takes_and_drops, far.refuses(400, 21614), far.takes_twice])
    assert [outcome for _ in range(9) for outcome in await send(far)] == [
        TryLater("too-many-requests", 3.0),
        Unsure("http-500"),
        TryLater("http-503", 7.0),
        Unsure("timeout"),
        Unsure("connection-lost"),
        Unsure("connection-lost"),
        Rejected("no-such-recipient"),
        Accepted(sid(3)),
        Accepted(sid(4)),
    ]
    assert [(number, text) for _, number, text in far.received] == [(ADA, "Hello")] * 5


async def test_a_wrong_token_is_the_accounts_trouble_not_the_messages(far: TwilioApi) -> None:
    assert await send(far, token="an-old-one") == [TryLater("account-unauthorized")]
    assert far.received == []


async def test_to_who_has_opted_out_nothing_is_sent(far: TwilioApi) -> None:
    far.opted_out.add(ADA)
    assert await send(far) == [Rejected("opted-out")]
    assert await send(far, whom="not a number") == [Rejected("no-such-recipient")]


async def test_every_part_of_a_long_answer_is_one_that_twilio_takes(far: TwilioApi) -> None:
    text = "ж" * 700 + " " + "word " * 400
    assert await send(far, text) == [Accepted(sid(0)), Accepted(sid(1))]
    assert " ".join(part for _, _, part in far.received) == text.strip()

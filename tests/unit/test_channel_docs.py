"""The page that tells how to add a channel works as it is written."""

import asyncio
import hmac
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from shared.channels.base import AccountContext, Channel, Request
from shared.channels.outgoing.addresses import Addresses
from shared.channels.outgoing.client import Client
from shared.channels.outgoing.outcomes import Accepted, Outcome, Rejected, TryLater, Unsure
from shared.contracts.outbound_commands import Recipient, SendMessage
from shared.errors import Invalid, Malformed, Unauthenticated
from tests.unit.channel_requests import NOW, SECRET

PAGE = Path(__file__).parents[2] / "docs" / "add-a-channel.md"
FILE, LINE = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
ACCOUNT = AccountContext("main", "bikes", "line", (SECRET, "older"), credentials=("the-token",))
MESSAGE = {"type": "message", "id": "m1", "from": "+31 20 1234567", "text": "Where is my order?"}


class Anywhere(Addresses):
    """Every name is at one public address."""

    async def of(self, host: str, port: int) -> list[str]:
        return ["192.0.32.7"]


@pytest.fixture(scope="module")
def channel() -> Channel:
    """The page's file."""
    names: dict[str, Any] = {}
    exec(compile(FILE, str(PAGE), "exec"), names)
    found = names["CHANNEL"]
    assert isinstance(found, Channel)
    assert f"from shared.channels.{found.name} import CHANNEL" in LINE
    return found


def request(body: Any, secret: str = SECRET) -> Request:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Request({"x-textline-signature": hmac.digest(secret.encode(), raw, "sha256").hex()}, raw, NOW)


@pytest.mark.parametrize("secret", [SECRET, "older"])
def test_a_signed_message_is_read(channel: Channel, secret: str) -> None:
    channel.verify(request(MESSAGE, secret), ACCOUNT)
    (received,) = channel.parse(request(MESSAGE), ACCOUNT).received
    said = received.message
    assert (said.natural_id, said.text, said.account, said.channel) == ("m1", MESSAGE["text"], "line", "textline")
    assert (said.sender.kind, said.sender.scope, said.sender.value) == ("phone", "", "+31201234567")


def test_a_wrong_or_missing_signature_is_refused(channel: Channel) -> None:
    for wrong in (request(MESSAGE, "somebody-else"), Request({}, b"{}", NOW)):
        with pytest.raises(Unauthenticated):
            channel.verify(wrong, ACCOUNT)


def test_what_is_no_message_is_left_aside_or_refused(channel: Channel) -> None:
    assert channel.parse(request({"type": "balance"}), ACCOUNT).ignored == "not-a-message"
    for body, refusal in (
        (b"{", Malformed),
        (MESSAGE | {"from": "0201234567"}, Invalid),
        (MESSAGE | {"id": 7}, Invalid),
    ):
        with pytest.raises(refusal):
            channel.parse(request(body), ACCOUNT)


def sent(
    channel: Channel, reply: Callable[[httpx.Request], httpx.Response], account: AccountContext = ACCOUNT
) -> Outcome:
    """What an answer comes to with such a far end."""
    number = Recipient(kind="phone", value="+31201234567")
    fields: dict[str, Any] = {"channel": "textline", "account": "line", "recipient": number, "text": "Tomorrow."}
    answer = SendMessage(message=UUID(int=1), ticket=UUID(int=2), person=UUID(int=3), **fields)
    (rendered,) = channel.render(answer, account)

    async def send() -> Outcome:
        http = httpx.AsyncClient(transport=httpx.MockTransport(reply))
        return await channel.send(rendered, account, Client(http, Anywhere(), timeout_s=5))

    return asyncio.run(send())


def test_an_answer_goes_out_with_the_accounts_proof(channel: Channel) -> None:
    def takes(got: httpx.Request) -> httpx.Response:
        assert (got.url.path, got.headers["authorization"]) == ("/messages", "Bearer the-token")
        assert json.loads(got.content) == {"to": "+31201234567", "text": "Tomorrow."}
        return httpx.Response(202, stream=httpx.ByteStream(b'{"id": "out-1"}'))

    assert sent(channel, takes) == Accepted("out-1")


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (429, TryLater("http-429", 7.0)),
        (401, TryLater("http-401", 7.0)),
        (400, Rejected("http-400")),
        (500, Unsure("http-500")),
    ],
)
def test_what_the_far_end_says_is_told_apart(channel: Channel, status: int, outcome: Outcome) -> None:
    def refuses(_got: httpx.Request) -> httpx.Response:
        return httpx.Response(status, headers={"retry-after": "7"}, stream=httpx.ByteStream(b"{}"))

    assert sent(channel, refuses) == outcome


def test_without_a_credential_it_waits_for_one(channel: Channel) -> None:
    def never(_got: httpx.Request) -> httpx.Response:
        raise AssertionError

    bare = AccountContext("main", "bikes", "line", (SECRET,))
    assert sent(channel, never, bare) == TryLater("no-credential")

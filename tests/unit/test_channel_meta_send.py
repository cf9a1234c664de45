"""What WhatsApp, Messenger and Instagram make of an answer, and of what Meta's API says to it."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.channels import CHANNELS
from shared.channels.base import AccountContext
from shared.channels.outgoing.addresses import Addresses
from shared.channels.outgoing.client import Client
from shared.channels.outgoing.outcomes import Accepted, Outcome, Rejected, TryLater, Unsure
from shared.channels.outgoing.splitting import octets, units
from shared.contracts.inbound_messages import Attachment
from shared.contracts.outbound_commands import Recipient, SendMessage, Template
from shared.errors import Invalid
from tests.unit.channel_requests import parse, to_page

META = ("whatsapp", "messenger", "instagram")
MESSAGE = UUID("01a20719-75d9-700c-83cc-a366018aeb02")
WHOM = {
    "whatsapp": Recipient(kind="phone", value="+31612345678"),
    "messenger": Recipient(kind="messenger", scope="line", value="77"),
    "instagram": Recipient(kind="instagram", scope="line", value="77"),
}
TEMPLATE = Template(name="come_back", language="nl", values=("Ada", "4711"))
TOKEN = "the-token"


class Anywhere(Addresses):
    """Every name is at one public address."""

    async def of(self, host: str, port: int) -> list[str]:
        return ["192.0.32.7"]


def account(**options: str) -> AccountContext:
    known = {"phone_number_id": "106"} | options
    return AccountContext("main", "bikes", "line", ("app-secret",), known, (TOKEN,))


def requests(channel: str, text: str = "Hello", at: AccountContext | None = None, **more: Any) -> list[dict[str, Any]]:
    """What an answer becomes."""
    fields: dict[str, Any] = {"channel": channel, "account": "line", "recipient": WHOM[channel], "text": text}
    answer = SendMessage(message=MESSAGE, ticket=UUID(int=2), person=UUID(int=3), **fields | more)
    found = CHANNELS[channel].render(answer, at or account())
    assert [part.key for part in found] == [f"{MESSAGE}:{n}" for n in range(len(found))]
    return [json.loads(part.body) for part in found]


def sent(
    channel: str, reply: Callable[[httpx.Request], httpx.Response], at: AccountContext | None = None, **more: Any
) -> Outcome:
    """What sending comes to with such a far end."""
    at = at or account()
    fields: dict[str, Any] = {"channel": channel, "account": "line", "recipient": WHOM[channel], "text": "Hello"}
    answer = SendMessage(message=MESSAGE, ticket=UUID(int=2), person=UUID(int=3), **fields | more)

    async def send() -> Outcome:
        client = Client(httpx.AsyncClient(transport=httpx.MockTransport(reply)), Anywhere(), timeout_s=5)
        return await CHANNELS[channel].send(CHANNELS[channel].render(answer, at)[0], at, client)

    return asyncio.run(send())


def says(status: int, body: Any = None, **headers: str) -> Callable[[httpx.Request], httpx.Response]:
    content = json.dumps(body or {}).encode()
    return lambda _request: httpx.Response(
        status, stream=httpx.ByteStream(content), headers={name.replace("_", "-"): v for name, v in headers.items()}
    )


def refuses(status: int, code: int, subcode: int | None = None, **headers: str) -> Any:
    return says(status, {"error": {"code": code, "error_subcode": subcode, "message": "x"}}, **headers)


# --- requests -------------------------------------------------------------------------------------------------------


def test_whatsapp_answers_the_customers_newest_message() -> None:
    assert requests("whatsapp", in_reply_to=("wamid.1", "wamid.2")) == [
        {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": "+31612345678",
            "type": "text",
            "text": {"body": "Hello"},
            "context": {"message_id": "wamid.2"},
            "biz_opaque_callback_data": str(MESSAGE),
        }
    ]


def test_a_customer_without_a_number_and_a_group_are_addressed_otherwise() -> None:
    hidden = Recipient(kind="whatsapp", scope="line", value="NL.1349120")
    (body,) = requests("whatsapp", recipient=hidden)
    assert (body["recipient"], body["recipient_type"], "to" in body) == ("NL.1349120", "individual", False)
    (body,) = requests("whatsapp", thread="group:1203@g.us")
    assert (body["to"], body["recipient_type"]) == ("1203@g.us", "group")


def test_a_template_goes_instead_of_text() -> None:
    (body,) = requests("whatsapp", template=TEMPLATE, in_reply_to=("wamid.1",))
    assert (body["type"], body["template"]["name"], body["template"]["language"]) == (
        "template",
        "come_back",
        {"code": "nl"},
    )
    (gaps,) = body["template"]["components"]
    assert gaps == {"type": "body", "parameters": [{"type": "text", "text": "Ada"}, {"type": "text", "text": "4711"}]}
    assert "text" not in body and "context" not in body
    (body,) = requests("whatsapp", template=TEMPLATE.model_copy(update={"values": ()}))
    assert "components" not in body["template"]


@pytest.mark.parametrize("channel", ["messenger", "instagram"])
def test_messenger_and_instagram_answer_within_the_window(channel: str) -> None:
    (body,) = requests(channel, in_reply_to=("m1",))
    assert (body["recipient"], body["messaging_type"], body["message"]["text"]) == ({"id": "77"}, "RESPONSE", "Hello")
    assert body["reply_to"] == {"mid": "m1"}
    assert body["message"].get("metadata") == (f"switchboard:{MESSAGE}" if channel == "messenger" else None)


@pytest.mark.parametrize("channel", ["messenger", "instagram"])
def test_a_person_may_answer_for_seven_days_where_meta_allowed_it(channel: str) -> None:
    allowed = account(human_agent="true")
    (body,) = requests(channel, at=allowed, author="anna")
    assert (body["messaging_type"], body["tag"]) == ("MESSAGE_TAG", "HUMAN_AGENT")
    for nobody in ({}, {"author": "anna", "automatic": True}):
        (body,) = requests(channel, at=allowed, **nobody)
        assert body["messaging_type"] == "RESPONSE"
    outgoing = CHANNELS[channel].outgoing
    assert outgoing.window({"human_agent": "true"}) == timedelta(days=7)
    assert outgoing.window({"human_agent": "no"}) == outgoing.window({}) == timedelta(hours=24)


def test_what_channels_can_carry_is_declared() -> None:
    carried = {name: CHANNELS[name].outgoing for name in META}
    assert {name: (one.text_max, one.templates) for name, one in carried.items()} == {
        "whatsapp": (4096, True),
        "messenger": (2000, False),
        "instagram": (1000, False),
    }
    assert all(one.reply_window == timedelta(hours=24) and one.read_receipts for one in carried.values())
    assert CHANNELS["telegram"].outgoing.window({"human_agent": "true"}) is None


@pytest.mark.parametrize("channel", META)
@given(piece=st.text(min_size=1).filter(str.strip), times=st.integers(1, 3000))
def test_every_part_of_a_long_answer_fits_and_nothing_is_lost(channel: str, piece: str, times: int) -> None:
    text = (piece * times)[:9000]
    bodies = requests(channel, text)
    parts = [body["text"]["body"] if channel == "whatsapp" else body["message"]["text"] for body in bodies]
    measure, most = (octets, 1000) if channel == "instagram" else (units, CHANNELS[channel].outgoing.text_max)
    assert all(measure(part) <= most for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


def test_only_the_first_part_answers_and_only_the_last_carries_our_id() -> None:
    bodies = requests("whatsapp", "word " * 2000, in_reply_to=("wamid.1",))
    assert ["context" in body for body in bodies] == [True, False, False]
    assert ["biz_opaque_callback_data" in body for body in bodies] == [False, False, True]


def test_every_part_of_an_answer_is_known_as_ours_when_it_comes_back() -> None:
    names = []
    for number, body in enumerate(requests("messenger", "word " * 1000)):
        echo = {"mid": f"m{number}", "is_echo": True, **body["message"]}
        back = to_page({"sender": {"id": "10"}, "recipient": {"id": "77"}, "message": echo})
        got = parse("messenger", back)
        assert got.received == ()
        names += [receipt.provider_id for receipt in got.receipts]
    assert names == ["m0", "m1", str(MESSAGE)]


@pytest.mark.parametrize("channel", META)
def test_what_cannot_be_carried_is_refused_with_a_reason(channel: str) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"attachments": (Attachment(name="x", blob="b"),)}, "attachments-unsupported"),
        ({"text": " "}, "nothing-to-send"),
    ]
    if channel != "whatsapp":
        cases.append(({"template": TEMPLATE}, "templates-unsupported"))
    for more, reason in cases:
        with pytest.raises(Invalid) as refused:
            requests(channel, **more)
        assert refused.value.reason == reason


# --- answers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channel", "options", "address"),
    [
        ("whatsapp", {}, "https://graph.facebook.com/v23.0/106/messages"),
        ("whatsapp", {"api_url": "https://graph.example/v9/"}, "https://graph.example/v9/106/messages"),
        ("messenger", {}, "https://graph.facebook.com/v23.0/me/messages"),
        ("messenger", {"page_id": "10"}, "https://graph.facebook.com/v23.0/10/messages"),
        ("instagram", {}, "https://graph.instagram.com/v23.0/me/messages"),
    ],
)
def test_it_is_posted_with_the_token_as_who_sends(channel: str, options: dict[str, str], address: str) -> None:
    seen: list[httpx.Request] = []

    def reply(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return says(200, {"messages": [{"id": "wamid.9"}], "message_id": "wamid.9"})(request)

    assert sent(channel, reply, account(**options)) == Accepted("wamid.9")
    (request,) = seen
    assert f"https://{request.headers['host']}{request.url.path}" == address
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in str(request.url)


ANSWERS: list[tuple[Any, Outcome]] = [
    (says(200, {}), Accepted(None)),
    (says(200, {"messages": "odd"}), Accepted(None)),
    (refuses(429, 130429, retry_after="7"), TryLater("too-many-requests", 7.0)),
    (refuses(400, 131056), TryLater("too-many-requests")),
    (refuses(400, 80007), TryLater("too-many-requests")),
    (refuses(400, 131048), TryLater("too-many-requests")),
    (refuses(403, 4), TryLater("too-many-requests")),
    (refuses(400, 613), TryLater("too-many-requests")),
    (refuses(429, 99999), TryLater("too-many-requests")),
    (refuses(401, 190), TryLater("bad-credential")),
    (refuses(401, 99999), TryLater("bad-credential")),
    (refuses(403, 10), TryLater("account-unauthorized")),
    (refuses(403, 230), Rejected("blocked")),
    (refuses(403, 299), TryLater("account-unauthorized")),
    (refuses(400, 100, 33), TryLater("account-unauthorized")),
    (refuses(400, 131042), TryLater("payment-problem")),
    (refuses(400, 131047), Rejected("window-closed")),
    (refuses(403, 10, 2018278), Rejected("window-closed")),
    (refuses(400, 131026), Rejected("no-such-recipient")),
    (refuses(400, 100, 2018001), Rejected("no-such-recipient")),
    (refuses(403, 551), Rejected("blocked")),
    (refuses(400, 132015), Rejected("template-paused")),
    (refuses(400, 100), Rejected("refused")),
    (refuses(500, 131000), Unsure("unavailable")),
    (refuses(400, 2), Unsure("unavailable")),
    (refuses(503, 99999), Unsure("unavailable")),
    (says(500), Unsure("no-answer")),
    (says(400, {"error": "odd"}), Unsure("no-answer")),
    (says(404), Unsure("no-answer")),
    (says(429, retry_after="7"), TryLater("unavailable", 7.0)),
    (says(503), TryLater("unavailable")),
]


@pytest.mark.parametrize("channel", META)
@pytest.mark.parametrize(("reply", "came"), ANSWERS)
def test_what_meta_says_is_told_apart(channel: str, reply: Any, came: Outcome) -> None:
    assert sent(channel, reply) == came


@pytest.mark.parametrize("channel", META)
@pytest.mark.parametrize(
    ("error", "came"),
    [
        (httpx.ConnectError, TryLater("no-connection")),
        (httpx.ReadTimeout, Unsure("timeout")),
        (httpx.RemoteProtocolError, Unsure("connection-lost")),
    ],
)
def test_only_what_failed_before_it_was_written_did_not_happen(
    channel: str, error: type[httpx.TransportError], came: Outcome
) -> None:
    def reply(request: httpx.Request) -> httpx.Response:
        raise error("broken", request=request)

    assert sent(channel, reply) == came


def never(_request: httpx.Request) -> httpx.Response:
    raise AssertionError


@pytest.mark.parametrize("channel", META)
def test_an_account_that_is_not_complete_waits(channel: str) -> None:
    bare = AccountContext("main", "bikes", "line", ("app-secret",), {"phone_number_id": "106"})
    assert sent(channel, never, bare) == TryLater("no-credential")
    if channel == "whatsapp":
        assert sent(channel, never, account(phone_number_id="")) == TryLater("no-phone-number-id")
    if channel == "messenger":
        assert sent(channel, never, account(page_id="../me")) == TryLater("bad-page-id")

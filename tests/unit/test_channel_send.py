"""What channels make of an answer, and what they make of what their far ends say."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Callable
from email import message_from_bytes, policy
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
from shared.channels.outgoing.outcomes import Accepted, Outcome, Rejected, Rendered, TryLater, Unsure
from shared.channels.outgoing.splitting import split, units
from shared.contracts.inbound_messages import Attachment
from shared.contracts.outbound_commands import Recipient, SendMessage
from shared.errors import Invalid

MESSAGE = UUID("01a20719-75d9-700c-83cc-a366018aeb02")
OPTIONS = {"callback_url": "https://shop.example/answers", "from": "care@bikes.example", "from_name": "Käthe's Bikes"}


class Anywhere(Addresses):
    """Every name is at one public address."""

    async def of(self, host: str, port: int) -> list[str]:
        return ["192.0.32.7"]


def account(**more: Any) -> AccountContext:
    fields = {"secrets": ("new-secret", "old-secret"), "credentials": ("77:token",), "options": OPTIONS}
    return AccountContext(workspace="main", shop="bikes", id="form", **(fields | more))


def answer(channel: str, text: str = "Hello", **more: Any) -> SendMessage:
    fields: dict[str, Any] = {
        "message": MESSAGE, "ticket": UUID(int=2), "person": UUID(int=3), "channel": channel, "account": "form",
        "recipient": Recipient(kind="email", value="ada@example.org", name="Ada"), "text": text,
    }  # fmt: skip
    return SendMessage(**(fields | more))


def rendered(channel: str, text: str = "Hello", **more: Any) -> tuple[Rendered, ...]:
    return CHANNELS[channel].render(answer(channel, text, **more), account())


def outcome(
    channel: str, reply: Callable[[httpx.Request], httpx.Response], at: AccountContext | None = None, **more: Any
) -> Outcome:
    """What sending comes to with such a far end."""

    async def send() -> Outcome:
        http = httpx.AsyncClient(transport=httpx.MockTransport(reply))
        to = {"recipient": Recipient(kind="x", value="77")} if channel == "telegram" else {}
        client = Client(http, Anywhere(), timeout_s=5)
        return await CHANNELS[channel].send(rendered(channel, **(to | more))[0], at or account(), client)

    return asyncio.run(send())


def says(status: int, body: Any = None, **headers: str) -> Callable[[httpx.Request], httpx.Response]:
    return lambda _request: response(status, body, **headers)


def response(status: int, body: Any = None, **headers: str) -> httpx.Response:
    """An answer as it comes over the network: not read yet."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, stream=httpx.ByteStream(json.dumps(body or {}).encode()), headers=named)


def fails(error: type[httpx.TransportError]) -> Callable[[httpx.Request], httpx.Response]:
    def reply(request: httpx.Request) -> httpx.Response:
        raise error("broken", request=request)

    return reply


# --- every channel ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channel", CHANNELS)
def test_the_same_answer_is_rendered_the_same(channel: str) -> None:
    assert rendered(channel, "Hello, world") == rendered(channel, "Hello, world")


@pytest.mark.parametrize("channel", CHANNELS)
@given(
    text=st.text(min_size=1).filter(str.strip), subject=st.none() | st.text(max_size=50), thread=st.none() | st.text()
)
def test_any_answer_is_rendered_or_refused_with_a_reason(
    channel: str, text: str, subject: str | None, thread: str | None
) -> None:
    try:
        parts = rendered(channel, text, subject=subject, thread=thread)
    except Invalid as error:
        assert error.reason
    else:
        assert parts and len({part.key for part in parts}) == len(parts)


@pytest.mark.parametrize("channel", ["http", "telegram"])
@pytest.mark.parametrize(
    ("reply", "came"),
    [
        (fails(httpx.ConnectError), TryLater("no-connection")),
        (fails(httpx.ConnectTimeout), TryLater("no-connection")),
        (fails(httpx.ReadTimeout), Unsure("timeout")),
        (fails(httpx.RemoteProtocolError), Unsure("connection-lost")),
        (fails(httpx.WriteError), Unsure("connection-lost")),
    ],
    ids=["refused", "connecting took too long", "no answer", "closed", "broke while writing"],
)
def test_only_what_failed_before_it_was_written_did_not_happen(channel: str, reply: Any, came: Outcome) -> None:
    assert outcome(channel, reply) == came


def test_an_answer_is_posted_to_the_checked_address_under_its_name() -> None:
    seen: list[httpx.Request] = []

    def reply(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return response(200)

    assert outcome("http", reply) == Accepted(str(MESSAGE))
    (request,) = seen
    assert (request.url.host, request.headers["host"]) == ("192.0.32.7", "shop.example")
    assert request.extensions["sni_hostname"] == "shop.example"


# --- the signed channel ----------------------------------------------------------------------------------------------


def test_the_callback_can_prove_and_recognise_what_it_gets() -> None:
    seen: list[httpx.Request] = []

    def reply(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return response(204)

    outcome("http", reply)
    headers = seen[0].headers
    signed = headers["switchboard-timestamp"].encode() + b"." + seen[0].content
    wanted = [f"v1={hmac.new(key, signed, hashlib.sha256).hexdigest()}" for key in (b"new-secret", b"old-secret")]
    assert headers["switchboard-signature"].split(", ") == wanted
    assert headers["idempotency-key"] == str(MESSAGE)
    assert json.loads(seen[0].content)["text"] == "Hello"


@pytest.mark.parametrize(
    ("status", "came"),
    [
        (200, Accepted(str(MESSAGE))), (202, Accepted(str(MESSAGE))), (301, Rejected("http-301")),
        (400, Rejected("http-400")), (401, TryLater("http-401")), (410, Rejected("http-410")),
        (500, TryLater("http-500")), (503, TryLater("http-503")),
    ],
)  # fmt: skip
def test_what_the_callback_says_is_told_apart(status: int, came: Outcome) -> None:
    assert outcome("http", says(status)) == came


def test_the_callback_says_when_to_come_back() -> None:
    assert outcome("http", says(429, retry_after="7")) == TryLater("http-429", 7.0)
    assert outcome("http", says(503, retry_after="soon")) == TryLater("http-503")


@pytest.mark.parametrize("url", ["", "ftp://shop.example", "https://user:word@shop.example/", "https://", "no url"])
def test_a_callback_that_is_no_address_is_refused(url: str) -> None:
    came = outcome("http", says(200), account(options={"callback_url": url}))
    assert isinstance(came, Rejected)


# --- the messenger ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "said", "came"),
    [
        (200, {"ok": True, "result": {"message_id": 5, "chat": {"id": 77}}}, Accepted("77:5")),
        (429, {"ok": False, "parameters": {"retry_after": 30}}, TryLater("too-many-requests", 30.0)),
        (403, {"ok": False, "description": "Forbidden: bot was blocked by the user"}, Rejected("blocked")),
        (400, {"ok": False, "description": "Bad Request: chat not found"}, Rejected("no-such-recipient")),
        (400, {"ok": False, "description": "Bad Request: message is too long"}, Rejected("refused")),
        (401, {"ok": False, "description": "Unauthorized"}, TryLater("account-unauthorized")),
        (500, {"ok": False, "description": "Internal Server Error"}, TryLater("unavailable")),
        (502, {}, Unsure("no-answer")),
    ],
    ids=["ok", "too many", "blocked", "no chat", "refused", "token", "error", "a gateway that knows nothing"],
)
def test_what_the_messenger_says_is_told_apart(status: int, said: dict[str, Any], came: Outcome) -> None:
    assert outcome("telegram", says(status, said)) == came


def test_the_token_stands_in_the_address_and_without_one_it_waits() -> None:
    seen: list[str] = []

    def reply(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.path)
        return response(200, {"ok": True})

    assert outcome("telegram", reply) == Accepted(None)
    assert seen == ["/bot77:token/sendMessage"]
    assert outcome("telegram", reply, account(credentials=())) == TryLater("no-credential")
    assert "77:token" not in repr(account())


def test_an_answer_goes_into_the_topic_and_the_business_chat_it_belongs_to() -> None:
    (part,) = rendered("telegram", thread="-100:9", in_reply_to=("callback:1", "-100:4"))
    assert json.loads(part.body) == {
        "chat_id": -100, "message_thread_id": 9, "text": "Hello",
        "reply_parameters": {"message_id": 4, "allow_sending_without_reply": True},
    }  # fmt: skip
    (part,) = rendered("telegram", thread="55", in_reply_to=("biz1:55:4",))
    assert json.loads(part.body)["business_connection_id"] == "biz1"


def test_files_are_refused_and_not_left_out() -> None:
    with pytest.raises(Invalid) as refused:
        rendered("telegram", attachments=(Attachment(name="a.pdf"),))
    assert refused.value.reason == "attachments-unsupported"


@given(st.text(alphabet=st.sampled_from("ab. \n😀é"), max_size=300), st.integers(min_value=2, max_value=40))
def test_a_text_is_split_without_losing_a_word(text: str, most: int) -> None:
    parts = split(text, most)
    assert all(0 < units(part) <= most for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


# --- mail ------------------------------------------------------------------------------------------------------------


def mail(**more: Any) -> Any:
    (part,) = rendered("postmark", **more)
    return message_from_bytes(part.body, policy=policy.default)


def test_a_mail_says_from_whom_what_it_answers_and_our_own_id() -> None:
    long_id = "x" * 150 + "@outlook.example"
    made = mail(
        text="Grüße 😀",
        subject="Wo ist\r\nBcc: x@y.example mein Rad?",
        thread="root@a.example",
        in_reply_to=("9f-uuid", long_id),
    )
    assert made["from"] == "Käthe's Bikes <care@bikes.example>"
    assert made["subject"] == "Re: Wo ist Bcc: x@y.example mein Rad?" and made["bcc"] is None
    assert made["message-id"] == f"<{MESSAGE}@bikes.example>"
    assert (made["references"], made["in-reply-to"]) == (f"<root@a.example> <{long_id}>", f"<{long_id}>")
    assert made["x-pm-metadata-message"] == str(MESSAGE)
    assert made.get_body(("plain",)).get_content().strip() == "Grüße 😀"


def test_an_answer_to_it_comes_back_with_our_token_where_the_account_has_an_address_for_that() -> None:
    token = "a2" * 21
    at = account(options=OPTIONS | {"reply_to": "help@bikes.example"})
    (part,) = CHANNELS["postmark"].render(answer("postmark", reply_token=token), at)
    made = message_from_bytes(part.body, policy=policy.default)
    assert made["reply-to"].addresses[0].addr_spec == f"help+t{token}@bikes.example"
    (plain,) = CHANNELS["postmark"].render(answer("postmark"), at)
    assert b"\r\nReply-To: " in plain.body and b"+t" not in plain.body
    long = account(options=OPTIONS | {"reply_to": "the-help-of-all-our-bikes@bikes.example"})
    (whole,) = CHANNELS["postmark"].render(answer("postmark", reply_token=token), long)
    assert b"+t" not in whole.body
    assert mail(reply_token=token)["reply-to"] is None


def test_files_go_along_as_they_are_under_a_name_that_breaks_no_header() -> None:
    content = bytes(range(256))
    files = (
        Attachment(name="Rechnung\r\nBcc: x@y.example Grüße.pdf", media_type="application/pdf", content=content),
        Attachment(name="", media_type="multipart/evil; x", content=b"%"),
    )
    made = mail(attachments=files)
    first, second = made.iter_attachments()
    assert (first.get_content_type(), first.get_content()) == ("application/pdf", content)
    assert first.get_filename() == "Rechnung Bcc: x@y.example Grüße.pdf"
    assert (second.get_content_type(), second.get_filename()) == ("application/octet-stream", "file")
    assert made["bcc"] is None
    assert made.get_body(("plain",)).get_content().strip() == "Hello"
    assert rendered("postmark", attachments=files) == rendered("postmark", attachments=files)


def test_markup_in_an_answer_is_shown_and_not_meant() -> None:
    html = mail(text="<script>alert(1)</script>\n\nbye").get_body(("html",)).get_content()
    assert "<script>" not in html and "&lt;script&gt;" in html and html.count("<p ") == 2


def test_an_answer_is_marked_as_one_once_and_an_automatic_one_as_such() -> None:
    assert mail(subject="RE: Order", thread="a@b.example")["subject"] == "RE: Order"
    assert mail(automatic=True, in_reply_to=("a@b.example",))["auto-submitted"] == "auto-replied"
    assert mail()["auto-submitted"] is None


def test_a_mail_without_an_address_of_ours_or_theirs_is_refused() -> None:
    with pytest.raises(Invalid):
        CHANNELS["postmark"].render(answer("postmark"), account(options={}))
    with pytest.raises(Invalid):
        rendered("postmark", recipient=Recipient(kind="email", value="a b@c"))

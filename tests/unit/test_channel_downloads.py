"""Files that strangers name are fetched from checked addresses only, bounded, and our proof stays with its own host."""

import asyncio
from collections.abc import Callable

import httpx
import pytest

from shared.channels import CHANNELS
from shared.channels.base import AccountContext
from shared.channels.outgoing import downloads
from shared.channels.outgoing.addresses import Addresses
from shared.channels.outgoing.client import Client
from shared.channels.outgoing.outcomes import Fetch, Fetched, Rejected, TryLater
from shared.contracts.inbound_messages import Attachment
from shared.errors import Invalid

PROOF = {"authorization": "Bearer token"}
Reply = Callable[[httpx.Request], httpx.Response]


class Names(Addresses):
    """Names that begin with `inner` lead into our own network."""

    async def of(self, host: str, port: int) -> list[str]:
        if host.startswith("inner"):
            raise Invalid("the name leads to an address that is not public", reason="private-address")
        return ["192.0.32.7"]


def client(reply: Reply) -> Client:
    return Client(httpx.AsyncClient(transport=httpx.MockTransport(reply)), Names(), timeout_s=5)


def fetched(reply: Reply, url: str = "https://files.example/a") -> Fetch:
    return asyncio.run(downloads.fetch(client(reply), url, PROOF))


def moved(to: str) -> httpx.Response:
    return httpx.Response(302, headers={"location": to})


def test_a_file_comes_with_its_type() -> None:
    reply = httpx.Response(200, content=b"picture", headers={"content-type": "image/PNG; x=y"})
    assert fetched(lambda _: reply) == Fetched(b"picture", "image/png")


def test_where_it_moved_it_is_followed_and_only_the_first_host_is_told_who_we_are() -> None:
    seen: list[tuple[str, str | None]] = []

    def reply(request: httpx.Request) -> httpx.Response:
        seen.append((request.headers["host"], request.headers.get("authorization")))
        if len(seen) == 1:
            return moved("/b")
        return moved("https://cdn.example/c") if len(seen) == 2 else httpx.Response(200, content=b"x")

    assert fetched(reply) == Fetched(b"x")
    assert seen == [("files.example", "Bearer token"), ("files.example", "Bearer token"), ("cdn.example", None)]


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (lambda _: moved("https://inner.example/"), Rejected("private-address")),
        (lambda _: moved("ftp://files.example/"), Rejected("bad-address")),
        (lambda _: moved("https://files.example/a"), Rejected("too-many-redirects")),
        (lambda _: httpx.Response(404), Rejected("http-404")),
        (lambda _: httpx.Response(503), TryLater("http-503")),
        (lambda _: httpx.Response(200, content=b"x" * (downloads.FILE_MAX_BYTES + 1)), Rejected("too-large")),
    ],
    ids=["into our network", "another protocol", "in circles", "gone", "away", "too large"],
)
def test_what_cannot_be_had_says_why(reply: Reply, outcome: Fetch) -> None:
    assert fetched(reply) == outcome


def test_a_far_end_that_does_not_answer_is_tried_later() -> None:
    def reply(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    assert fetched(reply) == TryLater("no-connection")
    assert fetched(reply, "https://inner.example/") == Rejected("private-address")


def test_telegram_names_where_a_file_lies_for_an_hour() -> None:
    def reply(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/bot77:t/getFile":
            path = {"file_path": "photos/file 1.jpg"}
            good = b"AgAD" in request.content
            body = (
                {"ok": True, "result": path} if good else {"ok": False, "description": "Bad Request: file is too big"}
            )
            given = httpx.Response(200 if good else 400, json=body)
            return httpx.Response(given.status_code, stream=httpx.ByteStream(given.content))
        wanted = "/file/bot77:t/photos/file%201.jpg"
        return httpx.Response(200, content=b"jpeg") if request.url.raw_path.decode() == wanted else httpx.Response(404)

    account = AccountContext("main", "bikes", "bot", (), credentials=("77:t",))
    fetch = CHANNELS["telegram"].fetch
    assert fetch is not None
    assert asyncio.run(fetch(Attachment(reference="AgAD"), account, client(reply))) == Fetched(b"jpeg")
    assert asyncio.run(fetch(Attachment(reference="big"), account, client(reply))) == Rejected("too-large")


def test_whatsapp_gives_an_address_for_an_id_and_the_file_to_who_has_the_token() -> None:
    def reply(request: httpx.Request) -> httpx.Response:
        if request.headers.get("authorization") != "Bearer token":
            return httpx.Response(401)
        if request.url.path.endswith("/77"):
            return httpx.Response(200, json={"url": "https://lookaside.example/m?id=1", "mime_type": "image/jpeg"})
        return httpx.Response(200, content=b"jpeg") if "/m?" in str(request.url) else httpx.Response(400, json={})

    account = AccountContext("main", "bikes", "wa", (), credentials=("token",))
    fetch = CHANNELS["whatsapp"].fetch
    assert fetch is not None
    assert asyncio.run(fetch(Attachment(reference="77"), account, client(reply))) == Fetched(b"jpeg")
    assert asyncio.run(fetch(Attachment(reference="../78"), account, client(reply))) == Rejected("gone")
    nobody = AccountContext("main", "bikes", "wa", ())
    assert asyncio.run(fetch(Attachment(reference="77"), nobody, client(reply))) == TryLater("no-credential")

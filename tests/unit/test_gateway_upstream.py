"""The gateway's HTTP client against owners that answer in every way HTTP/1.1 allows, and in some that it does not."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.gateway.forward import answered_headers
from services.gateway.upstream import BUFFERED_MAX, Connection, Unreachable, Upstream, request_bytes

REQUEST = request_bytes(b"GET", b"/v1/tickets", [(b"host", b"owner")], b"")
Owner = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(owner: Owner, most: int = 2) -> AsyncIterator[Upstream]:
    """Connections to an owner that this function is."""

    async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await owner(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(closing, "127.0.0.1", 0)
    upstream = Upstream("127.0.0.1", server.sockets[0].getsockname()[1], most=most, connect_s=1)
    try:
        yield upstream
    finally:
        upstream.close()
        server.close()


def says(*pieces: bytes, times: int = 1) -> Owner:
    """An owner that answers each of its requests with these pieces, one write each, and then closes."""

    async def owner(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(times):
            await reader.readuntil(b"\r\n\r\n")
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)

    return owner


async def read(upstream: Upstream) -> tuple[int, list[tuple[bytes, bytes]], bytes, Connection]:
    """One request and its whole answer."""
    connection = await upstream.take()
    try:
        async with asyncio.timeout(5):
            answer = await connection.ask(REQUEST)
            body = b"".join([part async for part in connection.body()])
        return answer.status, answer.headers, body, connection
    finally:
        upstream.give_back(connection)


@pytest.mark.parametrize(
    "pieces",
    [
        [b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"],
        [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"],
        [bytes([byte]) for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"],
        [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"],
    ],
)
async def test_an_answer_is_read_however_it_comes(pieces: list[bytes]) -> None:
    async with serving(says(*pieces)) as upstream:
        status, headers, body, _ = await read(upstream)
    assert (status, body) == (200, b"hello")
    assert all(name == name.lower() for name, _ in headers)


@pytest.mark.parametrize("head", [b"HTTP/1.1 204 No Content\r\n\r\n", b"HTTP/1.1 304 Not Modified\r\n\r\n"])
async def test_an_answer_without_a_body_ends_with_its_head(head: bytes) -> None:
    async with serving(says(head)) as upstream:
        assert (await read(upstream))[2] == b""


async def test_a_connection_carries_one_request_after_the_other() -> None:
    async with serving(says(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", times=3)) as upstream:
        first = await read(upstream)
        second = await read(upstream)
    assert first[3] is second[3]
    assert second[2] == b"ok"


async def test_a_connection_that_its_owner_closes_is_not_used_again() -> None:
    async with serving(says(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok")) as upstream:
        first = await read(upstream)
        second = await read(upstream)
    assert first[3] is not second[3]


@pytest.mark.parametrize("pieces", [[], [b"HTTP/1.1 200 OK\r\ncontent-"], [b"nonsense\r\n\r\n"]])
async def test_an_owner_that_closes_or_talks_nonsense_before_its_answer_is_unreachable(pieces: list[bytes]) -> None:
    async with serving(says(*pieces)) as upstream:
        with pytest.raises(Unreachable) as caught:
            await read(upstream)
    assert caught.value.sent


async def test_an_answer_that_breaks_off_is_told_and_its_connection_dropped() -> None:
    async with serving(says(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhalf")) as upstream:
        connection = await upstream.take()
        await connection.ask(REQUEST)
        parts = connection.body()
        assert await anext(parts) == b"half"
        with pytest.raises(Unreachable, match="broke off"):
            await anext(parts)
        upstream.give_back(connection)
        assert not connection.usable


async def test_an_answer_that_nobody_reads_is_not_taken_in_whole() -> None:
    size = 20 * BUFFERED_MAX
    written = 0

    async def owner(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        while written < size:
            writer.write(b"x" * 65536)
            await writer.drain()
            written += 65536

    async with serving(owner) as upstream:
        connection = await upstream.take()
        await connection.ask(REQUEST)
        parts = connection.body()
        total = len(await anext(parts))
        assert connection._buffered <= 2 * BUFFERED_MAX
        async for part in parts:
            total += len(part)
            assert connection._buffered <= 2 * BUFFERED_MAX
        upstream.give_back(connection)
    assert total == size


async def test_where_nobody_listens_it_is_told_that_nothing_was_sent() -> None:
    async with serving(says()) as upstream:
        port = upstream._port
    nowhere = Upstream("127.0.0.1", port, most=1, connect_s=1)
    with pytest.raises(Unreachable) as caught:
        await nowhere.take()
    assert not caught.value.sent


async def test_more_requests_than_connections_wait_and_then_are_refused() -> None:
    async with serving(says(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"), most=1) as upstream:
        upstream._connect_s = 0.05
        connection = await upstream.take()
        with pytest.raises(Unreachable, match="busy"):
            await upstream.take()
        upstream.give_back(connection)
        assert (await read(upstream))[2] == b"ok"


@settings(max_examples=200)
@given(st.binary(max_size=12), st.binary(max_size=12))
def test_no_header_or_address_ends_a_request_early(target: bytes, value: bytes) -> None:
    try:
        request = request_bytes(b"GET", b"/" + target, [(b"x-header", value)], b"")
    except ValueError:
        return
    assert request.count(b"\r\n") == 3
    assert request.split(b"\r\n")[0].count(b" ") == 2


def test_headers_of_the_connection_and_those_it_names_stay_behind() -> None:
    headers = [(b"connection", b"X-Private, close"), (b"x-private", b"1"), (b"etag", b'"3"'), (b"server", b"x")]
    assert answered_headers(headers) == [(b"etag", b'"3"')]

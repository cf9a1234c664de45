"""Requests handed on to their owners: checked and signed here, answered there, streamed back."""

import logging
from collections.abc import AsyncIterator, Iterable, Mapping
from urllib.parse import quote

import httpx
from starlette.types import Scope, Send

from shared.clock import Clock
from shared.errors import MayPass, StoreUnavailable
from shared.identity import Identity, sign
from shared.telemetry import metrics, trace

log = logging.getLogger(__name__)

PASSED_ON = frozenset(
    {
        b"accept",
        b"accept-language",
        b"content-type",
        b"idempotency-key",
        b"if-match",
        b"if-none-match",
        b"last-event-id",
        b"prefer",
        b"user-agent",
    }
)
"""Everything else stays here: the client's key, cookies, and whatever only concerns the connection to us."""

_OF_THE_CONNECTION = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"date",
        b"server",
    }
)
"""RFC 9110 §7.6.1, and the two that our own server writes."""

_PATH_SAFE = "/:@!$&'()*+,;=~-._"
_CONNECTIONS = 100
_KEEP_S = 60  # owners close after 75 s, so that we never write on a connection that is just being closed

Headers = Iterable[tuple[bytes, bytes]]


class OwnerTimeout(MayPass):
    """The owner took the request and did not answer in time: what was asked may have happened."""

    status = 504
    reason = "owner_timeout"


class Forwarder:
    """Pooled connections to every owner.

    Straight on httpx's transport: a proxy needs none of what its client adds (redirects, cookies, decoding, proxies).
    """

    def __init__(
        self, urls: Mapping[str, str], signing_key: str, clock: Clock, *, connect_s: float, timeout_s: float
    ) -> None:
        self._urls = {name: httpx.URL(url) for name, url in urls.items()}
        self._signing_key = signing_key
        self._clock = clock
        self._transport = httpx.AsyncHTTPTransport(
            limits=httpx.Limits(
                max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS, keepalive_expiry=_KEEP_S
            ),
            trust_env=False,
        )
        self._timeout = {"connect": connect_s, "read": timeout_s, "write": connect_s, "pool": connect_s}

    async def forward(self, owner: str, identity: Identity, scope: Scope, body: bytes, send: Send) -> None:
        """Ask the owner as this identity and stream its answer; raises StoreUnavailable or OwnerTimeout."""
        traceparent = next((value for name, value in scope["headers"] if name == b"traceparent"), b"")
        with (
            metrics.FORWARD_SECONDS.labels(owner).time(),
            trace.span(f"forward to {owner}", trace.valid(traceparent.decode("ascii", "replace"))) as current,
        ):
            response = await self._ask(owner, self._request(owner, identity, scope, body, current))
            await _stream(response, owner, send)

    def _request(self, owner: str, identity: Identity, scope: Scope, body: bytes, traceparent: str) -> httpx.Request:
        url = self._urls.get(owner)
        if url is None:
            raise StoreUnavailable(
                f"the address of {owner} is not known; SWITCHBOARD_URLS names it", reason="owner_down"
            )
        path = quote(scope["path"], safe=_PATH_SAFE).encode()
        query = scope.get("query_string", b"")
        headers = [(name, value) for name, value in scope["headers"] if name in PASSED_ON]
        headers.append((b"host", url.netloc))
        headers.append((b"authorization", b"Bearer " + sign(identity, self._signing_key, self._clock()).encode()))
        headers.append((b"traceparent", traceparent.encode()))
        return httpx.Request(
            scope["method"],
            url.copy_with(raw_path=url.raw_path.rstrip(b"/") + path + (b"?" + query if query else b"")),
            headers=headers,
            content=body or None,
            extensions={"timeout": self._timeout},
        )

    async def _ask(self, owner: str, request: httpx.Request) -> httpx.Response:
        """A connection may close just as it is used; what only reads is then asked once more."""
        tries = 2 if request.method in ("GET", "HEAD") else 1
        for left in reversed(range(tries)):
            try:
                return await self._transport.handle_async_request(request)
            except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError) as error:
                if left == 0:
                    raise self._failed(owner, error, f"{owner} closed the connection before it answered") from error
            except httpx.ReadTimeout as error:
                metrics.FORWARD_FAILURES.labels(owner, "timeout").inc()
                raise OwnerTimeout(
                    f"{owner} did not answer in time, and what was asked may have happened; "
                    "ask again with the same Idempotency-Key"
                ) from error
            except httpx.TransportError as error:
                raise self._failed(owner, error, f"{owner} does not answer; ask again shortly") from error
        raise AssertionError("unreachable: the last try answers or raises")

    def _failed(self, owner: str, error: Exception, words: str) -> StoreUnavailable:
        metrics.FORWARD_FAILURES.labels(owner, "down").inc()
        log.warning("an owner is down", extra={"owner": owner, "error": type(error).__name__})
        return StoreUnavailable(words, reason="owner_down")

    async def close(self) -> None:
        """Close the pooled connections."""
        await self._transport.aclose()


def answered_headers(headers: Headers) -> list[tuple[bytes, bytes]]:
    """The owner's headers without those of its connection to us (also the ones that `Connection` names)."""
    lowered = [(name.lower(), value) for name, value in headers]
    named = {part.strip().lower() for name, value in lowered if name == b"connection" for part in value.split(b",")}
    return [(name, value) for name, value in lowered if name not in _OF_THE_CONNECTION and name not in named]


async def _stream(response: httpx.Response, owner: str, send: Send) -> None:
    stream = response.stream
    assert isinstance(stream, httpx.AsyncByteStream)
    try:
        start = {"type": "http.response.start", "status": response.status_code}
        await send({**start, "headers": answered_headers(response.headers.raw)})
        async for chunk in _chunks(stream, owner):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    finally:
        await stream.aclose()


async def _chunks(stream: httpx.AsyncByteStream, owner: str) -> AsyncIterator[bytes]:
    try:
        async for chunk in stream:
            yield chunk
    except httpx.TransportError as error:  # the head is out: only a cut connection can still tell the client
        log.warning("an owner's answer broke off", extra={"owner": owner, "error": type(error).__name__})
        raise ConnectionResetError(f"the answer of {owner} broke off") from error

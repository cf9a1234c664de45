"""Requests handed on to their owners: checked and signed here, answered there, streamed back."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime, timedelta
from urllib.parse import quote, urlsplit

from starlette.types import Scope, Send

from services.gateway.config import Config
from services.gateway.upstream import Answer, Connection, Unreachable, Upstream, request_bytes
from shared.clock import Clock
from shared.errors import Malformed, MayPass, StoreUnavailable
from shared.identity import LIFETIME, Identity, sign
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
_SIGNED_MAX = 10_000

Headers = Iterable[tuple[bytes, bytes]]


class OwnerTimeout(MayPass):
    """The owner took the request and did not answer in time: what was asked may have happened."""

    status = 504
    reason = "owner_timeout"


class Signatures:
    """Identities as tokens; each is used for a third of its life, since a client asks many times in a row."""

    def __init__(self, key: str, clock: Clock) -> None:
        self._key = key
        self._clock = clock
        self._kept: dict[Identity, tuple[datetime, bytes]] = {}

    def of(self, identity: Identity) -> bytes:
        """The token of an identity."""
        now = self._clock()
        kept = self._kept.get(identity)
        if kept is not None and timedelta() <= now - kept[0] < LIFETIME / 3:
            return kept[1]
        if len(self._kept) >= _SIGNED_MAX:
            self._kept.clear()
        token = sign(identity, self._key, now).encode()
        self._kept[identity] = (now, token)
        return token


class Forwarder:
    """Hands requests to the owners over pooled connections."""

    def __init__(
        self, urls: Mapping[str, str], signing_key: str, clock: Clock, *, connect_s: float, timeout_s: float
    ) -> None:
        self._hosts = {name: urlsplit(url) for name, url in urls.items()}
        self._upstreams = {
            name: Upstream(url.hostname or "", url.port or 80, most=_CONNECTIONS, connect_s=connect_s)
            for name, url in self._hosts.items()
        }
        self._signatures = Signatures(signing_key, clock)
        self._timeout_s = timeout_s

    @staticmethod
    def of(config: Config, clock: Clock) -> "Forwarder":
        """As the environment says."""
        return Forwarder(
            config.urls,
            config.signing_key,
            clock,
            connect_s=config.forward_connect_s,
            timeout_s=config.forward_timeout_s,
        )

    async def tell(self, owner: str, identity: Identity, path: str, body: bytes) -> int:
        """Tell an owner something of our own (JSON) and give the status of its answer; raises as `forward` does."""
        headers = [(b"content-type", b"application/json")]
        scope = {"method": "POST", "path": path, "query_string": b"", "headers": headers}
        return (await self._own(owner, identity, scope, body))[0]

    async def look(self, owner: str, identity: Identity, path: str) -> tuple[int, bytes]:
        """What the owner shows this identity at an address, as status and body; raises as `forward` does."""
        return await self._own(owner, identity, {"method": "GET", "path": path, "headers": []}, b"")

    async def _own(self, owner: str, identity: Identity, scope: Scope, body: bytes) -> tuple[int, bytes]:
        upstream = self._upstream(owner)
        request = self._request(owner, identity, scope, body, trace.child(None))
        connection, answer = await self._ask(owner, upstream, request, again=scope["method"] == "GET")
        try:
            parts = [part async for part in _parts(connection, owner, self._timeout_s)]
        finally:
            upstream.give_back(connection)
        return answer.status, b"".join(parts)

    async def forward(self, owner: str, identity: Identity, scope: Scope, body: bytes, send: Send) -> None:
        """Ask the owner as this identity and stream its answer; raises StoreUnavailable or OwnerTimeout."""
        upstream = self._upstream(owner)
        traceparent = next((value for name, value in scope["headers"] if name == b"traceparent"), b"")
        with (
            metrics.FORWARD_SECONDS.labels(owner).time(),
            trace.span(f"forward to {owner}", trace.valid(traceparent.decode("ascii", "replace"))) as current,
        ):
            request = self._request(owner, identity, scope, body, current)
            connection, answer = await self._ask(owner, upstream, request, again=scope["method"] == "GET")
            try:
                await _stream(answer, _parts(connection, owner, self._timeout_s), send)
            finally:
                upstream.give_back(connection)

    def _upstream(self, owner: str) -> Upstream:
        upstream = self._upstreams.get(owner)
        if upstream is None:
            raise StoreUnavailable(
                f"the address of {owner} is not known; SWITCHBOARD_URLS names it", reason="owner_down"
            )
        return upstream

    def _request(self, owner: str, identity: Identity, scope: Scope, body: bytes, traceparent: str) -> bytes:
        url, query = self._hosts[owner], scope.get("query_string", b"")
        target = (url.path.rstrip("/") + quote(scope["path"], safe=_PATH_SAFE)).encode()
        headers = [(name, value) for name, value in scope["headers"] if name in PASSED_ON]
        headers.append((b"host", url.netloc.encode()))
        headers.append((b"authorization", b"Bearer " + self._signatures.of(identity)))
        headers.append((b"traceparent", traceparent.encode()))
        try:
            return request_bytes(scope["method"].encode(), target + (b"?" + query if query else b""), headers, body)
        except ValueError as error:
            raise Malformed(str(error)) from error

    async def _ask(self, owner: str, upstream: Upstream, request: bytes, *, again: bool) -> tuple[Connection, Answer]:
        """The connection and the head of the answer.

        A kept connection may close just as it is used; `again` (what only reads) is then asked once more on a new one.
        """
        try:
            connection = await upstream.take()
        except Unreachable as error:
            raise self._down(owner, error, f"{owner} does not answer; ask again shortly") from error
        try:
            async with asyncio.timeout(self._timeout_s):
                return connection, await connection.ask(request)
        except TimeoutError as error:
            _drop(upstream, connection)
            metrics.FORWARD_FAILURES.labels(owner, "timeout").inc()
            raise OwnerTimeout(
                f"{owner} did not answer in time, and what was asked may have happened; "
                "ask again with the same Idempotency-Key"
            ) from error
        except Unreachable as error:
            kept = not connection.fresh
            _drop(upstream, connection)
            if kept and again:
                upstream.close()
                return await self._ask(owner, upstream, request, again=False)
            raise self._down(owner, error, f"{owner} closed the connection before it answered") from error
        except BaseException:
            _drop(upstream, connection)
            raise

    def _down(self, owner: str, error: Exception, words: str) -> StoreUnavailable:
        metrics.FORWARD_FAILURES.labels(owner, "down").inc()
        log.warning("an owner is down", extra={"owner": owner, "error": str(error)})
        return StoreUnavailable(words, reason="owner_down")


def _drop(upstream: Upstream, connection: Connection) -> None:
    connection.close()
    upstream.give_back(connection)


def answered_headers(headers: Headers) -> list[tuple[bytes, bytes]]:
    """The owner's headers without those of its connection to us (also the ones that `Connection` names)."""
    kept = list(headers)
    named = {part.strip().lower() for name, value in kept if name == b"connection" for part in value.split(b",")}
    return [(name, value) for name, value in kept if name not in _OF_THE_CONNECTION and name not in named]


async def _stream(answer: Answer, parts: AsyncIterator[bytes], send: Send) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": answered_headers(answer.headers)})
    async for part in parts:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _parts(connection: Connection, owner: str, timeout_s: float) -> AsyncIterator[bytes]:
    """The body; where it breaks off, only a cut connection can still tell the client, as the head is out."""
    body = connection.body()
    while True:
        try:
            async with asyncio.timeout(timeout_s):
                part = await anext(body, None)
        except (Unreachable, TimeoutError) as error:
            log.warning("an owner's answer broke off", extra={"owner": owner, "error": type(error).__name__})
            raise ConnectionResetError(f"the answer of {owner} broke off") from error
        if part is None:
            return
        yield part

"""The accept path: prove, read, keep, confirm; 2xx is said only when Kafka has the raw record and what it holds."""

import asyncio
from urllib.parse import parse_qsl

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.ingest.accounts import Accounts
from services.ingest.compose import Arrival
from services.ingest.config import Config
from services.ingest.keep import Keeper, log_bug
from shared.channels.base import MIB, AccountContext, Channel, Request
from shared.clock import Clock
from shared.errors import Bug, Malformed, SwitchboardError, Unauthenticated
from shared.http import problem, read_body
from shared.telemetry import metrics, trace

QUERY_FIELDS_MAX = 50
LARGE_AT_ONCE = 4
"""Bodies over 1 MiB that a channel holds in memory at a time; the senders of others wait for their turn."""


class Accept:
    """Takes the requests of one channel: an ASGI application behind its route."""

    def __init__(
        self,
        channel: Channel,
        *,
        config: Config,
        clock: Clock,
        accounts: Accounts,
        keeper: Keeper,
    ) -> None:
        self._channel = channel
        self._config = config
        self._clock = clock
        self._accounts = accounts
        self._keeper = keeper
        self._large = asyncio.Semaphore(LARGE_AT_ONCE)
        self.path = f"/v1/inbound/{channel.name}/{{account}}"
        self.methods = ["POST"] if channel.greet is None else ["POST", "GET"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; whatever goes wrong is a problem with a reason, and is counted."""
        scope["route"] = self
        try:
            answer = await (self._accept(scope, receive) if scope["method"] == "POST" else self._greet(scope))
        except SwitchboardError as error:
            answer = self._refusal(error)
        except Exception as error:  # noqa: BLE001 - the sender is told, we are told; the message stays with the sender
            log_bug("request failed", self._channel.name, error)
            answer = self._refusal(Bug("this is our fault; it was logged"))
        await answer(scope, receive, send)

    async def _greet(self, scope: Scope) -> Response:
        """Answer a provider that asks whether the address is ours."""
        assert self._channel.greet is not None
        account, request = self._asked(scope)
        said = self._channel.greet(request, account)
        return Response(said, media_type="text/plain", headers={"x-content-type-options": "nosniff"})

    def _asked(self, scope: Scope) -> tuple[AccountContext, Request]:
        """The account that is meant, and the request without its body."""
        account = self._accounts.open(self._channel.name, scope["path_params"]["account"])
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        raw = scope.get("query_string", b"").decode("latin-1")
        return account, Request(headers, b"", self._clock(), _fields(raw) if raw else {}, raw)

    async def _accept(self, scope: Scope, receive: Receive) -> Response:
        account, request = self._asked(scope)
        with trace.span(f"accept {self._channel.name}", trace.valid(request.headers.get("traceparent"))) as current:
            if self._channel.proof == "headers":
                self._channel.verify(request, account)
            if self._channel.max_body_bytes <= MIB or _surely_small(request.headers.get("content-length", "")):
                return await self._take_body(scope, receive, account, request, current)
            async with self._large:
                return await self._take_body(scope, receive, account, request, current)

    async def _take_body(
        self, scope: Scope, receive: Receive, account: AccountContext, request: Request, current: str
    ) -> Response:
        body = await self._body(scope, receive)
        request = Request(request.headers, body, request.received_at, request.query, request.query_string)
        if self._channel.proof == "body":
            self._channel.verify(request, account)
        return await self._take(Arrival(self._channel, account, request, current))

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        try:
            async with asyncio.timeout(self._config.body_timeout_s):
                return await read_body(receive, scope, self._channel.max_body_bytes)
        except TimeoutError:
            raise Malformed(
                f"the body did not arrive within {self._config.body_timeout_s:g} s", reason="slow_body"
            ) from None

    async def _take(self, arrival: Arrival) -> Response:
        """Read a proved request, keep it, and answer once it is confirmed."""
        (taken,) = await self._keeper.keep([arrival], timeout_s=self._config.accept_timeout_s)
        ids = taken.composed.ids
        body = {"accepted": len(ids), "ids": ids, **taken.more}
        media_type, said = self._channel.answer or ("application/json", orjson.dumps(body))
        return Response(said, self._channel.accepted_status, media_type=media_type)

    def _refusal(self, error: SwitchboardError) -> Response:
        metrics.INBOUND_REFUSED.labels(self._channel.name, error.reason).inc()
        answer = problem(error)
        if isinstance(error, Unauthenticated):
            answer.headers["www-authenticate"] = self._channel.challenge
        return answer


def _fields(query: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(query, max_num_fields=QUERY_FIELDS_MAX))
    except ValueError:
        raise Malformed(f"the address has more than {QUERY_FIELDS_MAX} query fields", reason="long_query") from None


def _surely_small(content_length: str) -> bool:
    return content_length.isdigit() and int(content_length) <= MIB

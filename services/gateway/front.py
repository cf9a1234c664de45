"""What every request meets first: the table, the key, the permission; then the gateway's own API or an owner."""

import asyncio
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from services.gateway.caller import Entered
from services.gateway.forward import Forwarder
from services.gateway.gate import Gate
from services.gateway.routes import Route, Table
from shared.errors import Malformed, Refused, SwitchboardError
from shared.http import MAX_BODY_BYTES, problem, read_body
from shared.identity import Identity
from shared.telemetry import metrics

FILES_AT_ONCE = 4
"""Files that are held in memory on their way to an owner; who brings another one waits."""
BODY_TIMEOUT_S = 60
WORKSPACE_HEADER = b"switchboard-workspace"


class MethodNotAllowed(Refused):
    """The address is there and does not take this method."""

    status = 405
    reason = "method_not_allowed"


@dataclass(frozen=True, slots=True)
class Front:
    """An ASGI middleware around the gateway's own API."""

    app: ASGIApp
    table: Table
    gate: Gate
    forwarder: Forwarder
    files: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(FILES_AT_ONCE))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Deny unless the table allows, then hand on."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        try:
            route = self.table.match(scope["method"], scope["path"])
            if isinstance(route, tuple):
                return await _refuse_method(scope, receive, send, route)
            scope["route"] = route
            came = await self._enter(route, scope) if route.roles else None
            if route.owner == "gateway":
                scope.setdefault("state", {})["entered"] = came
                return await self.app(scope, receive, send)
            assert came is not None, "a route without roles is the gateway's own"
            if route.body_max <= MAX_BODY_BYTES:
                return await self._hand_on(route, came, scope, receive, send)
            async with self.files:
                return await self._hand_on(route, came, scope, receive, send)
        except SwitchboardError as error:
            metrics.GATEWAY_REFUSED.labels(error.reason).inc()
            return await problem(error)(scope, receive, send)

    async def _hand_on(self, route: Route, came: Entered, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                body = await read_body(receive, scope, route.body_max)
        except TimeoutError:
            raise Malformed(f"the body did not arrive within {BODY_TIMEOUT_S} s", reason="slow_body") from None
        await self.forwarder.forward(route.owner, came.identity, scope, body, send)

    async def _enter(self, route: Route, scope: Scope) -> Entered:
        headers = dict(scope["headers"])
        authorization, workspace = headers.get(b"authorization"), headers.get(WORKSPACE_HEADER)
        return await self.gate.enter(
            route,
            authorization.decode("latin-1") if authorization is not None else None,
            workspace.decode("latin-1") if workspace is not None else None,
        )


async def _refuse_method(scope: Scope, receive: Receive, send: Send, methods: tuple[str, ...]) -> None:
    refusal = MethodNotAllowed(f"this address takes {', '.join(methods)}; not {scope['method']}")
    response = problem(refusal)
    response.headers["allow"] = ", ".join(methods)
    await response(scope, receive, send)


def entered(request: Request) -> Entered:
    """The caller, as the front has found him."""
    found = request.state.entered
    assert isinstance(found, Entered)
    return found


def identity_of(request: Request) -> Identity:
    """The caller's identity."""
    return entered(request).identity

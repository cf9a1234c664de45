"""The routes every process answers beside its API: liveness, readiness, metrics, settings' versions."""

import ipaddress
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import orjson
import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import identity
from shared.errors import MayPass, NotFound, SwitchboardError, Unauthenticated
from shared.http import problem
from shared.telemetry import metrics

if TYPE_CHECKING:
    from shared.service import Runtime

log = logging.getLogger(__name__)

PROBES = frozenset({"/healthz", "/readyz"})
"""Answered to everybody; what else we answer tells how the desk works inside."""
FORWARDED = frozenset({b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip"})
"""Headers of proxies: then the peer is not who asks."""


class NotAlive(SwitchboardError):
    """The process should be started anew."""

    status = 503
    reason = "not_alive"


def wrap(runtime: "Runtime", api: ASGIApp | None) -> ASGIApp:
    """The process's whole HTTP face: our routes first, the API for the rest, every request measured."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            own = _own(runtime, scope["path"])
            if own is not None and (scope["path"] in PROBES or _inside(runtime, scope)):
                return await own(scope, receive, send)
        if api is None:
            return await problem(NotFound("this service has no API"))(scope, receive, send)
        if scope["type"] != "http":
            return await api(scope, receive, send)
        return await _measured(api, scope, receive, send)

    return app


def _own(runtime: "Runtime", path: str) -> Response | None:
    if path == "/healthz":
        return _state(runtime.not_alive(), NotAlive)
    if path == "/readyz":
        return _state(runtime.not_ready(), MayPass)
    if path == "/metrics":
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
    if path == "/internal/settings":
        return Response(orjson.dumps(runtime.settings.versions()), media_type="application/json")
    return None


def _inside(runtime: "Runtime", scope: Scope) -> bool:
    """Whether who asks is one of us: always, unless strangers reach this port.

    Then it takes a process that only listens to this machine and is asked by it, without a proxy between, or an
    identity that the installation's key has signed.
    """
    if not runtime.service.public:
        return True
    headers = dict(scope["headers"])
    peer = scope["client"][0] if scope.get("client") else ""
    if _loopback(runtime.config.host) and _loopback(peer) and not FORWARDED & headers.keys():
        return True
    token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")[2]
    for key in filter(None, runtime.config.key.get_secret_value().split(",")):
        try:
            return identity.verify(token, key).role == "installation"
        except Unauthenticated:
            continue
    return False


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _state(why_not: str | None, error: type[SwitchboardError]) -> Response:
    return Response(b"ok", media_type="text/plain") if why_not is None else problem(error(why_not))


async def _measured(api: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    started, status = time.perf_counter(), 500

    async def watched(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        await send(message)

    try:
        await api(scope, receive, watched)
    except Exception:
        if status != 500:
            raise
    finally:
        route = getattr(scope.get("route"), "path", "unmatched")
        seconds = metrics.labelled(metrics.HTTP_SECONDS, scope["method"], route, str(status))
        seconds.observe(time.perf_counter() - started)


class _Server(uvicorn.Server):
    """Signals are the runtime's: it drains first."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them alone."""
        yield


def server(runtime: "Runtime") -> uvicorn.Server:
    """The HTTP server of a process, in the loop of its consumers."""
    return _server(runtime, runtime.app, runtime.config.port)


async def serve_inside(runtime: "Runtime") -> None:
    """Answer probes, metrics and settings' versions on a port of their own, where there is one; until cancelled."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            answer = _own(runtime, scope["path"]) or problem(NotFound("this port answers /metrics and /internal only"))
            await answer(scope, receive, send)

    if runtime.config.ops_port:
        await _server(runtime, app, runtime.config.ops_port).serve()


def _server(runtime: "Runtime", app: ASGIApp, port: int) -> uvicorn.Server:
    config = uvicorn.Config(
        app,
        host=runtime.config.host,
        port=port,
        log_config=None,
        access_log=False,
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=5,
    )
    return _Server(config)

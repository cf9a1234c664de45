"""Everything ingest answers: the channels' webhooks as plain Starlette routes, the quarantine as an owner's API."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, FastAPI, Path, Query
from fastapi.security import HTTPBearer
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from services.ingest import repo
from services.ingest.accept import Accept
from services.ingest.accounts import Accounts
from services.ingest.config import Config
from services.ingest.describe import describe
from services.ingest.keep import Keeper
from services.ingest.views import QuarantinedRequest, QuarantinedView, QuarantinePage
from shared.blobs import BlobStore
from shared.channels import CHANNELS
from shared.db.pool import connection
from shared.errors import NotFound, Refused
from shared.http import create_app, problem, problems, require
from shared.identity import Identity
from shared.service import Runtime
from shared.telemetry import metrics

ABOUT = "Where customers' messages come in, and the quarantine of those that could not be read."
INBOUND = "/v1/inbound/"
BODY_SHOWN = 64 * 1024

WITH_IDENTITY = HTTPBearer(auto_error=False, description="The identity that the gateway signs; ask through it.")
Lead = Annotated[Identity, Depends(require("admin", "lead"))]
Cursor = Annotated[str | None, Query(pattern=r"^[1-9][0-9]{0,17}$", description="`next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=200, description="Most items of a page")]
Id = Annotated[UUID, Path(description="Id of the raw record")]


class NotAllowed(Refused):
    """A webhook's address takes POST, and GET only where a provider asks by it whether the address is ours."""

    status = 405
    reason = "method_not_allowed"


class Api:
    """The service's ASGI application."""

    def __init__(self, runtime: Runtime) -> None:
        config = runtime.config
        assert isinstance(config, Config)
        blobs = BlobStore(config.blobs, timeout_s=config.blobs_timeout_s)
        self._accepting = _accepting(runtime, config, blobs)
        routes = [Route(accept.path, accept, methods=accept.methods) for accept in self._accepting.values()]
        self._inbound = Starlette(routes=routes, exception_handlers={HTTPException: _on_http})
        self._quarantine = create_app(runtime, "Switchboard ingest", description=ABOUT)
        _add_quarantine(self._quarantine, runtime, blobs)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Webhooks do not pass through what only people's requests need, nor the usual one through the router."""
        if scope["type"] != "http" or not scope["path"].startswith(INBOUND):
            return await self._quarantine(scope, receive, send)
        channel, _, account = scope["path"][len(INBOUND) :].partition("/")
        accept = self._accepting.get(channel)
        if accept is None or scope["method"] != "POST" or not account or "/" in account:
            return await self._inbound(scope, receive, send)
        scope["path_params"] = {"account": account}
        return await accept(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document of both."""
        return describe(self._quarantine.openapi(), CHANNELS.values())


def create_api(runtime: Runtime) -> Api:
    """The whole API of ingest."""
    return Api(runtime)


def _accepting(runtime: Runtime, config: Config, blobs: BlobStore) -> dict[str, Accept]:
    """What takes requests, for each line of the registry."""
    accounts = Accounts(runtime.settings, config.key.get_secret_value(), reread_s=config.secrets_reread_s)
    keeper = Keeper(blobs, lambda: runtime.producer)
    return {
        name: Accept(
            channel,
            config=config,
            clock=runtime.clock,
            accounts=accounts,
            keeper=keeper,
        )
        for name, channel in CHANNELS.items()
    }


async def _on_http(_request: Request, error: Exception) -> Response:
    """No such channel, or another method than POST."""
    assert isinstance(error, HTTPException)
    refused: Refused = NotFound(f"there is no such channel; there are {', '.join(CHANNELS)}", reason="unknown_channel")
    if error.status_code == 405:
        refused = NotAllowed("a message is sent by POST")
    metrics.INBOUND_REFUSED.labels("unknown", refused.reason).inc()
    answer = problem(refused)
    answer.headers.update(error.headers or {})
    return answer


def _add_quarantine(app: FastAPI, runtime: Runtime, blobs: BlobStore) -> None:
    """Put the routes of the quarantine on the app."""

    @app.get("/v1/quarantine", responses=problems(), dependencies=[Depends(WITH_IDENTITY)], tags=["quarantine"])
    async def list_quarantine(who: Lead, cursor: Cursor = None, limit: Limit = 50) -> QuarantinePage:
        """Requests that were accepted and could not be read, newest first."""
        before = int(cursor) if cursor else None
        async with connection(runtime.pool) as one:
            found = await repo.page(one, who.workspace, who.shops, before=before, limit=limit + 1)
        more = len(found) > limit
        items = [QuarantinedView.of(item) for item in found[:limit]]
        return QuarantinePage(items=items, next=str(found[limit - 1].number) if more else None)

    @app.get("/v1/quarantine/{id}", responses=problems(404), dependencies=[Depends(WITH_IDENTITY)], tags=["quarantine"])
    async def show_quarantined(id: Id, who: Lead) -> QuarantinedRequest:
        """One of them, with its headers and the beginning of its body."""
        async with connection(runtime.pool) as one:
            found = await repo.find(one, who.workspace, who.shops, id, body_max=BODY_SHOWN)
        if found is None:
            raise NotFound(f"there is nothing with the id {id} in quarantine here")
        item, beginning = found
        if item.blob is None:
            return QuarantinedRequest.whole(item, beginning, item.size)
        beginning, size = await blobs.beginning(item.blob, at_most=BODY_SHOWN)
        return QuarantinedRequest.whole(item, beginning, size)

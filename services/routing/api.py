"""The API of routing: the queue, offers and their answers, presence, and why each ticket is where it is."""

from typing import Annotated
from uuid import UUID

import orjson
from fastapi import FastAPI, Header, Query, Request, Response

from services.routing import batching
from services.routing.api_agents import add_agents
from services.routing.commands import Accept, Asked, Decline, Next, Tell
from services.routing.commands.asked import Command
from services.routing.domain.presence import TOLD
from services.routing.explain import routing_of
from services.routing.live import LIVE
from services.routing.repo import queue
from services.routing.views import (
    DeclineBody,
    NextBody,
    OfferList,
    OfferView,
    PresenceBody,
    PresenceView,
    QueueItem,
    QueuePage,
    RoutingView,
    TicketView,
    cursor,
    place_of,
)
from shared.db.idempotency import request_hash
from shared.db.pool import connection
from shared.errors import Invalid, NotFound
from shared.http import Caller, caller, create_app, problems
from shared.identity import Identity
from shared.service import Runtime

Limit = Annotated[int, Query(ge=1, le=500, description="Most items of a page")]
Cursor = Annotated[str | None, Query(alias="cursor", max_length=200, description="`next` of the page before")]
Key = Annotated[str | None, Header(alias="idempotency-key", max_length=255)]

MOST_OFFERS = 1000
ACCEPT_PARAMETERS = {
    "parameters": [
        {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}},
        {"name": "idempotency-key", "in": "header", "schema": {"type": "string", "minLength": 1, "maxLength": 255}},
    ]
}
"""Said by hand: all agents of a desk accept at once when a rush begins, and reading parameters by signature takes more
of a request's time than all the rest."""


def create_api(runtime: Runtime) -> FastAPI:
    """The routes."""
    LIVE.bind(runtime)
    app = create_app(runtime, "Switchboard routing", description="Who gets which ticket, and why.")
    _add_reads(app, runtime)
    _add_commands(app, batching.Commands(runtime))
    add_agents(app, runtime)

    @app.get("/internal/queues", include_in_schema=False)
    async def queues() -> Response:
        """Counts of every workspace, for `switchboard status`; the gateway forwards nothing under /internal."""
        async with connection(runtime.pool) as one:
            return Response(orjson.dumps(await queue.counts(one), default=int), media_type="application/json")

    return app


def _add_reads(app: FastAPI, runtime: Runtime) -> None:
    @app.get("/v1/queue", responses=problems(), tags=["queue"])
    async def list_queue(who: Caller, after: Cursor = None, limit: Limit = 100) -> QueuePage:
        """Tickets that wait, in order of service, each with the main reason."""
        async with connection(runtime.pool) as one:
            found = await queue.page(one, who.workspace, who.shops, place_of(after), limit + 1)
        items = [QueueItem.of(ticket) for ticket in found[:limit]]
        return QueuePage(items=items, next=cursor(found[limit - 1]) if len(found) > limit else None)

    @app.get("/v1/offers", responses=problems(), tags=["offers"])
    async def list_offers(who: Caller) -> OfferList:
        """My open offers; leads see everybody's."""
        agent = (who.agent or "") if who.role == "agent" else None
        async with connection(runtime.pool) as one:
            found = await queue.offers(one, who.workspace, who.shops, agent, MOST_OFFERS)
        return OfferList(items=[OfferView.of(ticket) for ticket in found])

    @app.get("/v1/tickets/{id}/routing", responses=problems(404), tags=["queue"])
    async def explain_ticket(id: UUID, who: Caller) -> RoutingView:
        """Where the ticket is and why; for a waiting one every agent with the rule that refuses him now."""
        async with connection(runtime.pool) as one:
            ticket = await queue.one(one, who.workspace, who.shops, id)
            if ticket is None:
                raise NotFound(f"routing knows no ticket {id}")
            return await routing_of(one, ticket)


def _offer_of(request: Request) -> UUID:
    try:
        return UUID(request.path_params["id"])
    except ValueError as error:
        wrong = [{"pointer": "/path/id", "detail": "this is not a UUID"}]
        raise Invalid("the request breaks its schema; see errors", fields=wrong) from error


def _add_commands(app: FastAPI, commands: batching.Commands) -> None:
    async def run(request: Request, who: Identity, command: Command, key: str | None, body: bytes = b"") -> Response:
        digest = request_hash(request.method, request.url.path, body)
        stored = await commands.run(batching.Request(Asked(command, who), key, digest))
        return Response(stored.body, stored.status, media_type="application/json")

    @app.post(
        "/v1/offers/{id}/accept",
        responses=problems(404, 409),
        response_model=TicketView,
        openapi_extra=ACCEPT_PARAMETERS,
        tags=["offers"],
    )
    async def accept_offer(request: Request) -> Response:
        """Take the ticket; 409 where the offer is over."""
        who = await caller(request, request.headers.get("authorization"))
        return await run(request, who, Accept(_offer_of(request)), request.headers.get("idempotency-key"))

    @app.post("/v1/offers/{id}/decline", responses=problems(404, 409), response_model=TicketView, tags=["offers"])
    async def decline_offer(id: UUID, body: DeclineBody, request: Request, who: Caller, key: Key = None) -> Response:
        """Do not take it, and say why; it waits again with its original time and goes to somebody else."""
        return await run(request, who, Decline(id, body.reason), key, body.model_dump_json().encode())

    @app.post("/v1/next", responses=problems(404, 409), response_model=TicketView, tags=["offers"])
    async def next_ticket(request: Request, who: Caller, body: NextBody | None = None, key: Key = None) -> Response:
        """The next ticket of the channels where agents ask for one; `ticket` is null where there is none for me."""
        wanted = body or NextBody()
        return await run(request, who, Next(wanted.channel), key, wanted.model_dump_json().encode())

    @app.put("/v1/presence", responses=problems(404), response_model=PresenceView, tags=["agents"])
    async def tell_presence(body: PresenceBody, request: Request, who: Caller) -> Response:
        """Say where I am, and that I am still there: without a word for the policy's grace I am offline."""
        reason = body.reason or ("other" if body.presence == "away" else TOLD)
        return await run(request, who, Tell(body.presence, reason, body.channels), None)

"""Merging and splitting tickets over the API."""

from typing import Annotated
from uuid import UUID

import asyncpg
from fastapi import FastAPI, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from services.tickets import merging, splitting
from services.tickets.acting import Actor
from services.tickets.api_once import Key, command, respond
from services.tickets.merging import Pair
from shared.bus import Context
from shared.contracts.fields import Token
from shared.http import Caller, problems
from shared.service import Runtime


class MergeTicket(BaseModel):
    """Where its conversation goes on."""

    model_config = ConfigDict(extra="forbid")

    into: UUID
    across_persons: bool = Field(False, description="The two are of different persons, who both take part from now on")
    reason: Token = Field("agent", description="Why, in a word of yours")


class SplitTicket(BaseModel):
    """Which of the customers' messages become a ticket of their own."""

    model_config = ConfigDict(extra="forbid")

    messages: Annotated[tuple[UUID, ...], Field(min_length=1, max_length=200)]
    reason: Token = Field("agent", description="Why, in a word of yours")


class Pointed(BaseModel):
    """A ticket after it."""

    id: UUID
    version: int


class PairView(BaseModel):
    """Both tickets after it; `into` is the one that took in, or gave back, or the new one of a split."""

    ticket: Pointed
    into: Pointed

    @staticmethod
    def of(pair: Pair) -> "PairView":
        """As the API shows it."""
        one, into = pair.one, pair.into
        return PairView(ticket=Pointed(id=one.id, version=one.version), into=Pointed(id=into.id, version=into.version))


def add_merging(app: FastAPI, runtime: Runtime) -> None:
    """The routes."""

    @app.post("/v1/tickets/{id}/merge", responses=problems(404, 409), response_model=PairView)
    async def merge_ticket(
        id: UUID, wanted: MergeTicket, who: Caller, request: Request, idempotency_key: Key = None
    ) -> Response:
        """This ticket is closed and goes on in `into`, where its messages are shown and what comes for it goes."""

        async def do(tx: asyncpg.Connection, ctx: Context, actor: Actor) -> PairView:
            place = (who.workspace, id, wanted.into)
            across = wanted.across_persons
            done = await merging.merge(tx, ctx, actor, place, across_persons=across, reason=wanted.reason)
            return PairView.of(done)

        return respond(await command(runtime, who, request, wanted, idempotency_key, do))

    @app.delete("/v1/tickets/{id}/merge", responses=problems(404, 409), response_model=PairView)
    async def undo_ticket_merge(id: UUID, who: Caller, request: Request, idempotency_key: Key = None) -> Response:
        """It is a ticket of its own again, as it was; what was said since stays where it was said."""

        async def do(tx: asyncpg.Connection, ctx: Context, actor: Actor) -> PairView:
            return PairView.of(await merging.undo(tx, ctx, actor, who.workspace, id))

        return respond(await command(runtime, who, request, None, idempotency_key, do))

    @app.post("/v1/tickets/{id}/split", responses=problems(404, 409), response_model=PairView)
    async def split_ticket(
        id: UUID, wanted: SplitTicket, who: Caller, request: Request, idempotency_key: Key = None
    ) -> Response:
        """These messages become a new ticket of who wrote the first of them; merging it back undoes that."""

        async def do(tx: asyncpg.Connection, ctx: Context, actor: Actor) -> PairView:
            done = await splitting.split(tx, ctx, actor, (who.workspace, id), wanted.messages, reason=wanted.reason)
            return PairView.of(done)

        return respond(await command(runtime, who, request, wanted, idempotency_key, do))

"""Erasing a person over the API: asked once, done by every service, and shown until all have said so."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import asyncpg
from fastapi import Depends, FastAPI, Request, Response
from pydantic import BaseModel, Field

from services.tickets import erasure
from services.tickets.acting import Actor
from services.tickets.api_once import Key, command, respond
from services.tickets.repo import erasure as kept
from services.tickets.repo.erasure import Erasure
from services.tickets.visible import require_person
from shared.bus import Context
from shared.contracts.topics import PRIVACY_EVENTS
from shared.db.pool import connection
from shared.errors import NotFound
from shared.http import problems, require
from shared.identity import Identity
from shared.service import Runtime

Lead = Annotated[Identity, Depends(require("admin", "lead"))]


class ErasureView(BaseModel):
    """How far the erasure of a person has come."""

    person: UUID
    request: UUID
    asked_at: datetime
    by: str | None = Field(description="The agent who asked for it")
    done: list[str] = Field(description="Services that hold nothing of the person any more")
    waiting: list[str] = Field(description="Services that have not said so yet")

    @staticmethod
    def of(person: UUID, asked: Erasure) -> "ErasureView":
        """As the API shows it."""
        waiting = sorted(set(PRIVACY_EVENTS.consumers) - set(asked.done))
        return ErasureView(
            person=person,
            request=asked.request,
            asked_at=asked.before,
            by=asked.by,
            done=list(asked.done),
            waiting=waiting,
        )


def add_erasure(app: FastAPI, runtime: Runtime) -> None:
    """The routes."""

    @app.post("/v1/persons/{id}/erase", responses=problems(404), status_code=202, response_model=ErasureView)
    async def erase_person(id: UUID, who: Lead, request: Request, idempotency_key: Key = None) -> Response:
        """Forget a person everywhere: names, addresses, texts and files, for good; numbers stay.

        What the person had written before and still lies somewhere is dropped when it arrives.
        """

        async def do(tx: asyncpg.Connection, ctx: Context, _: Actor) -> ErasureView:
            await require_person(tx, who, id)
            return ErasureView.of(id, await erasure.request(tx, ctx, (who.workspace, id), by=who.agent))

        return respond(await command(runtime, who, request, None, idempotency_key, do, status=202))

    @app.get("/v1/persons/{id}/erasure", responses=problems(404))
    async def read_erasure(id: UUID, who: Lead) -> ErasureView:
        """Which services have forgotten the person."""
        async with connection(runtime.pool) as one:
            asked = await _asked(one, who, id)
        return ErasureView.of(id, asked)


async def _asked(one: asyncpg.Connection, who: Identity, person: UUID) -> Erasure:
    await require_person(one, who, person)
    asked = await kept.newest(one, who.workspace, person)
    if asked is None:
        raise NotFound(f"nobody asked to forget the person {person}")
    return asked

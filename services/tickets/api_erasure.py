"""Erasing a person over the API: asked once, done by every service, and shown until all have said so."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import asyncpg
from fastapi import Depends, FastAPI, Header, Request, Response
from pydantic import BaseModel, Field

from services.tickets import erasure
from services.tickets.repo import erasure as kept
from services.tickets.repo import reads
from services.tickets.repo.erasure import Erasure
from shared.contracts.topics import PRIVACY_EVENTS
from shared.db.idempotency import Answer, once, request_hash
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
    async def erase_person(
        id: UUID, who: Lead, request: Request, idempotency_key: Annotated[str | None, Header(max_length=255)] = None
    ) -> Response:
        """Forget a person everywhere: names, addresses, texts and files, for good; numbers stay.

        What the person had written before and still lies somewhere is dropped when it arrives.
        """
        digest = request_hash(request.method, request.url.path, b"")

        async def run() -> Answer:
            if not await reads.sees(tx, who, id):
                raise _nobody(id)
            asked = await erasure.request(tx, ctx, (who.workspace, id), by=who.agent)
            return Answer(202, ErasureView.of(id, asked).model_dump_json().encode())

        async with runtime.work() as (tx, ctx):
            principal = f"{who.workspace}/{who.principal}"
            answer = await once(tx, principal=principal, key=idempotency_key, request_hash=digest, run=run)
        return Response(answer.body, answer.status, media_type="application/json")

    @app.get("/v1/persons/{id}/erasure", responses=problems(404))
    async def read_erasure(id: UUID, who: Lead) -> ErasureView:
        """Which services have forgotten the person."""
        async with connection(runtime.pool) as one:
            asked = await _asked(one, who, id)
        return ErasureView.of(id, asked)


async def _asked(one: asyncpg.Connection, who: Identity, person: UUID) -> Erasure:
    if not await reads.sees(one, who, person):
        raise _nobody(person)
    asked = await kept.newest(one, who.workspace, person)
    if asked is None:
        raise NotFound(f"nobody asked to forget the person {person}")
    return asked


def _nobody(person: UUID) -> NotFound:
    return NotFound(f"there is no person {person}")

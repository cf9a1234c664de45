"""Answers and notes over the API: appends, once per Idempotency-Key, never over what the writer has not seen."""

import contextlib
from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

import asyncpg
from fastapi import FastAPI, Header, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.tickets import answers
from services.tickets.domain import answering
from services.tickets.domain.ticket import Ticket
from services.tickets.repo import reads
from services.tickets.views import TicketView
from shared.bus import Context
from shared.contracts.ticket_events import State
from shared.db.idempotency import Answer, once, request_hash
from shared.errors import Forbidden, NotFound, StoreUnavailable
from shared.http import Caller, problems
from shared.identity import Identity
from shared.ids import derived_id, new_id
from shared.service import Runtime
from shared.text import clean

TEXT_MAX = 50_000
IN_THE_LOG_WITHIN_S = 2.0
"""An answer is acknowledged when the log has it too, so that no restore of this database loses it; while the log is
away the database alone has to do."""
Text = Annotated[str, StringConstraints(min_length=1, max_length=TEXT_MAX, pattern=r"\S")]
SeenUpTo = Annotated[
    int | None,
    Field(
        ge=0, le=2**31 - 1, description="The ticket's version the writer has read; 409 where something was said since"
    ),
]
Key = Annotated[str | None, Header(max_length=255)]
Write = Callable[[asyncpg.Connection, Context, Ticket, UUID], Awaitable[Ticket]]
"""Writes a message of this id on the ticket; gives the ticket after it."""


class NewAnswer(BaseModel):
    """What the customer is told."""

    model_config = ConfigDict(extra="forbid")

    text: Text
    state: State | None = Field(None, description="What the ticket becomes; pending where nothing is said")
    seen_up_to: SeenUpTo = None
    anyway: bool = Field(False, description="Send it although something newer was said")


class NewNote(BaseModel):
    """What only the desk sees."""

    model_config = ConfigDict(extra="forbid")

    text: Text
    seen_up_to: SeenUpTo = None
    anyway: bool = Field(False, description="Keep it although something newer was said")


class Written(BaseModel):
    """A message that was written, and its ticket after it."""

    message: UUID
    ticket: TicketView


def add_answers(app: FastAPI, runtime: Runtime) -> None:
    """The routes."""

    @app.post("/v1/tickets/{id}/answers", responses=problems(404, 409), status_code=201, response_model=Written)
    async def write_answer(
        id: UUID, wanted: NewAnswer, who: Caller, request: Request, idempotency_key: Key = None
    ) -> Response:
        """Answer the customer on the channel of his last message; how far it comes stands on the timeline.

        Who has no agent (an integrator's key) answers automatically: that stops no clock.
        """

        async def write(tx: asyncpg.Connection, ctx: Context, ticket: Ticket, message: UUID) -> Ticket:
            await answers.require_seen(tx, ticket, None if wanted.anyway else wanted.seen_up_to, who.agent)
            said = answering.answer(ticket, wanted.state, ctx.now)
            await answers.send(tx, ctx, ticket, said, id_=message, text=clean(wanted.text), by=who.agent)
            return said.ticket

        losses = runtime.relay.losses
        answered = await _once(runtime, who, request, id, wanted, idempotency_key, write)
        with contextlib.suppress(*(() if idempotency_key else (StoreUnavailable,))):  # without a key it would go twice
            await runtime.relay.caught_up(IN_THE_LOG_WITHIN_S, losses=losses)
        return answered

    @app.post("/v1/tickets/{id}/notes", responses=problems(404, 409), status_code=201, response_model=Written)
    async def write_note(
        id: UUID, wanted: NewNote, who: Caller, request: Request, idempotency_key: Key = None
    ) -> Response:
        """Note something that only the desk sees."""
        if who.agent is None:
            raise Forbidden("a note has an author; use a key or a session of an agent", reason="no_agent")
        author = who.agent

        async def write(tx: asyncpg.Connection, ctx: Context, ticket: Ticket, message: UUID) -> Ticket:
            await answers.require_seen(tx, ticket, None if wanted.anyway else wanted.seen_up_to, who.agent)
            said = answering.note(ticket)
            await answers.keep_note(tx, ctx, ticket, said, id_=message, text=clean(wanted.text), by=author)
            return said.ticket

        return await _once(runtime, who, request, id, wanted, idempotency_key, write)


async def _once(
    runtime: Runtime, who: Identity, request: Request, id_: UUID, wanted: BaseModel, key: str | None, write: Write
) -> Response:
    digest = request_hash(request.method, request.url.path, wanted.model_dump_json().encode())
    principal = f"{who.workspace}/{who.principal}"

    async def run() -> Answer:
        ticket = await reads.one(tx, who, id_, lock=True)
        if ticket is None:
            raise NotFound(f"there is no ticket {id_}")
        message = _message_id(ticket, principal, key, digest)
        after = await write(tx, ctx, ticket, message)
        return Answer(201, Written(message=message, ticket=TicketView.of(after)).model_dump_json().encode())

    async with runtime.work() as (tx, ctx):
        answer = await once(tx, principal=principal, key=key, request_hash=digest, run=run)
    etag = f'"{Written.model_validate_json(answer.body).ticket.version}"'
    return Response(answer.body, answer.status, headers={"etag": etag}, media_type="application/json")


def _message_id(ticket: Ticket, principal: str, key: str | None, digest: bytes) -> UUID:
    """The same command makes the same message, also where a restored database has forgotten the first."""
    return new_id() if key is None else derived_id(ticket.id, "said", f"{principal}\x1f{key}\x1f{digest.hex()}")

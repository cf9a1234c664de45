"""One-time codes over the API, and an agent's word where there is none."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import asyncpg
from fastapi import Depends, FastAPI, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.tickets import overriding, unlinking, verifying
from services.tickets.acting import Actor
from services.tickets.api_once import Key, command, respond
from services.tickets.domain.codes import TRIES
from services.tickets.verifying import Tried, Wanted
from services.tickets.views_people import PersonChanged
from services.tickets.visible import require_person
from shared.bus import Context
from shared.contracts.fields import Slug, Token
from shared.errors import Forbidden, Invalid
from shared.http import problems, require
from shared.identity import Identity
from shared.service import Runtime
from shared.text import clean

Code = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[0-9]{6}$")]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=1000)]
Staff = Annotated[Identity, Depends(require("admin", "lead", "agent"))]


class Contact(BaseModel):
    """An identity: a way to reach somebody."""

    model_config = ConfigDict(extra="forbid")

    kind: Token
    scope: Annotated[str, Field(max_length=200)] = ""
    value: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=320)]

    def parts(self) -> tuple[str, str, str]:
        """Kind, scope, value."""
        return self.kind, self.scope, self.value


class NewVerification(BaseModel):
    """Where a code is to be sent."""

    model_config = ConfigDict(extra="forbid")

    identity: Contact
    ticket: UUID | None = Field(None, description="Whose conversation the code is for; his newest where none is named")
    account: Slug | None = Field(None, description="What it goes out over, where nothing was heard from there yet")


class VerificationView(BaseModel):
    """A code that was sent; it stands in no answer, event or log."""

    id: UUID
    person: UUID
    ticket: UUID
    expires_at: datetime
    tries_left: int


class GivenCode(BaseModel):
    """What the customer says that he read."""

    model_config = ConfigDict(extra="forbid")

    code: Code


class VerificationOutcome(BaseModel):
    """What the code proved: `verified`, or that he also is somebody else we know (`suggested`)."""

    outcome: Literal["verified", "suggested", "wrong"]
    tries_left: int
    suggestion: UUID | None

    @staticmethod
    def of(tried: Tried) -> "VerificationOutcome":
        """As the API shows it."""
        return VerificationOutcome(
            outcome="wrong" if tried.outcome in (None, "spent") else tried.outcome,
            tries_left=tried.tries_left,
            suggestion=tried.suggestion,
        )


class Override(BaseModel):
    """Why an agent is sure who writes."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason


class Overridden(BaseModel):
    """The ticket after it."""

    ticket: UUID
    version: int


def add_verifications(app: FastAPI, runtime: Runtime) -> None:
    """The routes."""
    _add_codes(app, runtime)

    @app.post("/v1/persons/{id}/unlink", responses=problems(404, 409), response_model=PersonChanged)
    async def unlink_identity(
        id: UUID, wanted: Contact, who: Staff, request: Request, idempotency_key: Key = None
    ) -> Response:
        """The identity is somebody else's: it goes to a new person, with the tickets that came in over it."""

        async def do(tx: asyncpg.Connection, ctx: Context, actor: Actor) -> PersonChanged:
            await require_person(tx, who, id)
            new, version = await unlinking.unlink(tx, ctx, actor, who.workspace, id, wanted.parts())
            return PersonChanged(person=new, version=version)

        return respond(await command(runtime, who, request, wanted, idempotency_key, do), "version")

    @app.post("/v1/tickets/{id}/verified-override", responses=problems(404, 409), response_model=Overridden)
    async def override(
        id: UUID, wanted: Override, who: Staff, request: Request, idempotency_key: Key = None
    ) -> Response:
        """Treat the customer as verified on one's own word; it is recorded, with the reason."""
        if who.agent is None:
            raise Forbidden("an override has an agent; use a key or a session of one", reason="no_agent")

        async def do(tx: asyncpg.Connection, ctx: Context, actor: Actor) -> Overridden:
            after = await overriding.override(tx, ctx, actor, (who.workspace, id), clean(wanted.reason))
            return Overridden(ticket=after.id, version=after.version)

        return respond(await command(runtime, who, request, wanted, idempotency_key, do))


def _add_codes(app: FastAPI, runtime: Runtime) -> None:
    @app.post("/v1/persons/{id}/verifications", responses=problems(404, 409, 429), response_model=VerificationView)
    async def send_code(
        id: UUID, wanted: NewVerification, who: Staff, request: Request, idempotency_key: Key = None
    ) -> Response:
        """Send a code of six digits to a contact; whoever reads it there can give it back for ten minutes."""

        async def do(tx: asyncpg.Connection, ctx: Context, actor: Actor) -> VerificationView:
            await require_person(tx, who, id)
            asked = Wanted(who.workspace, id, wanted.identity.parts(), wanted.ticket, wanted.account)
            sent, ticket = await verifying.send(tx, ctx, actor, asked)
            return VerificationView(
                id=sent.id, person=id, ticket=ticket.id, expires_at=sent.expires_at, tries_left=TRIES
            )

        return respond(await command(runtime, who, request, wanted, idempotency_key, do))

    @app.post(
        "/v1/persons/{id}/verifications/{verification}",
        responses=problems(404, 409),
        response_model=VerificationOutcome,
    )
    async def give_code(
        id: UUID, verification: UUID, wanted: GivenCode, who: Staff, request: Request, idempotency_key: Key = None
    ) -> Response:
        """Take the code that the customer says; a wrong one is refused (422) and counted, five end it."""

        async def do(tx: asyncpg.Connection, ctx: Context, actor: Actor) -> VerificationOutcome:
            await require_person(tx, who, id)
            tried = await verifying.give(tx, ctx, actor, (who.workspace, id, verification), wanted.code)
            return VerificationOutcome.of(tried)

        answer = await command(runtime, who, request, wanted, idempotency_key, do)
        done = VerificationOutcome.model_validate_json(answer.body)
        if done.outcome == "wrong":  # refused after the commit, so that the try counts
            raise Invalid(f"this is not the code; {done.tries_left} tries are left", reason="wrong_code")
        return respond(answer)

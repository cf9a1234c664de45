"""Answers and notes over the API: appends, once per Idempotency-Key, never over what the writer has not seen."""

import contextlib
from typing import Annotated, Any
from uuid import UUID

from fastapi import FastAPI, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from services.tickets.answers import Command
from services.tickets.api_once import Key, respond
from services.tickets.writing import Request as Asked
from services.tickets.writing import Writing, Written
from shared.contracts.inbound_messages import Copied
from shared.contracts.outbound_commands import Template
from shared.contracts.ticket_events import State
from shared.db.idempotency import Keyed, check_key, request_hash
from shared.errors import Forbidden, StoreUnavailable
from shared.http import Caller, problems
from shared.identity import Identity
from shared.ids import derived_id, new_id
from shared.service import Runtime
from shared.text import clean, email_address

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


class ApprovedTemplate(Template):
    """A wording that the provider approved, with what fills its gaps."""

    model_config = ConfigDict(extra="forbid")


def _mail_address(given: str) -> str:
    address = email_address(given)
    if address is None:
        raise ValueError("not an e-mail address")
    return address


MailAddress = Annotated[str, StringConstraints(min_length=3, max_length=320), AfterValidator(_mail_address)]


class NewAnswer(BaseModel):
    """What the customer is told."""

    model_config = ConfigDict(extra="forbid")

    text: Text
    template: ApprovedTemplate | None = Field(
        None, description="Goes instead of the text where the reply window has closed; one the provider approved"
    )
    state: State | None = Field(None, description="What the ticket becomes; pending where nothing is said")
    seen_up_to: SeenUpTo = None
    anyway: bool = Field(False, description="Send it although something newer was said")
    files: Annotated[tuple[UUID, ...], Field(max_length=10)] = Field((), description="Ids of files brought for it")
    cc: Annotated[tuple[MailAddress, ...], Field(max_length=20)] = Field(
        (), description="Who gets a copy and is seen by all, where the channel carries copies"
    )


class NewNote(BaseModel):
    """What only the desk sees."""

    model_config = ConfigDict(extra="forbid")

    text: Text
    seen_up_to: SeenUpTo = None
    anyway: bool = Field(False, description="Keep it although something newer was said")


def add_answers(app: FastAPI, runtime: Runtime) -> None:
    """The routes."""
    writing = Writing(runtime)

    @app.post("/v1/tickets/{id}/answers", responses=problems(404, 409), status_code=201, response_model=Written)
    async def write_answer(
        id: UUID, wanted: NewAnswer, who: Caller, request: Request, idempotency_key: Key = None
    ) -> Response:
        """Answer the customer on the channel of his last message; how far it comes stands on the timeline.

        Where the channel's reply window has closed only a template goes (422 `window_closed`).
        Who has no agent (an integrator's key) answers automatically: that stops no clock.
        """
        losses = runtime.relay.losses
        cc = tuple(Copied(kind="email", value=address) for address in dict.fromkeys(wanted.cc))
        more = {"cc": cc, "state": wanted.state, "files": wanted.files, "template": wanted.template}
        asked = _asked(who, request, id, wanted, idempotency_key, **more)
        answered = respond(await writing.run(asked), "ticket", "version")
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
        asked = _asked(who, request, id, wanted, idempotency_key, note=True)
        return respond(await writing.run(asked), "ticket", "version")


def _asked(
    who: Identity, request: Request, ticket: UUID, wanted: NewAnswer | NewNote, key: str | None, **more: Any
) -> Asked:
    """The command; the same one makes the same message, also where a restored database has forgotten the first."""
    digest = request_hash(request.method, request.url.path, wanted.model_dump_json(exclude_defaults=True).encode())
    principal = f"{who.workspace}/{who.principal}"
    keyed = None
    if key is not None:
        check_key(key)
        keyed = Keyed(principal, key, digest)
    message = derived_id(ticket, "said", f"{principal}\x1f{key}\x1f{digest.hex()}") if keyed else new_id()
    seen_up_to = None if wanted.anyway else wanted.seen_up_to
    return Asked(Command(who, ticket, message, clean(wanted.text), seen_up_to=seen_up_to, **more), keyed)

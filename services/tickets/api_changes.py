"""Changes of a ticket over the API: refused only over what somebody else changed meanwhile."""

from typing import Annotated
from uuid import UUID

import asyncpg
from fastapi import FastAPI, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from services.tickets import counting
from services.tickets.acting import Act, Actor, act, result
from services.tickets.api_once import Do, IfMatch, Key, command, respond, seen_version
from services.tickets.domain.editing import TAGS_MAX, UNSET, Edit
from services.tickets.views import TicketView
from shared.bus import Context
from shared.contracts.fields import LanguageTag, Token
from shared.contracts.ticket_events import Priority, State
from shared.http import Caller, problems
from shared.identity import Identity
from shared.service import Runtime

Tags = Annotated[tuple[Token, ...], Field(max_length=TAGS_MAX)]
Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=r"^[^\x00-\x1f]+$")
]


class NewState(BaseModel):
    """What the ticket should become, and why in a word."""

    model_config = ConfigDict(extra="forbid")

    state: State
    no_reply_needed: bool = Field(
        False, description="Nothing waits for an answer: the reply clocks are void, and in no ratio"
    )
    reason: Token = "agent"

    def edit(self) -> Edit:
        """The edit it asks for."""
        return Edit(state=self.state, clock="void" if self.no_reply_needed else UNSET)


class TicketChange(BaseModel):
    """What should be otherwise; what is not named stays, and null empties a field that may be empty."""

    model_config = ConfigDict(extra="forbid")

    state: State = Field("open", description="Moves along the life cycle")
    priority: Priority = "normal"
    intent: Token | None = None
    language: LanguageTag | None = Field(None, description="What the customer is answered in")
    subject: Line | None = None
    order: Line | None = Field(None, description="The order it is about")
    snoozed_until: AwareDatetime | None = Field(None, description="Nobody need look at it until then; pauses no clock")
    spam: bool = Field(False, description="Spam is solved and in no figure; false takes the mark away and reopens")
    no_reply_needed: bool = Field(
        False, description="True: nothing waits for an answer, so the reply clocks are void; false: they run again"
    )
    add_tags: Tags = ()
    remove_tags: Tags = ()
    reason: Token = Field("agent", description="Why, in a word of yours")

    def edit(self) -> Edit:
        """The edit it asks for."""
        named = {name: getattr(self, name) for name in self.model_fields_set - {"reason"}}
        if "no_reply_needed" in named:
            named["clock"] = "void" if named.pop("no_reply_needed") else "runs"
        if "order" in named:
            named["order_name"] = named.pop("order")
        return Edit(**named)


def add_changes(app: FastAPI, runtime: Runtime) -> None:
    """The routes."""

    @app.post("/v1/tickets/{id}/state", responses=problems(404, 409, 412), response_model=TicketView)
    async def set_state(
        id: UUID, wanted: NewState, who: Caller, request: Request, if_match: IfMatch = None, idempotency_key: Key = None
    ) -> Response:
        """Move the ticket to another state; what the life cycle does not allow is refused with 409.

        With `If-Match` the change is refused (412) where the state was changed since that version.
        """
        asked = _act(who, id, wanted.edit(), wanted.reason, if_match)
        return respond(await command(runtime, who, request, wanted, idempotency_key, _acts(asked)), "version")

    @app.post("/v1/tickets/{id}/messages/{message}/counts", responses=problems(404, 409), response_model=TicketView)
    async def let_count(
        id: UUID, message: UUID, who: Caller, request: Request, idempotency_key: Key = None
    ) -> Response:
        """Overrule that a message asks for nothing (an automatic one, or mere thanks).

        It opens, reopens or wakes the ticket and starts its clocks as if it had spoken when it was accepted.
        """

        async def do(tx: asyncpg.Connection, ctx: Context, actor: Actor) -> TicketView:
            return TicketView.of(await counting.let_count(tx, ctx, actor, (who.workspace, id), message))

        return respond(await command(runtime, who, request, None, idempotency_key, do), "version")

    @app.patch("/v1/tickets/{id}", responses=problems(404, 409, 412), response_model=TicketView)
    async def change_ticket(
        id: UUID,
        wanted: TicketChange,
        who: Caller,
        request: Request,
        if_match: IfMatch = None,
        idempotency_key: Key = None,
    ) -> Response:
        """Change fields of the ticket, and its state after them.

        With `If-Match` the change is refused (412) where one of its fields was changed since that version; a tag that
        somebody set meanwhile, or a message that came, is in nobody's way.
        """
        asked = _act(who, id, wanted.edit(), wanted.reason, if_match)
        return respond(await command(runtime, who, request, wanted, idempotency_key, _acts(asked)), "version")


def _act(who: Identity, ticket: UUID, wanted: Edit, reason: str, if_match: str | None) -> Act:
    return Act(Actor.of(who), who.workspace, ticket, wanted, reason, seen=seen_version(if_match))


def _acts(asked: Act) -> Do:
    async def do(tx: asyncpg.Connection, ctx: Context, _: Actor) -> TicketView:
        (after,) = await act(tx, ctx, [asked])
        return TicketView.of(result(after))

    return do

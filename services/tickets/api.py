"""The API of the tickets' owner: lists, one ticket, its timeline, its state, its person."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import asyncpg
from fastapi import FastAPI, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict

from services.tickets import facts
from services.tickets.api_answers import add_answers
from services.tickets.api_erasure import add_erasure
from services.tickets.api_files import UPLOADS, add_files
from services.tickets.domain.ticket import Ticket, change_state
from services.tickets.repo import changes, heard, lists, messages, reads, tickets
from services.tickets.repo.messages import Happening
from services.tickets.timeline import entry
from services.tickets.views import (
    IdentityView,
    PersonView,
    TicketPage,
    TicketView,
    Timeline,
    cursor,
    line_place,
    ticket_place,
)
from services.tickets.windows import WINDOWED, closes_at, options_of
from shared.channels import CHANNELS
from shared.contracts.fields import Slug, Token
from shared.contracts.ticket_events import State
from shared.db.idempotency import Answer, once, request_hash
from shared.db.pool import connection
from shared.errors import NotFound, PreconditionFailed
from shared.http import Caller, create_app, problems
from shared.identity import Identity
from shared.service import Runtime

Limit = Annotated[int, Query(ge=1, le=200, description="Most items of a page")]


class NewState(BaseModel):
    """What the ticket should become, and why in a word."""

    model_config = ConfigDict(extra="forbid")

    state: State
    reason: Token = "agent"


def create_api(runtime: Runtime) -> FastAPI:
    """The routes."""
    app = create_app(
        runtime, "Switchboard tickets", description="The owner of tickets, messages and people.", files=UPLOADS
    )
    _add_reads(app, runtime)
    _add_state(app, runtime)
    add_answers(app, runtime)
    add_files(app, runtime)
    add_erasure(app, runtime)
    _add_persons(app, runtime)
    return app


def _add_reads(app: FastAPI, runtime: Runtime) -> None:
    @app.get("/v1/tickets", responses=problems())
    async def list_tickets(
        who: Caller,
        state: State | None = None,
        assignee: Slug | None = None,
        channel: Token | None = None,
        shop: Slug | None = None,
        person: UUID | None = None,
        after: Annotated[str | None, Query(alias="cursor", max_length=300)] = None,
        limit: Limit = 50,
    ) -> TicketPage:
        """Tickets, newest activity first."""
        wanted = lists.Wanted(ticket_place(after), state, shop, assignee, channel, person)
        async with connection(runtime.pool) as one:
            found = await lists.page(one, who, wanted, limit + 1)
        shown = found[:limit]
        next_ = cursor(shown[-1].active_at, str(shown[-1].id)) if len(found) > limit else None
        return TicketPage(items=[TicketView.of(ticket) for ticket in shown], next=next_)

    @app.get("/v1/tickets/{id}", responses=problems(404))
    async def read_ticket(id: UUID, who: Caller, response: Response) -> TicketView:
        """One ticket; its ETag is its version."""
        async with connection(runtime.pool) as one:
            ticket = _there(await reads.one(one, who, id), id)
            said = await heard.last(one, who.workspace, id) if ticket.channel in WINDOWED else None
        response.headers["etag"] = f'"{ticket.version}"'
        return TicketView.of(ticket).model_copy(update={"reply_window_closes_at": _closes_at(runtime, who, said)})

    @app.get("/v1/tickets/{id}/timeline", responses=problems(404))
    async def read_timeline(
        id: UUID,
        who: Caller,
        after: Annotated[str | None, Query(alias="cursor", max_length=300)] = None,
        limit: Limit = 100,
    ) -> Timeline:
        """Messages and what happened, in one order, oldest first."""
        at = line_place(after)
        async with connection(runtime.pool) as one:
            _there(await reads.one(one, who, id), id)
            rows = await reads.timeline(one, who.workspace, id, at, limit + 1)
            said = [UUID(row["id"]) for row in rows[:limit] if row["what"] == "message"]
            done = await changes.of_messages(one, who.workspace, said)
        next_ = cursor(rows[limit - 1]["at"], rows[limit - 1]["version"]) if len(rows) > limit else None
        return Timeline(items=[entry(row, done) for row in rows[:limit]], next=next_)


def _closes_at(runtime: Runtime, who: Identity, said: tuple[str, str, datetime] | None) -> datetime | None:
    if said is None or said[0] not in WINDOWED:
        return None
    channel, account, heard_at = said
    return closes_at(CHANNELS[channel].outgoing, options_of(runtime.settings, who.workspace, account), heard_at)


def _there(ticket: Ticket | None, id_: UUID) -> Ticket:
    if ticket is None:
        raise NotFound(f"there is no ticket {id_}")
    return ticket


def _add_state(app: FastAPI, runtime: Runtime) -> None:
    @app.post("/v1/tickets/{id}/state", responses=problems(404, 409, 412), response_model=TicketView)
    async def set_state(
        id: UUID,
        wanted: NewState,
        who: Caller,
        request: Request,
        if_match: Annotated[str | None, Header(max_length=100)] = None,
        idempotency_key: Annotated[str | None, Header(max_length=255)] = None,
    ) -> Response:
        """Move the ticket to another state; what the life cycle does not allow is refused with 409.

        With `If-Match` the change is refused (412) where the state was changed since that version.
        """
        digest = request_hash(request.method, request.url.path, wanted.model_dump_json().encode())

        async def run() -> Answer:
            ticket = _there(await reads.one(tx, who, id, lock=True), id)
            await _require_unchanged(tx, ticket, if_match)
            after = change_state(ticket, wanted.state, ctx.now)
            told = facts.changed(after, was=ticket.state, reason=wanted.reason, by=who.agent)
            ctx.begin(told, workspace=after.workspace, shop=after.shop, version=after.version, trace=after.trace)
            await tickets.update(tx, [after])
            await messages.happened(tx, [_line(ticket, after, wanted, who)])
            return Answer(200, TicketView.of(after).model_dump_json().encode())

        async with runtime.work() as (tx, ctx):
            answer = await once(
                tx,
                principal=f"{who.workspace}/{who.principal}",
                key=idempotency_key,
                request_hash=digest,
                run=run,
            )
        etag = f'"{TicketView.model_validate_json(answer.body).version}"'
        return Response(answer.body, answer.status, headers={"etag": etag}, media_type="application/json")


async def _require_unchanged(tx: asyncpg.Connection, ticket: Ticket, if_match: str | None) -> None:
    """A change is refused only if the field that it changes was changed since (definitions.md)."""
    if if_match is None or if_match.strip() == "*":
        return
    seen = if_match.strip().removeprefix("W/").strip('"')
    if not seen.isascii() or not seen.isdigit() or len(seen) > 9:
        raise PreconditionFailed(f"If-Match takes the ETag of the ticket, such as {ticket.version}")
    if await messages.state_changed_since(tx, ticket.workspace, ticket.id, int(seen)):
        raise PreconditionFailed(f"the state was changed since version {seen}; it is {ticket.state} now")


def _line(before: Ticket, after: Ticket, wanted: NewState, who: Identity) -> Happening:
    detail = {"was": before.state, "state": after.state, "reason": wanted.reason, "by": who.agent or who.role}
    return Happening(after.workspace, after.id, after.version, "state", detail, after.active_at)


def _add_persons(app: FastAPI, runtime: Runtime) -> None:
    @app.get("/v1/persons/{id}", responses=problems(404))
    async def read_person(id: UUID, who: Caller) -> PersonView:
        """A person with his identities."""
        async with connection(runtime.pool) as one:
            row = await reads.person(one, who, id)
            if row is None:
                raise NotFound(f"there is no person {id}")
            known = await reads.identities(one, who.workspace, id)
        return PersonView(**dict(row), identities=[IdentityView(**dict(identity)) for identity in known])

"""Macros over the API: shown with a ticket's data, and applied: actions are done, words go back to the composer."""

from typing import Any
from uuid import UUID

import asyncpg
from fastapi import FastAPI, Request, Response
from pydantic import BaseModel, Field

from services.tickets import answers
from services.tickets.acting import Act, Actor, act, result
from services.tickets.answers import Command
from services.tickets.api_once import IfMatch, Key, command, respond, seen_version
from services.tickets.domain.rules.doing import do
from services.tickets.domain.ticket import Ticket
from services.tickets.repo import rules as repo
from services.tickets.views import TicketView
from services.tickets.visible import require_ticket
from services.tickets.wording import MissingVariables, made, text_of, values_of, whole
from shared.bus import Context
from shared.bus.settings import SettingsReader
from shared.contracts.actions import AddNote
from shared.contracts.fields import Slug
from shared.contracts.macros import Macro
from shared.db.pool import connection
from shared.errors import NotFound
from shared.http import Caller, problems
from shared.identity import Identity
from shared.ids import new_id
from shared.service import Runtime
from shared.templates import Values

REASON = "macro"


class RefusedAction(BaseModel):
    """An action that this ticket does not allow now."""

    do: str
    reason: str


class Preview(BaseModel):
    """What the macro would say and do on this ticket."""

    language: str | None = Field(description="Of the text; none where the macro only does something")
    text: str = Field(description="Missing variables stand in it as ⟦order.name⟧")
    missing: list[str] = Field(description="Variables without a value on this ticket; applying is refused")
    changes: dict[str, dict[str, Any]] = Field(description="By field what it is and would be")
    notes: list[str]
    refused: list[RefusedAction]


class Applied(BaseModel):
    """The words for the composer, and the ticket after the actions."""

    language: str | None
    text: str
    refused: list[RefusedAction]
    ticket: TicketView


def add_macros(app: FastAPI, runtime: Runtime) -> None:
    """The routes."""

    @app.post("/v1/tickets/{id}/macros/{macro}/preview", responses=problems(404))
    async def preview_macro(id: UUID, macro: Slug, who: Caller) -> Preview:
        """The macro's words in the customer's language with this ticket's data, and what its actions would change."""
        async with connection(runtime.pool) as one:
            ticket = await require_ticket(one, who, id)
            document = _macro(runtime.settings, who, ticket, macro)
            values = await _values(one, runtime.settings, ticket, who)
        language, said = text_of(runtime.settings, document, ticket, values)
        doing = do(ticket, document.actions, runtime.clock())
        noted = [made(runtime.settings, note.text, ticket, values, None) for note in _notes(document)]
        missing = dict.fromkeys([*said.missing, *(name for note in noted for name in note.missing)])
        moved = {"state": {"was": ticket.state, "is": doing.edited.ticket.state}} if doing.edited.moved else {}
        return Preview(
            language=language,
            text=said.text,
            missing=list(missing),
            changes={name: {"was": was, "is": is_} for name, (was, is_) in doing.edited.changes.items()} | moved,
            notes=[note.text for note in noted],
            refused=[RefusedAction(do=document.actions[r.action].do, reason=r.reason) for r in doing.refused],
        )

    @app.post("/v1/tickets/{id}/macros/{macro}/apply", responses=problems(404, 409, 412), response_model=Applied)
    async def apply_macro(
        id: UUID, macro: Slug, who: Caller, request: Request, if_match: IfMatch = None, idempotency_key: Key = None
    ) -> Response:
        """Do what the macro does, and give its words back for the agent to read, change and send as his own answer.

        Refused (422) where a variable has no value on this ticket; with `If-Match` (412) where one of the fields that
        it changes was changed since that version.
        """
        seen = seen_version(if_match)

        async def do(tx: asyncpg.Connection, ctx: Context, actor: Actor) -> Applied:
            return await _apply(tx, ctx, who, actor, (id, macro, seen))

        return respond(await command(runtime, who, request, None, idempotency_key, do), "ticket", "version")


async def _apply(
    tx: asyncpg.Connection, ctx: Context, who: Identity, actor: Actor, place: tuple[UUID, str, int | None]
) -> Applied:
    """Of (ticket, macro, version that was read)."""
    id_, macro, seen = place
    ticket = await require_ticket(tx, who, id_, lock=True)
    document = _macro(ctx.settings, who, ticket, macro)
    values = await _values(tx, ctx.settings, ticket, who)
    language, said = text_of(ctx.settings, document, ticket, values)
    text = whole(said) if document.texts else ""
    notes = [made(ctx.settings, note.text, ticket, values, None) for note in _notes(document)]
    if missing := tuple(dict.fromkeys(name for note in notes for name in note.missing)):
        raise MissingVariables(missing)
    doing = do(ticket, document.actions, ctx.now)
    asked = Act(actor, who.workspace, id_, doing.edit, REASON, seen=seen)
    after = result((await act(tx, ctx, [asked]))[0])
    for note in notes:
        command = Command(who, id_, new_id(), note.text, note=True)
        after = result((await answers.write(tx, ctx, [command]))[0])
    refused = [RefusedAction(do=document.actions[r.action].do, reason=r.reason) for r in doing.refused]
    return Applied(language=language, text=text, refused=refused, ticket=TicketView.of(after))


def _macro(reader: SettingsReader, who: Identity, ticket: Ticket, id_: str) -> Macro:
    document = reader.get("macro", who.workspace, id_)
    if not isinstance(document, Macro) or not document.enabled:
        raise NotFound(f"there is no macro {id_} in use")
    if document.shops and ticket.shop not in document.shops:
        raise NotFound(f"the macro {id_} is for {', '.join(document.shops)}, not for {ticket.shop or 'no shop'}")
    return document


def _notes(document: Macro) -> list[AddNote]:
    return [action for action in document.actions if isinstance(action, AddNote)]


async def _values(one: asyncpg.Connection, reader: SettingsReader, ticket: Ticket, who: Identity) -> Values:
    key = (ticket.workspace, ticket.id)
    name, email = (await repo.names(one, [key])).get(key, (None, None))
    return values_of(reader, ticket, name, email, who.agent)

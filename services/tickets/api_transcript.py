"""Transcripts: a ticket's conversation as its customer may keep it, and sent to him on request."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
from fastapi import FastAPI, Query, Request, Response
from pydantic import BaseModel

from services.tickets.answers import Command
from services.tickets.api_once import Key, respond
from services.tickets.domain.ticket import Ticket
from services.tickets.domain.transcript import Line, Setting, author, written
from services.tickets.repo import changes, transcripts
from services.tickets.timeline import standing
from services.tickets.visible import require_ticket
from services.tickets.writing import Request as Asked
from services.tickets.writing import Writing, Written
from shared.contracts.settings import Shop, Workspace
from shared.db.idempotency import Keyed, check_key, request_hash
from shared.db.pool import connection
from shared.errors import Invalid
from shared.http import Caller, problems
from shared.identity import Identity
from shared.ids import derived_id, new_id
from shared.service import Runtime

SENT_BYTES_MAX = 200 * 1024
"""One that is longer does not fit into a record together with the rest."""


class Said(BaseModel):
    """A message of a transcript."""

    at: datetime
    by: Literal["customer", "desk"]
    author: str
    text: str
    files: list[str]


class Transcript(BaseModel):
    """What the customer and the desk said, oldest first; notes and what he took back are not in it."""

    ticket: UUID
    subject: str | None
    language: str | None
    zone: str
    messages: list[Said]


def add_transcripts(app: FastAPI, runtime: Runtime) -> None:
    """The routes."""
    writing = Writing(runtime)

    @app.get(
        "/v1/tickets/{id}/transcript",
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **problems(404)},
        response_model=Transcript,
    )
    async def read_transcript(
        id: UUID,
        who: Caller,
        form: Annotated[Literal["json", "text"], Query(alias="format", description="JSON, or plain text")] = "json",
    ) -> Any:
        """The conversation as the customer may keep it: in his language, on the shop's clock."""
        async with connection(runtime.pool) as one:
            ticket, lines, setting = await _read(runtime, one, who, id)
        if form == "text":
            return Response(written(lines, setting), media_type="text/plain; charset=utf-8")
        said = [
            Said(
                at=line.at.astimezone(setting.zone),
                by="desk" if line.by_desk else "customer",
                author=author(line, setting),
                text=line.text,
                files=list(line.files),
            )
            for line in lines
        ]
        zone = setting.zone.key
        return Transcript(ticket=id, subject=ticket.subject, language=setting.language, zone=zone, messages=said)

    @app.post("/v1/tickets/{id}/transcript/send", responses=problems(404, 409), status_code=201, response_model=Written)
    async def send_transcript(id: UUID, who: Caller, request: Request, idempotency_key: Key = None) -> Response:
        """Send it to the customer as an automatic answer, which stops no clock."""
        async with connection(runtime.pool) as one:
            _, lines, setting = await _read(runtime, one, who, id)
        text = written(lines, setting)
        if len(text.encode()) > SENT_BYTES_MAX:
            raise Invalid("the conversation is too long to be sent in one message", reason="transcript_too_long")
        return respond(await writing.run(_asked(who, request, id, text, idempotency_key)))


async def _read(
    runtime: Runtime, one: asyncpg.Connection, who: Identity, id_: UUID
) -> tuple[Ticket, list[Line], Setting]:
    ticket = await require_ticket(one, who, id_)
    rows = await transcripts.public(one, who.workspace, id_)
    done = await changes.of_messages(one, who.workspace, [UUID(row["id"]) for row in rows])
    language = await transcripts.language(one, who.workspace, ticket.person)
    shown = [(row, standing(row, done)) for row in rows]
    lines = [
        Line(
            row["at"],
            row["author"] != "customer",
            row["name"] if row["person"] != ticket.person else None,
            now.text or "",
            tuple(file.get("name") or file.get("media_type") or "" for file in now.attachments),
        )
        for row, now in shown
        if now.withdrawn_at is None
    ]
    return ticket, lines, _setting(runtime, ticket, language)


def _setting(runtime: Runtime, ticket: Ticket, language: str | None) -> Setting:
    shop = runtime.settings.get("shop", ticket.workspace, ticket.shop or "")
    workspace = runtime.settings.get("workspace", ticket.workspace, ticket.workspace)
    place = shop if isinstance(shop, Shop) else workspace if isinstance(workspace, Workspace) else None
    name, zone = (place.name, place.zone) if place is not None else (ticket.shop or ticket.workspace, "UTC")
    return Setting(name, ticket.subject, ticket.language or language, ZoneInfo(zone))


def _asked(who: Identity, request: Request, ticket: UUID, text: str, key: str | None) -> Asked:
    """The command; the same key makes the same message, whatever was said since."""
    principal, keyed, message = f"{who.workspace}/{who.principal}", None, new_id()
    if key is not None:
        check_key(key)
        keyed = Keyed(principal, key, request_hash(request.method, request.url.path, b""))
        message = derived_id(ticket, "transcript", f"{principal}\x1f{key}")
    return Asked(Command(who, ticket, message, text, automatic="transcript"), keyed)

"""The API of the tickets' owner: lists, one ticket, its timeline, its state, its person."""

from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from fastapi import FastAPI, Response

from services.tickets.api_answers import add_answers
from services.tickets.api_audit import add_audit
from services.tickets.api_changes import add_changes
from services.tickets.api_context import add_context
from services.tickets.api_erasure import add_erasure
from services.tickets.api_files import UPLOADS, add_files
from services.tickets.api_macros import add_macros
from services.tickets.api_mentions import add_mentions
from services.tickets.api_merging import add_merging
from services.tickets.api_organisations import add_organisations
from services.tickets.api_participants import add_participants
from services.tickets.api_people import add_people
from services.tickets.api_rules import add_rules
from services.tickets.api_sla import add_sla, clocks_of
from services.tickets.api_transcript import add_transcripts
from services.tickets.api_verifications import add_verifications
from services.tickets.pages import Cursor, Limit, cursor, line_place, ticket_place
from services.tickets.repo import changes, heard, lists, overrides, reads, verifications
from services.tickets.timeline import entry
from services.tickets.views import OverrideView, TicketPage, TicketView, Timeline
from services.tickets.visible import require_ticket
from services.tickets.windows import WINDOWED, closes_at, options_of
from shared.channels import CHANNELS
from shared.contracts.fields import Slug, Token
from shared.contracts.ticket_events import State
from shared.db.pool import connection
from shared.http import Caller, create_app, problems
from shared.identity import Identity
from shared.service import Runtime


def create_api(runtime: Runtime) -> FastAPI:
    """The routes."""
    app = create_app(
        runtime, "Switchboard tickets", description="The owner of tickets, messages and people.", files=UPLOADS
    )
    _add_list(app, runtime)
    _add_reads(app, runtime)
    add_changes(app, runtime)
    add_answers(app, runtime)
    add_files(app, runtime)
    add_audit(app, runtime)
    add_macros(app, runtime)
    add_rules(app, runtime)
    add_erasure(app, runtime)
    add_sla(app, runtime)
    add_mentions(app, runtime)
    add_participants(app, runtime)
    add_transcripts(app, runtime)
    add_people(app, runtime)
    add_context(app, runtime)
    add_organisations(app, runtime)
    add_verifications(app, runtime)
    add_merging(app, runtime)
    return app


def _add_list(app: FastAPI, runtime: Runtime) -> None:
    @app.get("/v1/tickets", responses=problems())
    async def list_tickets(
        who: Caller,
        state: State | None = None,
        assignee: Slug | None = None,
        channel: Token | None = None,
        shop: Slug | None = None,
        person: UUID | None = None,
        after: Cursor = None,
        limit: Limit = 50,
    ) -> TicketPage:
        """Tickets, newest activity first."""
        wanted = lists.Wanted(ticket_place(after), state, shop, assignee, channel, person)
        async with connection(runtime.pool) as one:
            found = await lists.page(one, who, wanted, limit + 1)
        shown = found[:limit]
        next_ = cursor(shown[-1].active_at, str(shown[-1].id)) if len(found) > limit else None
        return TicketPage(items=[TicketView.of(ticket) for ticket in shown], next=next_)


def _add_reads(app: FastAPI, runtime: Runtime) -> None:
    @app.get("/v1/tickets/{id}", responses=problems(404))
    async def read_ticket(id: UUID, who: Caller, response: Response) -> TicketView:
        """One ticket; its ETag is its version."""
        async with connection(runtime.pool) as one:
            ticket = await require_ticket(one, who, id)
            said = await heard.last(one, who.workspace, id) if ticket.channel in WINDOWED else None
            proven = await verifications.is_proven(one, who.workspace, id)
            word = await overrides.one(one, (who.workspace, id))
            clocks = await clocks_of(one, ticket)
        response.headers["etag"] = f'"{ticket.version}"'
        known = {"verified": proven, "verified_override": OverrideView(**asdict(word)) if word else None}
        more = {"reply_window_closes_at": _closes_at(runtime, who, said), "sla": clocks}
        return TicketView.of(ticket).model_copy(update=more | known)

    @app.get("/v1/tickets/{id}/timeline", responses=problems(404))
    async def read_timeline(
        id: UUID,
        who: Caller,
        after: Cursor = None,
        limit: Limit = 100,
    ) -> Timeline:
        """Messages and what happened, in one order, oldest first."""
        at = line_place(after)
        async with connection(runtime.pool) as one:
            await require_ticket(one, who, id)
            rows = await reads.timeline(one, who.workspace, id, at, limit + 1)
            said = [UUID(row["id"]) for row in rows[:limit] if row["what"] == "message"]
            done = await changes.of_messages(one, who.workspace, said)
        last = rows[limit - 1] if len(rows) > limit else None
        next_ = cursor(last["at"], (last["version"], str(last["ticket"]))) if last is not None else None
        return Timeline(items=[entry(row, done) for row in rows[:limit]], next=next_)


def _closes_at(runtime: Runtime, who: Identity, said: tuple[str, str, datetime] | None) -> datetime | None:
    if said is None or said[0] not in WINDOWED:
        return None
    channel, account, heard_at = said
    return closes_at(CHANNELS[channel].outgoing, options_of(runtime.settings, who.workspace, account), heard_at)

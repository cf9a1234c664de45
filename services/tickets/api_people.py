"""People over the API: who somebody is, what is known of him, and whether two are one."""

from typing import Annotated
from uuid import UUID

import asyncpg
from fastapi import FastAPI, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.tickets import profiles, uniting
from services.tickets.acting import Actor
from services.tickets.api_once import IfMatch, Key, command, respond, seen_version
from services.tickets.domain.people import UNDO_FOR
from services.tickets.pages import Cursor, Limit, cursor, ticket_place
from services.tickets.profiles import Wanted
from services.tickets.repo import persons, suggestions
from services.tickets.repo.suggestions import Suggestion
from services.tickets.views_people import (
    IdentityView,
    MergedView,
    PersonChanged,
    PersonView,
    SuggestionPage,
    SuggestionView,
)
from services.tickets.visible import require_person
from shared.bus import Context
from shared.contracts.fields import LanguageTag, Token
from shared.contracts.settings import Zone
from shared.db.pool import connection
from shared.errors import NotFound
from shared.http import Caller, problems
from shared.identity import Identity
from shared.service import Runtime
from shared.text import clean

Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")
]
Notes = Annotated[str, StringConstraints(min_length=1, max_length=10_000)]
Tags = Annotated[tuple[Token, ...], Field(max_length=50)]


class ProfileChange(BaseModel):
    """What should be otherwise of a person or an organisation; what is not named stays."""

    model_config = ConfigDict(extra="forbid")

    notes: Notes | None = None
    add_tags: Tags = ()
    remove_tags: Tags = ()

    def wanted(self, seen: int | None) -> Wanted:
        """The change it asks for."""
        named = {name: getattr(self, name) for name in self.model_fields_set - {"add_tags", "remove_tags"}}
        if named.get("notes"):
            named["notes"] = clean(named["notes"])
        return Wanted(named, self.add_tags, self.remove_tags, seen)


class PersonChange(ProfileChange):
    """What should be otherwise; what is not named stays, and null empties a field."""

    name: Line | None = None
    language: LanguageTag | None = Field(None, description="What he chose; none: what his texts are in")
    zone: Zone | None = None
    preference: Token | None = Field(None, description="The channel he wants proactive messages on")
    organisation: UUID | None = None


class MergeInto(BaseModel):
    """Who he lives on in."""

    model_config = ConfigDict(extra="forbid")

    into: UUID


class Acceptance(BaseModel):
    """Who of the two lives on; the first where nobody is named."""

    model_config = ConfigDict(extra="forbid")

    into: UUID | None = None


def add_people(app: FastAPI, runtime: Runtime) -> None:
    """The routes."""
    _add_person(app, runtime)
    _add_merging(app, runtime)
    _add_suggestions(app, runtime)


def _add_person(app: FastAPI, runtime: Runtime) -> None:
    @app.get("/v1/persons/{id}", responses=problems(404))
    async def read_person(id: UUID, who: Caller, response: Response) -> PersonView:
        """A person with his identities, and those who were merged into him."""
        async with connection(runtime.pool) as one:
            await require_person(one, who, id)
            shown = await person_view(one, who.workspace, id)
        response.headers["etag"] = f'"{shown.version}"'
        return shown

    @app.patch("/v1/persons/{id}", responses=problems(404, 409, 412), response_model=PersonChanged)
    async def change_person(
        id: UUID,
        wanted: PersonChange,
        who: Caller,
        request: Request,
        if_match: IfMatch = None,
        idempotency_key: Key = None,
    ) -> Response:
        """Change what is known of a person.

        With `If-Match` the change is refused (412) where one of its fields was changed since that version.
        """
        seen = seen_version(if_match, "person")

        async def do(tx: asyncpg.Connection, ctx: Context, actor: Actor) -> PersonChanged:
            await require_person(tx, who, id)
            version = await profiles.edit(tx, ctx, actor, who.workspace, id, wanted.wanted(seen))
            return PersonChanged(person=id, version=version)

        return respond(await command(runtime, who, request, wanted, idempotency_key, do), "version")


def _add_merging(app: FastAPI, runtime: Runtime) -> None:
    @app.post("/v1/persons/{id}/merge", responses=problems(404, 409), response_model=PersonChanged)
    async def merge_persons(
        id: UUID, wanted: MergeInto, who: Caller, request: Request, idempotency_key: Key = None
    ) -> Response:
        """This person is `into`: his identities and tickets are that one's from now on; can be undone for 30 days."""

        async def do(tx: asyncpg.Connection, ctx: Context, actor: Actor) -> PersonChanged:
            await require_person(tx, who, id)
            await require_person(tx, who, wanted.into)
            await uniting.merge(tx, ctx, actor, who.workspace, id, wanted.into)
            return await _version(tx, who, wanted.into)

        return respond(await command(runtime, who, request, wanted, idempotency_key, do), "version")

    @app.delete("/v1/persons/{id}/merge", responses=problems(404, 409), response_model=PersonChanged)
    async def undo_merge(id: UUID, who: Caller, request: Request, idempotency_key: Key = None) -> Response:
        """He is somebody of his own again, with his identities, his tickets, and what came over them since."""

        async def do(tx: asyncpg.Connection, ctx: Context, actor: Actor) -> PersonChanged:
            await require_person(tx, who, id)
            await uniting.part(tx, ctx, actor, who.workspace, id)
            return await _version(tx, who, id)

        return respond(await command(runtime, who, request, None, idempotency_key, do), "version")


def _add_suggestions(app: FastAPI, runtime: Runtime) -> None:
    @app.get("/v1/suggestions", responses=problems())
    async def list_suggestions(
        who: Caller,
        person: UUID | None = None,
        after: Cursor = None,
        limit: Limit = 50,
    ) -> SuggestionPage:
        """Persons who may be one, newest first."""
        at = ticket_place(after)
        async with connection(runtime.pool) as one:
            found = await suggestions.open_ones(one, who.workspace, at, limit + 1, shops=who.shops, person=person)
        shown = found[:limit]
        next_ = cursor(shown[-1].at, str(shown[-1].id)) if len(found) > limit else None
        items = [SuggestionView.of(s) for s in shown]
        return SuggestionPage(items=items, next=next_)

    @app.post("/v1/suggestions/{id}/accept", responses=problems(404, 409), response_model=PersonChanged)
    async def accept_suggestion(
        id: UUID, wanted: Acceptance, who: Caller, request: Request, idempotency_key: Key = None
    ) -> Response:
        """They are one: the other is merged into the first, or into whom is named."""

        async def do(tx: asyncpg.Connection, ctx: Context, actor: Actor) -> PersonChanged:
            found = await _suggestion(tx, who, id)
            into = wanted.into or found.first
            if into not in (found.first, found.second):
                raise NotFound(f"person {into} is not of suggestion {id}")
            other = found.second if into == found.first else found.first
            await uniting.merge(tx, ctx, actor, who.workspace, other, into)
            return await _version(tx, who, into)

        return respond(await command(runtime, who, request, wanted, idempotency_key, do), "version")

    @app.post("/v1/suggestions/{id}/dismiss", responses=problems(404), response_model=SuggestionView)
    async def dismiss_suggestion(id: UUID, who: Caller, request: Request, idempotency_key: Key = None) -> Response:
        """They are two."""

        async def do(tx: asyncpg.Connection, _: Context, actor: Actor) -> SuggestionView:
            found = await _suggestion(tx, who, id)
            await suggestions.dismiss(tx, who.workspace, id, actor.name)
            return SuggestionView.of(found)

        return respond(await command(runtime, who, request, None, idempotency_key, do))


async def _suggestion(tx: asyncpg.Connection, who: Identity, id_: UUID) -> Suggestion:
    found = await suggestions.one(tx, who.workspace, id_, who.shops)
    if found is None:
        raise NotFound(f"there is no open suggestion {id_}")
    return found


async def _version(tx: asyncpg.Connection, who: Identity, person: UUID) -> PersonChanged:
    profile = await persons.one(tx, who.workspace, person)
    assert profile is not None
    return PersonChanged(person=person, version=profile.version)


async def person_view(one: asyncpg.Connection, workspace: str, person: UUID) -> PersonView:
    """The person with all who were merged into him; what he lacks is shown from them."""
    own = await persons.one(one, workspace, person)
    assert own is not None
    others = [
        MergedView(**dict(row), undo_until=row["merged_at"] + UNDO_FOR)
        for row in await persons.merged(one, workspace, person)
    ]
    known = await persons.identities(one, workspace, person)
    return PersonView(
        id=own.id,
        version=own.version,
        name=own.name or next((other.name for other in others if other.name), None),
        language=own.language or own.spoken or next((other.language for other in others if other.language), None),
        zone=own.zone,
        preference=own.preference,
        tags=sorted({*own.tags, *(tag for other in others for tag in other.tags)}),
        notes=own.notes,
        organisation=own.organisation,
        created_at=own.created_at,
        merged_into=own.merged_into,
        merged=others,
        identities=[
            IdentityView(**{n: v for n, v in row.items() if n != "person"}, own=row["person"]) for row in known
        ],
    )

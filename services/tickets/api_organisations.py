"""Organisations over the API."""

from datetime import UTC, datetime
from typing import Annotated, Self
from uuid import UUID

import asyncpg
from fastapi import FastAPI, Query, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from services.tickets import organising
from services.tickets.acting import Actor
from services.tickets.api_once import IfMatch, Key, command, respond, seen_version
from services.tickets.api_people import Line, Notes, ProfileChange, Tags
from services.tickets.pages import NOBODY, Limit, cursor, name_place
from services.tickets.repo import organisations
from services.tickets.repo.organisations import Organisation
from shared.bus import Context
from shared.contracts.fields import Token
from shared.db.pool import connection
from shared.errors import NotFound
from shared.http import Caller, problems
from shared.ids import new_id
from shared.service import Runtime
from shared.text import clean

Domain = Annotated[
    str, Field(max_length=253, pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$")
]
Domains = Annotated[tuple[Domain, ...], Field(max_length=100), AfterValidator(lambda given: tuple(sorted(set(given))))]
Cursor = Annotated[str | None, Query(alias="cursor", max_length=1000)]
"""Longer than others: an organisation's name stands in it."""


class NewOrganisation(BaseModel):
    """An organisation to be."""

    model_config = ConfigDict(extra="forbid")

    name: Line
    domains: Domains = Field((), description="Whoever proves a mail address of these belongs to it")
    tags: Tags = ()
    notes: Notes | None = None


class OrganisationChange(ProfileChange):
    """What should be otherwise; what is not named stays."""

    name: Line = ""
    domains: Domains = ()


class OrganisationView(BaseModel):
    """Several persons of one account; its ETag is `version`."""

    id: UUID
    version: int
    name: str
    domains: list[str]
    tags: list[Token]
    notes: str | None
    created_at: datetime

    @classmethod
    def of(cls, known: Organisation) -> Self:
        """As the API shows it."""
        return cls(**{name: getattr(known, name) for name in cls.model_fields})


class OrganisationPage(BaseModel):
    """By name; `next` is the cursor of the next page, null at the end."""

    items: list[OrganisationView]
    next: str | None


class MemberView(BaseModel):
    """Somebody who belongs to it."""

    id: UUID
    name: str | None


class MemberPage(BaseModel):
    """`next` is the cursor of the next page, null at the end."""

    items: list[MemberView]
    next: UUID | None


class Deleted(BaseModel):
    """What is gone."""

    id: UUID


def add_organisations(app: FastAPI, runtime: Runtime) -> None:
    """The routes."""
    _add_reads(app, runtime)

    @app.post("/v1/organisations", responses=problems(409), response_model=OrganisationView, status_code=201)
    async def make_organisation(
        wanted: NewOrganisation, who: Caller, request: Request, idempotency_key: Key = None
    ) -> Response:
        """Make an organisation."""
        notes = clean(wanted.notes) if wanted.notes is not None else None
        new = Organisation(new_id(), 1, wanted.name, wanted.tags, notes, datetime.now(UTC), wanted.domains)

        async def do(tx: asyncpg.Connection, ctx: Context, actor: Actor) -> OrganisationView:
            await organising.make(tx, ctx, actor, who.workspace, new)
            made = await organisations.one(tx, who.workspace, new.id)
            assert made is not None
            return OrganisationView.of(made)

        return respond(await command(runtime, who, request, wanted, idempotency_key, do, status=201), "version")

    @app.patch("/v1/organisations/{id}", responses=problems(404, 409, 412), response_model=OrganisationView)
    async def change_organisation(
        id: UUID,
        wanted: OrganisationChange,
        who: Caller,
        request: Request,
        if_match: IfMatch = None,
        idempotency_key: Key = None,
    ) -> Response:
        """Change an organisation; with `If-Match` never over what was changed since."""
        seen = seen_version(if_match, "organisation")

        async def do(tx: asyncpg.Connection, ctx: Context, actor: Actor) -> OrganisationView:
            return OrganisationView.of(await organising.edit(tx, ctx, actor, who.workspace, id, wanted.wanted(seen)))

        return respond(await command(runtime, who, request, wanted, idempotency_key, do), "version")

    @app.delete("/v1/organisations/{id}", responses=problems(404), response_model=Deleted)
    async def delete_organisation(id: UUID, who: Caller, request: Request, idempotency_key: Key = None) -> Response:
        """Take an organisation away; its people stay, and belong nowhere."""

        async def do(tx: asyncpg.Connection, ctx: Context, actor: Actor) -> Deleted:
            await organising.delete(tx, ctx, actor, who.workspace, id)
            return Deleted(id=id)

        return respond(await command(runtime, who, request, None, idempotency_key, do))


def _add_reads(app: FastAPI, runtime: Runtime) -> None:
    @app.get("/v1/organisations", responses=problems())
    async def list_organisations(who: Caller, after: Cursor = None, limit: Limit = 50) -> OrganisationPage:
        """Organisations by name."""
        at = name_place(after)
        async with connection(runtime.pool) as one:
            found = await organisations.page(one, who.workspace, at, limit + 1)
        shown = found[:limit]
        next_ = cursor(shown[-1].name.lower(), str(shown[-1].id)) if len(found) > limit else None
        return OrganisationPage(items=[OrganisationView.of(one) for one in shown], next=next_)

    @app.get("/v1/organisations/{id}", responses=problems(404))
    async def read_organisation(id: UUID, who: Caller, response: Response) -> OrganisationView:
        """One organisation."""
        async with connection(runtime.pool) as one:
            found = await organisations.one(one, who.workspace, id)
        if found is None:
            raise NotFound(f"there is no organisation {id}")
        response.headers["etag"] = f'"{found.version}"'
        return OrganisationView.of(found)

    @app.get("/v1/organisations/{id}/persons", responses=problems(404))
    async def list_members(
        id: UUID,
        who: Caller,
        after: Annotated[UUID, Query(alias="cursor")] = NOBODY,
        limit: Limit = 50,
    ) -> MemberPage:
        """Who belongs to it."""
        async with connection(runtime.pool) as one:
            if await organisations.one(one, who.workspace, id) is None:
                raise NotFound(f"there is no organisation {id}")
            found = await organisations.members(one, who, id, after, limit + 1)
        shown = [MemberView(**dict(row)) for row in found[:limit]]
        return MemberPage(items=shown, next=shown[-1].id if len(found) > limit else None)

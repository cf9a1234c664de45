"""Organisations over the API."""

import base64
from datetime import UTC, datetime
from typing import Annotated, Self
from uuid import UUID

import asyncpg
import orjson
from fastapi import FastAPI, Query, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from services.tickets import organising
from services.tickets.acting import Actor
from services.tickets.api_once import IfMatch, Key, command, seen_version
from services.tickets.api_people import Line, Notes, Tags
from services.tickets.profiles import Wanted
from services.tickets.repo import organisations
from services.tickets.repo.organisations import Organisation
from services.tickets.views import cursor
from shared.bus import Context
from shared.contracts.fields import Token
from shared.db.idempotency import Answer
from shared.db.pool import connection
from shared.errors import Malformed, NotFound
from shared.http import Caller, problems
from shared.ids import new_id
from shared.service import Runtime
from shared.text import clean

Domain = Annotated[
    str, Field(max_length=253, pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$")
]
Domains = Annotated[tuple[Domain, ...], Field(max_length=100), AfterValidator(lambda given: tuple(sorted(set(given))))]
Limit = Annotated[int, Query(ge=1, le=200, description="Most items of a page")]
NOBODY = UUID(int=0)
"""Before the first of any list."""
Cursor = Annotated[str | None, Query(alias="cursor", max_length=1000)]


class NewOrganisation(BaseModel):
    """An organisation to be."""

    model_config = ConfigDict(extra="forbid")

    name: Line
    domains: Domains = Field((), description="Whoever proves a mail address of these belongs to it")
    tags: Tags = ()
    notes: Notes | None = None


class OrganisationChange(BaseModel):
    """What should be otherwise; what is not named stays."""

    model_config = ConfigDict(extra="forbid")

    name: Line = ""
    domains: Domains = ()
    notes: Notes | None = None
    add_tags: Tags = ()
    remove_tags: Tags = ()

    def wanted(self, seen: int | None) -> Wanted:
        """The change it asks for."""
        named = {name: getattr(self, name) for name in self.model_fields_set - {"add_tags", "remove_tags"}}
        if named.get("notes"):
            named["notes"] = clean(named["notes"])
        return Wanted(named, self.add_tags, self.remove_tags, seen)


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

        return _answered(await command(runtime, who, request, wanted, idempotency_key, do), 201)

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

        return _answered(await command(runtime, who, request, wanted, idempotency_key, do))

    @app.delete("/v1/organisations/{id}", responses=problems(404), response_model=Deleted)
    async def delete_organisation(id: UUID, who: Caller, request: Request, idempotency_key: Key = None) -> Response:
        """Take an organisation away; its people stay, and belong nowhere."""

        async def do(tx: asyncpg.Connection, ctx: Context, actor: Actor) -> Deleted:
            await organising.delete(tx, ctx, actor, who.workspace, id)
            return Deleted(id=id)

        answer = await command(runtime, who, request, None, idempotency_key, do)
        return Response(answer.body, answer.status, media_type="application/json")


def _add_reads(app: FastAPI, runtime: Runtime) -> None:
    @app.get("/v1/organisations", responses=problems())
    async def list_organisations(who: Caller, after: Cursor = None, limit: Limit = 50) -> OrganisationPage:
        """Organisations by name."""
        at = _place(after)
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


def _place(text: str | None) -> tuple[str, UUID]:
    if text is None:
        return "", NOBODY
    try:
        name, id_ = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if not isinstance(name, str) or "\x00" in name:
            raise TypeError("no name")
        return name, UUID(id_)
    except (ValueError, TypeError, AttributeError) as error:
        raise Malformed("the cursor is not one that this list gave") from error


def _answered(answer: Answer, status: int = 200) -> Response:
    etag = f'"{orjson.loads(answer.body)["version"]}"'
    return Response(answer.body, status, headers={"etag": etag}, media_type="application/json")

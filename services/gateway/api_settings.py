"""Routes of settings documents and of workspaces."""

from typing import Annotated, Any

from fastapi import Body, Depends, FastAPI, Header, Path, Query, Request, Response

from services.gateway import changes, documents
from services.gateway.api_keys import WITH_KEY, Cursor, Limit, Who
from services.gateway.changes import Saving
from services.gateway.gate import Gate
from services.gateway.repo import settings as repo
from services.gateway.repo.settings import Setting
from services.gateway.views import (
    KindList,
    KindView,
    NewWorkspace,
    SavedView,
    SettingPage,
    SettingView,
    saved_view,
)
from shared.contracts.settings import KINDS
from shared.db.pool import connection
from shared.errors import Conflict, NotFound
from shared.http import FieldProblem, pointer, problems
from shared.identity import Identity
from shared.service import Runtime
from shared.telemetry import trace

Kind = Annotated[str, Path(json_schema_extra={"enum": list(KINDS)})]
DocumentId = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
IfMatch = Annotated[
    str | None, Header(description='The ETag that was read, such as `"3"`; refused (412) if it changed')
]
DryRun = Annotated[bool, Query(description="Check everything and save nothing")]
ETAG = {"ETag": {"description": "The version in quotes", "schema": {"type": "string"}}}


def add_settings(app: FastAPI, runtime: Runtime, gate: Gate) -> None:
    """Put the routes on the app."""
    _add_reading(app, runtime)
    _add_writing(app, runtime)
    _add_deleting(app, runtime, gate)
    _add_workspaces(app, runtime)


def _add_reading(app: FastAPI, runtime: Runtime) -> None:
    @app.get("/v1/settings", responses=problems(404), dependencies=[Depends(WITH_KEY)], tags=["settings"])
    async def list_kinds(who: Who) -> KindList:
        """Every kind of settings, with the schema of its documents."""
        return KindList(
            items=[
                KindView(kind=kind, description=model.__doc__ or "", document_schema=model.model_json_schema())
                for kind, model in KINDS.items()
            ]
        )

    @app.get("/v1/settings/{kind}", responses=problems(404), dependencies=[Depends(WITH_KEY)], tags=["settings"])
    async def list_documents(kind: Kind, who: Who, cursor: Cursor = None, limit: Limit = 100) -> SettingPage:
        """The workspace's documents of a kind."""
        documents.model_of(kind)
        async with connection(runtime.pool) as one:
            found = await repo.page(one, who.workspace, kind, after=cursor or "", limit=limit + 1)
        return _page(found, limit)

    @app.get(
        "/v1/settings/{kind}/{id}",
        responses={200: {"headers": ETAG}, **problems(404)},
        dependencies=[Depends(WITH_KEY)],
        tags=["settings"],
    )
    async def get_document(kind: Kind, id: DocumentId, who: Who, response: Response) -> SettingView:
        """One document."""
        documents.model_of(kind)
        async with connection(runtime.pool) as one:
            found = await repo.get(one, who.workspace, kind, id)
        if found is None:
            raise NotFound(f"there is no {kind} {id}")
        response.headers["etag"] = f'"{found.version}"'
        return SettingView.of(found)


def _add_writing(app: FastAPI, runtime: Runtime) -> None:
    key = runtime.config.key.get_secret_value()

    @app.put(
        "/v1/settings/{kind}/{id}",
        responses={
            200: {"headers": ETAG},
            201: {"model": SavedView, "description": "The document is new", "headers": ETAG},
            **problems(404, 409, 412),
        },
        dependencies=[Depends(WITH_KEY)],
        tags=["settings"],
    )
    async def put_document(
        request: Request,
        response: Response,
        kind: Kind,
        id: DocumentId,
        who: Who,
        document: Annotated[dict[str, Any], Body(description="As GET /v1/settings shows the kind's schema")],
        dry_run: DryRun = False,
        if_match: IfMatch = None,
    ) -> SavedView:
        """Save a document as its next version. The same document again changes nothing and keeps the version.

        The installation key makes a workspace by saving its document, with the header Switchboard-Workspace naming it.
        """
        saving = _saving(request, kind, id, who, if_match)
        async with runtime.work() as (tx, ctx):
            saved = await changes.put(tx, ctx, saving, document, key=key, dry_run=dry_run)
            missing = await changes.warnings(tx, saved.setting)
        response.status_code = 201 if saved.created and not dry_run else 200
        response.headers["etag"] = f'"{saved.setting.version}"'
        warnings = [FieldProblem(pointer=pointer(place), detail=detail) for place, detail in missing]
        return saved_view(saved.setting, changed=saved.changed, warnings=warnings)


def _add_deleting(app: FastAPI, runtime: Runtime, gate: Gate) -> None:
    @app.delete(
        "/v1/settings/{kind}/{id}",
        status_code=204,
        responses=problems(404, 412),
        dependencies=[Depends(WITH_KEY)],
        tags=["settings"],
    )
    async def delete_document(
        request: Request, kind: Kind, id: DocumentId, who: Who, if_match: IfMatch = None
    ) -> Response:
        """Delete a document; its versions stay in the history."""
        documents.model_of(kind)
        async with runtime.work() as (tx, ctx):
            deleted = await changes.delete(tx, ctx, _saving(request, kind, id, who, if_match))
            if kind == "workspace":
                ctx.after_commit(lambda: gate.forget_workspace(deleted.workspace))
        return Response(status_code=204, headers={"etag": f'"{deleted.version}"'})


def _add_workspaces(app: FastAPI, runtime: Runtime) -> None:
    @app.post(
        "/v1/workspaces",
        status_code=201,
        responses={201: {"headers": ETAG}, **problems(404, 409)},
        dependencies=[Depends(WITH_KEY)],
        tags=["workspaces"],
    )
    async def make_workspace(request: Request, response: Response, wanted: NewWorkspace, who: Who) -> SettingView:
        """Make a workspace; its first key is made by POST /v1/keys with the header Switchboard-Workspace."""
        inside = Identity(principal=who.principal, role=who.role, workspace=wanted.id)
        saving = _saving(request, "workspace", wanted.id, inside, None)
        body = wanted.model_dump(mode="json", exclude={"id"}, exclude_none=True)
        async with runtime.work() as (tx, ctx):
            saved = await changes.put(tx, ctx, saving, body, key="")
            if not saved.created:
                raise Conflict(f"there is a workspace {wanted.id} already", reason="workspace_exists")
        response.headers["etag"] = f'"{saved.setting.version}"'
        return SettingView.of(saved.setting)

    @app.get("/v1/workspaces", responses=problems(404), dependencies=[Depends(WITH_KEY)], tags=["workspaces"])
    async def list_workspaces(who: Who, cursor: Cursor = None, limit: Limit = 100) -> SettingPage:
        """Every workspace of the installation."""
        async with connection(runtime.pool) as one:
            found = await repo.workspaces(one, after=cursor or "", limit=limit + 1)
        return _page(found, limit)


def _saving(request: Request, kind: str, id_: str, who: Identity, if_match: str | None) -> Saving:
    expected = changes.expected_versions(if_match)
    return Saving(kind=kind, id=id_, who=who, expected=expected, trace=trace.valid(request.headers.get("traceparent")))


def _page(found: list[Setting], limit: int) -> SettingPage:
    items = [SettingView.of(setting) for setting in found[:limit]]
    return SettingPage(items=items, next=items[-1].id if len(found) > limit else None)

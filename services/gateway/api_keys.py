"""Routes of API keys, and of who one is."""

from typing import Annotated

from fastapi import Depends, FastAPI, Path, Query, Request, Response
from fastapi.security import HTTPBearer

from services.gateway import keys
from services.gateway.front import entered, identity_of
from services.gateway.gate import Gate
from services.gateway.repo import keys as repo
from services.gateway.views import KeyPage, KeyView, MadeKey, NewKey, Whoami
from services.gateway.views_people import WhoamiView
from shared.db.pool import connection
from shared.errors import NotFound
from shared.http import problems
from shared.identity import Identity
from shared.service import Runtime

WITH_KEY = HTTPBearer(auto_error=False, description="An API key (sb_<id>_<secret>) or an access token")
"""For the document only: the front has checked the key before any route is reached."""

Who = Annotated[Identity, Depends(identity_of)]
Cursor = Annotated[str | None, Query(pattern=r"^[a-z0-9_-]{1,63}$", description="`next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=500, description="Most items of a page")]
KeyId = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")]


def add_keys(app: FastAPI, runtime: Runtime, gate: Gate) -> None:
    """Put the routes on the app."""

    @app.get("/v1/whoami", responses=problems(404), dependencies=[Depends(WITH_KEY)], tags=["keys"])
    async def whoami(request: Request, who: Who) -> WhoamiView:
        """What the key or the session of this request stands for."""
        return WhoamiView.of_person(Whoami.of(who), entered(request).user)

    @app.post("/v1/keys", status_code=201, responses=problems(404), dependencies=[Depends(WITH_KEY)], tags=["keys"])
    async def make_key(wanted: NewKey, who: Who) -> MadeKey:
        """Make a key for the workspace (an installation key that chose none makes one for the installation).

        The answer is the only place where its secret is ever shown. A repeated request makes another key.
        """
        fresh = keys.fresh()
        workspace = who.workspace or None
        keys.require_sound(wanted.role, workspace, wanted.agent, wanted.shops)
        key = keys.Key(
            id=fresh.id,
            workspace=workspace,
            role=wanted.role,
            agent=wanted.agent,
            shops=wanted.shops,
            label=wanted.label,
            created_at=runtime.clock(),
        )
        async with runtime.work() as (tx, _):
            await repo.add(tx, key, fresh, created_by=who.principal)
        return MadeKey.made(key, fresh.text)

    @app.get("/v1/keys", responses=problems(404), dependencies=[Depends(WITH_KEY)], tags=["keys"])
    async def list_keys(who: Who, cursor: Cursor = None, limit: Limit = 100) -> KeyPage:
        """Keys in force of the workspace (of the installation where its key chose none); never their secrets."""
        async with connection(runtime.pool) as one:
            found = await repo.page(one, who.workspace or None, after=cursor or "", limit=limit + 1)
        more = len(found) > limit
        return KeyPage(items=[KeyView.of(key) for key in found[:limit]], next=found[limit - 1].id if more else None)

    @app.delete(
        "/v1/keys/{id}", status_code=204, responses=problems(404), dependencies=[Depends(WITH_KEY)], tags=["keys"]
    )
    async def revoke_key(id: KeyId, who: Who) -> Response:
        """Revoke a key: refused at once here, after two seconds at the latest by every replica."""
        async with runtime.work() as (tx, ctx):
            if not await repo.revoke(tx, id, who.workspace or None, ctx.now):
                raise NotFound(f"there is no key {id} in force here")
            ctx.after_commit(lambda: gate.forget_key(id))
        return Response(status_code=204)

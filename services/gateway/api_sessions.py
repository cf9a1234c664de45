"""Routes of sessions: signing in, the next pair of tokens, signing out."""

from collections.abc import Sequence

from fastapi import Depends, FastAPI, Request, Response

from services.gateway.api_keys import WITH_KEY
from services.gateway.front import entered
from services.gateway.gate import Gate
from services.gateway.repo import sessions as repo
from services.gateway.sessions import Pair, Sessions
from services.gateway.tokens import ACCESS_LIFETIME
from services.gateway.views_people import ByKey, ByPassword, Refresh, SessionView
from shared.errors import NotFound
from shared.http import problems
from shared.service import Runtime


def add_sessions(app: FastAPI, runtime: Runtime, gate: Gate, sessions: Sessions, *, proxies: int) -> None:
    """Put the routes on the app; `proxies`: how many of ours stand in front and add to X-Forwarded-For."""

    @app.post("/v1/sessions", status_code=201, responses=problems(429), tags=["sessions"])
    async def sign_in(wanted: ByPassword | ByKey, request: Request, response: Response) -> SessionView:
        """Sign in, by workspace, e-mail address and password, or by an API key. Needs no key.

        After five wrong passwords from one address it answers 429 for up to 15 minutes.
        """
        if isinstance(wanted, ByKey):
            pair = await sessions.by_key(wanted.api_key.get_secret_value())
        else:
            password = wanted.password.get_secret_value()
            address = address_of(request, proxies)
            pair = await sessions.by_password(wanted.workspace, wanted.email, password, address)
        return _shown(pair, response)

    @app.post("/v1/sessions/refresh", responses=problems(), tags=["sessions"])
    async def refresh(wanted: Refresh, response: Response) -> SessionView:
        """The next pair of tokens. Each refresh token works once; a second use, later than half a minute, ends all."""
        return _shown(await sessions.refreshed(wanted.refresh_token.get_secret_value()), response)

    @app.delete(
        "/v1/sessions/current",
        status_code=204,
        responses=problems(404),
        dependencies=[Depends(WITH_KEY)],
        tags=["sessions"],
    )
    async def sign_out(request: Request) -> Response:
        """Sign out: the session's tokens are refused at once here, within two seconds everywhere."""
        session = entered(request).session
        if session is None:
            raise NotFound("an API key has no session; DELETE /v1/keys/{id} revokes it", reason="no_session")
        async with runtime.work() as (tx, ctx):
            await repo.end(tx, session, "signed out")
            ctx.after_commit(gate.forget_sessions)
        return Response(status_code=204)


def _shown(pair: Pair, response: Response) -> SessionView:
    response.headers["cache-control"] = "no-store"
    return SessionView(
        access_token=pair.access,
        expires_in=int(ACCESS_LIFETIME.total_seconds()),
        refresh_token=pair.refresh,
        refresh_expires_in=pair.refresh_expires_in_s,
    )


def address_of(request: Request, proxies: int) -> str:
    """Where a request comes from: the connection's peer, or what the outermost of our own proxies saw."""
    peer = request.client.host if request.client else "unknown"
    forwarded = request.headers.getlist("x-forwarded-for")
    return outermost(",".join(forwarded).split(","), proxies) or peer


def outermost(forwarded: Sequence[str], proxies: int) -> str | None:
    """The address that the first of `proxies` proxies wrote down; what stands before it, anybody may have written."""
    known = [part.strip() for part in forwarded if part.strip()]
    return known[-min(proxies, len(known))] if proxies and known else None

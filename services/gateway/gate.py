"""Who is asking: credentials to identities, remembered for two seconds so that a request seldom costs a query."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Generic, TypeVar

import asyncpg

from services.gateway import keys
from services.gateway.caller import Entered, Standing
from services.gateway.repo import keys as kept_keys
from services.gateway.repo import sessions as kept_sessions
from services.gateway.repo import settings as kept_settings
from services.gateway.routes import Route, permit
from services.gateway.tokens import Tokens
from shared.clock import Clock
from shared.db.pool import connection, may_pass, transaction
from shared.errors import Forbidden, Invalid, NotFound, StoreUnavailable, Unauthenticated

log = logging.getLogger(__name__)

NOTE_USE_EVERY_S = 10
_REMEMBERED_MAX = 10_000
_UNKNOWN = "this API key is not known or was revoked"
_OVER = "this session is over; sign in again"

T = TypeVar("T")


class Remembered(Generic[T]):
    """Answers of the database, each kept for `seconds`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._kept: dict[str, tuple[float, T]] = {}

    async def get(self, name: str, ask: Callable[[], Awaitable[T | None]]) -> T | None:
        """The answer; what is not there is asked for each time, so that what was just made works at once."""
        now = time.monotonic()
        if (kept := self._kept.get(name)) is not None and now < kept[0]:
            return kept[1]
        answer = await ask()
        if answer is None:
            self._kept.pop(name, None)
            return None
        if len(self._kept) >= _REMEMBERED_MAX:
            self._kept.clear()
        self._kept[name] = (now + self._seconds, answer)
        return answer

    def forget(self, name: str) -> None:
        """Ask again the next time."""
        self._kept.pop(name, None)

    def forget_all(self) -> None:
        """Ask again for everything."""
        self._kept.clear()


class Gate:
    """Turns the headers of a request into the identity that the owners are told."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, tokens: Tokens, remember_s: float) -> None:
        self._pool = pool
        self._clock = clock
        self._tokens = tokens
        self._keys: Remembered[kept_keys.Kept] = Remembered(remember_s)
        self._sessions: Remembered[kept_sessions.Session] = Remembered(remember_s)
        self._workspaces: Remembered[bool] = Remembered(remember_s)
        self._used: dict[str, datetime] = {}
        self._noting: asyncio.Task[None] | None = None

    async def enter(self, route: Route, authorization: str | None, workspace: str | None) -> Entered:
        """Who asks; raises Unauthenticated, Forbidden, or what says how to choose a workspace."""
        token = keys.token_of(authorization)
        if token is None:
            id_, text = keys.id_of(authorization)
            standing, until = await self._by_key(id_, text), None
            session, key = None, id_
        else:
            access = self._tokens.read(token)
            standing, until = await self._by_session(access.session), access.expires_at
            session, key = access.session, None
        permit(route, standing.role)
        identity = standing.identity(await self._chosen(route, standing, workspace))
        return Entered(identity, standing.user, session, key, until)

    async def _by_key(self, id_: str, text: str) -> Standing:
        kept = await self._ask(lambda: self._keys.get(id_, lambda: self._find(id_)))
        if kept is None or not keys.proves(text, kept.hash):
            raise Unauthenticated(_UNKNOWN)
        _require_live(kept.key.workspace, live=kept.live)
        self._note(id_)
        return Standing.of_key(kept.key)

    async def _by_session(self, id_: str) -> Standing:
        session = await self._ask(lambda: self._sessions.get(id_, lambda: self._find_session(id_)))
        if session is None:
            raise Unauthenticated(_OVER, reason="session_over")
        _require_live(session.workspace, live=session.live)
        return Standing.of_session(session)

    async def _chosen(self, route: Route, standing: Standing, workspace: str | None) -> str | None:
        if standing.workspace is not None:
            if workspace not in (None, standing.workspace):
                raise Forbidden(f"this key is of the workspace {standing.workspace}; it cannot choose another")
            return None
        if workspace is None:
            if route.workspace:
                raise Invalid(
                    "an installation key chooses a workspace by the header Switchboard-Workspace; "
                    "GET /v1/workspaces lists them",
                    reason="workspace_missing",
                )
            return None
        if route.founds:
            return workspace
        if not await self._ask(lambda: self._workspaces.get(workspace, lambda: self._exists(workspace))):
            raise NotFound(f"there is no workspace {workspace!r}; GET /v1/workspaces lists them")
        return workspace

    async def _ask(self, ask: Callable[[], Awaitable[T]]) -> T:
        try:
            return await ask()
        except Exception as error:
            if not may_pass(error):
                raise
            raise StoreUnavailable("API keys cannot be checked now: the database does not answer") from error

    async def _find(self, id_: str) -> kept_keys.Kept | None:
        async with connection(self._pool) as one:
            return await kept_keys.find(one, id_)

    async def _find_session(self, id_: str) -> kept_sessions.Session | None:
        async with connection(self._pool) as one:
            return (await kept_sessions.in_force(one, [id_])).get(id_)

    async def _exists(self, workspace: str) -> bool | None:
        async with connection(self._pool) as one:
            return await kept_settings.workspace_exists(one, workspace) or None

    def forget_key(self, id_: str) -> None:
        """A key was revoked here: refuse it, and the sessions that began with it, from now on."""
        self._keys.forget(id_)
        self._sessions.forget_all()

    def forget_sessions(self) -> None:
        """Sessions ended here, or what they stand for changed."""
        self._sessions.forget_all()

    def forget_workspace(self, workspace: str) -> None:
        """A workspace was deleted here."""
        self._workspaces.forget(workspace)

    def _note(self, id_: str) -> None:
        self._used[id_] = self._clock()
        if self._noting is None or self._noting.done():
            self._noting = asyncio.create_task(self._note_uses(), name="note uses of keys")

    async def _note_uses(self) -> None:
        """Write down which keys were used, in one statement for many requests."""
        await asyncio.sleep(NOTE_USE_EVERY_S)
        used, self._used = self._used, {}
        try:
            async with transaction(self._pool) as tx:
                await kept_keys.note_use(tx, used)
        except Exception as error:  # noqa: BLE001 - whether a use is noted must not decide over anything else
            log.warning("uses of keys were not noted", extra={"keys": len(used), "error": type(error).__name__})


def _require_live(workspace: str | None, *, live: bool) -> None:
    if not live:
        raise Forbidden(f"the workspace {workspace} of this key was deleted", reason="workspace_deleted")

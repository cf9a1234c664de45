"""Who is asking: API keys to identities, remembered for two seconds so that a request seldom costs a query."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Generic, TypeVar

import asyncpg

from services.gateway import keys
from services.gateway.repo import keys as kept_keys
from services.gateway.repo import settings as kept_settings
from services.gateway.routes import Route, permit
from shared.clock import Clock
from shared.db.pool import connection, may_pass, transaction
from shared.errors import Forbidden, Invalid, NotFound, StoreUnavailable, Unauthenticated
from shared.identity import Identity

log = logging.getLogger(__name__)

NOTE_USE_EVERY_S = 10
_REMEMBERED_MAX = 10_000
_UNKNOWN = "this API key is not known or was revoked"

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


class Gate:
    """Turns the headers of a request into the identity that the owners are told."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, remember_s: float) -> None:
        self._pool = pool
        self._clock = clock
        self._keys: Remembered[kept_keys.Kept] = Remembered(remember_s)
        self._workspaces: Remembered[bool] = Remembered(remember_s)
        self._used: dict[str, datetime] = {}
        self._noting: asyncio.Task[None] | None = None

    async def enter(self, route: Route, authorization: str | None, workspace: str | None) -> Identity:
        """The caller's identity; raises Unauthenticated, Forbidden, or what says how to choose a workspace."""
        id_, text = keys.id_of(authorization)
        kept = await self._ask(lambda: self._keys.get(id_, lambda: self._find(id_)))
        if kept is None or not keys.proves(text, kept.hash):
            raise Unauthenticated(_UNKNOWN)
        if not kept.live:
            raise Forbidden(f"the workspace {kept.key.workspace} of this key was deleted", reason="workspace_deleted")
        permit(route, kept.key.role)
        self._note(id_)
        return kept.key.identity(await self._chosen(route, kept.key, workspace))

    async def _chosen(self, route: Route, key: keys.Key, workspace: str | None) -> str | None:
        if key.workspace is not None:
            if workspace not in (None, key.workspace):
                raise Forbidden(f"this key is of the workspace {key.workspace}; it cannot choose another")
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

    async def _exists(self, workspace: str) -> bool | None:
        async with connection(self._pool) as one:
            return await kept_settings.workspace_exists(one, workspace) or None

    def forget_key(self, id_: str) -> None:
        """A key was revoked here: refuse it from now on."""
        self._keys.forget(id_)

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

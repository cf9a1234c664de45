"""Routes of users: an admin's, who lets people into his workspace and out of it."""

import secrets
from dataclasses import replace
from typing import Annotated

import asyncpg
from fastapi import Depends, FastAPI, Path, Response

from services.gateway.api_keys import WITH_KEY, Cursor, Limit, Who
from services.gateway.gate import Gate
from services.gateway.keys import require_sound
from services.gateway.passwords import Passwords
from services.gateway.repo import sessions
from services.gateway.repo import users as repo
from services.gateway.repo.users import User
from services.gateway.views_people import NewPassword, NewUser, UserChange, UserPage, UserView
from shared.db.pool import connection
from shared.errors import Conflict, NotFound
from shared.http import problems
from shared.service import Runtime

UserId = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")]
_WITH_KEY = [Depends(WITH_KEY)]


def add_users(app: FastAPI, runtime: Runtime, gate: Gate, passwords: Passwords) -> None:
    """Put the routes on the app."""
    _add_reading(app, runtime)
    _add_making(app, runtime, passwords)
    _add_changing(app, runtime, gate)
    _add_password(app, runtime, gate, passwords)


def _add_reading(app: FastAPI, runtime: Runtime) -> None:
    @app.get("/v1/users", responses=problems(404), dependencies=_WITH_KEY, tags=["users"])
    async def list_users(who: Who, cursor: Cursor = None, limit: Limit = 100) -> UserPage:
        """The workspace's users."""
        async with connection(runtime.pool) as one:
            found = await repo.page(one, who.workspace, after=cursor or "", limit=limit + 1)
        more = len(found) > limit
        return UserPage(items=[UserView.of(user) for user in found[:limit]], next=found[limit - 1].id if more else None)

    @app.get("/v1/users/{id}", responses=problems(404), dependencies=_WITH_KEY, tags=["users"])
    async def get_user(id: UserId, who: Who) -> UserView:
        """One user."""
        async with connection(runtime.pool) as one:
            return UserView.of(_there(await repo.get(one, who.workspace, id), id))


def _add_making(app: FastAPI, runtime: Runtime, passwords: Passwords) -> None:
    @app.post("/v1/users", status_code=201, responses=problems(404, 409, 429), dependencies=_WITH_KEY, tags=["users"])
    async def make_user(wanted: NewUser, who: Who) -> UserView:
        """Let a person in. A repeated request is refused (409): a workspace has each e-mail address once."""
        require_sound(wanted.role, who.workspace, wanted.agent, wanted.shops)
        password = await passwords.hashed(wanted.password.get_secret_value()) if wanted.password else None
        user = User(
            workspace=who.workspace,
            id=secrets.token_hex(8),
            email=wanted.email,
            name=wanted.name,
            role=wanted.role,
            agent=wanted.agent,
            shops=wanted.shops,
            created_at=runtime.clock(),
        )
        async with runtime.work() as (tx, _):
            if not await repo.add(tx, user, password=password, created_by=who.principal):
                raise Conflict(f"the workspace has a user {wanted.email} already", reason="user_exists")
        return UserView.of(user)


def _add_changing(app: FastAPI, runtime: Runtime, gate: Gate) -> None:
    @app.patch("/v1/users/{id}", responses=problems(404), dependencies=_WITH_KEY, tags=["users"])
    async def change_user(id: UserId, change: UserChange, who: Who) -> UserView:
        """Change what a user may do, or disable him: his tokens are refused within two seconds everywhere."""
        async with runtime.work() as (tx, ctx):
            before = _there(await repo.get(tx, who.workspace, id, lock=True), id)
            said = change.model_dump(exclude_unset=True, exclude={"disabled"})
            said |= {name: getattr(before, name) for name in ("name", "role", "shops") if said.get(name) is None}
            after: User = replace(before, **said)
            if change.disabled is not None:
                after = replace(after, disabled_at=(before.disabled_at or ctx.now) if change.disabled else None)
            require_sound(after.role, who.workspace, after.agent, after.shops)
            await repo.save(tx, after)
            if after.disabled_at is not None:
                await sessions.end_all_of(tx, who.workspace, id, "user disabled")
            ctx.after_commit(gate.forget_sessions)
        return UserView.of(after)

    @app.delete("/v1/users/{id}", status_code=204, responses=problems(404), dependencies=_WITH_KEY, tags=["users"])
    async def delete_user(id: UserId, who: Who) -> Response:
        """Delete a user and his sessions; what he did stays his under `user/<id>`."""
        async with runtime.work() as (tx, ctx):
            if not await repo.delete(tx, who.workspace, id):
                raise _none(id)
            ctx.after_commit(gate.forget_sessions)
        return Response(status_code=204)


def _add_password(app: FastAPI, runtime: Runtime, gate: Gate, passwords: Passwords) -> None:
    @app.put(
        "/v1/users/{id}/password",
        status_code=204,
        responses=problems(404, 429),
        dependencies=_WITH_KEY,
        tags=["users"],
    )
    async def set_password(id: UserId, wanted: NewPassword, who: Who) -> Response:
        """Set a user's password. Every session of his ends."""
        password = await passwords.hashed(wanted.password.get_secret_value())
        async with runtime.work() as (tx, ctx):
            await _set(tx, who.workspace, id, password)
            ctx.after_commit(gate.forget_sessions)
        return Response(status_code=204)


async def _set(tx: asyncpg.Connection, workspace: str, id_: str, password: str) -> None:
    if not await repo.set_password(tx, workspace, id_, password):
        raise _none(id_)
    await sessions.end_all_of(tx, workspace, id_, "password set")


def _there(user: User | None, id_: str) -> User:
    if user is None:
        raise _none(id_)
    return user


def _none(id_: str) -> NotFound:
    return NotFound(f"there is no user {id_}")

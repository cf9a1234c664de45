"""The first keys of an installation: without them nobody could ask for any other."""

import argparse
import json

import asyncpg

from services.gateway import changes, keys
from services.gateway.changes import Saving
from services.gateway.repo import keys as repo
from shared.bus import Context
from shared.identity import Identity, Role
from shared.service import Runtime

FIRST_WORKSPACE = "main"
_BY = "bootstrap"
_LOCK = "select pg_advisory_xact_lock(hashtextextended('bootstrap', 3))"


async def bootstrap(runtime: Runtime, argv: list[str]) -> int:
    """Make the installation key, the workspace `main` and its first admin where there are none; print them once.

    One line of JSON: {"installation_key", "admin_key", "workspace"}, a key being null where there is one already,
    since only its hash is kept. `--renew` revokes those there are and makes new ones, for when they were lost.
    """
    parser = argparse.ArgumentParser(prog="gateway bootstrap", description=bootstrap.__doc__)
    parser.add_argument("--renew", action="store_true", help="revoke lost installation and admin keys; make new ones")
    renew = parser.parse_args(argv).renew
    async with runtime.work() as (tx, ctx):
        await tx.execute(_LOCK)
        await _first_workspace(tx, ctx)
        told: dict[str, str | None] = {
            "installation_key": await _first_key(tx, ctx, "installation", None, renew=renew),
            "admin_key": await _first_key(tx, ctx, "admin", FIRST_WORKSPACE, renew=renew),
            "workspace": FIRST_WORKSPACE,
        }
    if None in told.values():
        told["note"] = "a key that is null was made before and is shown only once; `bootstrap --renew` replaces it"
    print(json.dumps(told))
    return 0


async def _first_workspace(tx: asyncpg.Connection, ctx: Context) -> None:
    who = Identity(principal=_BY, role="installation", workspace=FIRST_WORKSPACE)
    saving = Saving(kind="workspace", id=FIRST_WORKSPACE, who=who)
    if not await changes.exists(tx, saving):
        await changes.put(tx, ctx, saving, {"name": "Main"}, key="")


async def _first_key(
    tx: asyncpg.Connection, ctx: Context, role: Role, workspace: str | None, *, renew: bool
) -> str | None:
    if renew:
        await repo.revoke_role(tx, role, workspace, ctx.now)
    elif await repo.in_force(tx, role, workspace):
        return None
    fresh = keys.fresh()
    key = keys.Key(id=fresh.id, workspace=workspace, role=role, agent=None, shops=(), label="first", created_at=ctx.now)
    await repo.add(tx, key, fresh, created_by=_BY)
    return fresh.text

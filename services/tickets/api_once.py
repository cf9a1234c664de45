"""What every command over the API has in common: once for an Idempotency-Key, and never over what was changed since."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import asyncpg
import orjson
from fastapi import Header, Request, Response
from pydantic import BaseModel

from services.tickets.acting import Actor
from shared.bus import Context
from shared.db.idempotency import Answer, once, request_hash
from shared.errors import PreconditionFailed
from shared.identity import Identity
from shared.service import Runtime

IfMatch = Annotated[str | None, Header(max_length=100)]
Key = Annotated[str | None, Header(max_length=255)]
Do = Callable[[asyncpg.Connection, Context, Actor], Awaitable[BaseModel]]


def seen_version(if_match: str | None, what: str = "ticket") -> int | None:
    """The version that the caller has read; None where he does not say. Raises PreconditionFailed for anything else."""
    if if_match is None or if_match.strip() == "*":
        return None
    seen = if_match.strip().removeprefix("W/").strip('"')
    if not seen.isascii() or not seen.isdigit() or len(seen) > 9:
        raise PreconditionFailed(f'If-Match takes the ETag of the {what}, such as "3"')
    return int(seen)


async def command(
    runtime: Runtime,
    who: Identity,
    request: Request,
    wanted: BaseModel | None,
    key: str | None,
    do: Do,
    *,
    status: int = 200,
) -> Answer:
    """Do it in one transaction, or give what was answered when it was done; a refusal is not kept."""
    body = b"" if wanted is None else wanted.model_dump_json(exclude_unset=True).encode()
    digest = request_hash(request.method, request.url.path, body)
    async with runtime.work() as (tx, ctx):

        async def run() -> Answer:
            done = await do(tx, ctx, Actor.of(who))
            return Answer(status, done.model_dump_json().encode())

        return await once(tx, principal=f"{who.workspace}/{who.principal}", key=key, request_hash=digest, run=run)


def respond(answer: Answer, *version: str) -> Response:
    """The answer as it goes out; `version` is the path to its ETag within it, where it has one."""
    found: Any = orjson.loads(answer.body) if version else None
    for name in version:
        found = found[name]
    headers = {"etag": f'"{found}"'} if version else {}
    return Response(answer.body, answer.status, headers=headers, media_type="application/json")

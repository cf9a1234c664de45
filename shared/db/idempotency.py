"""A command with an Idempotency-Key takes effect once: its answer is stored in the effect's own transaction."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import asyncpg

from shared.errors import Invalid

KEY_MAX = 255


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command was answered with."""

    status: int
    body: bytes


def request_hash(method: str, path: str, body: bytes) -> bytes:
    """What makes two requests the same command."""
    return hashlib.sha256(b"\0".join((method.encode(), path.encode(), body))).digest()


async def once(
    tx: asyncpg.Connection,
    *,
    principal: str,
    key: str | None,
    request_hash: bytes,
    run: Callable[[], Awaitable[Answer]],
) -> Answer:
    """Run the command, or give the stored answer where this principal has sent this key before.

    A second request that comes while the first runs waits on its row. The same key with another request raises
    Invalid (422). Without a key the command just runs.
    """
    if key is None:
        return await run()
    if not 0 < len(key) <= KEY_MAX or not key.isascii() or not key.isprintable():
        raise Invalid(f"an Idempotency-Key is 1 to {KEY_MAX} printable ASCII characters", reason="idempotency_key")
    mine = await tx.fetchval(
        """
        insert into idempotency(principal, key, request_hash) values ($1, $2, $3)
        on conflict do nothing returning true
        """,
        principal,
        key,
        request_hash,
    )
    if not mine:
        return await _stored(tx, principal, key, request_hash)
    answer = await run()
    await tx.execute(
        "update idempotency set status = $3, body = $4 where principal = $1 and key = $2",
        principal,
        key,
        answer.status,
        answer.body,
    )
    return answer


async def _stored(tx: asyncpg.Connection, principal: str, key: str, request_hash: bytes) -> Answer:
    row = await tx.fetchrow(
        "select request_hash, status, body from idempotency where principal = $1 and key = $2", principal, key
    )
    if row is None or row["request_hash"] != request_hash:
        raise Invalid(
            "this Idempotency-Key was used for another request; take a new key for a new command",
            reason="idempotency_key_reused",
        )
    return Answer(status=row["status"], body=row["body"])

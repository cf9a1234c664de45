"""A command with an Idempotency-Key takes effect once: its answer is stored in the effect's own transaction."""

import hashlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
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


@dataclass(frozen=True, slots=True, order=True)
class Keyed:
    """A command of a principal under a key of his; `request_hash` tells it from others."""

    principal: str
    key: str
    request_hash: bytes


_CLAIM = """
    insert into idempotency(principal, key, request_hash)
    select * from unnest($1::text[], $2::text[], $3::bytea[])
    on conflict do nothing returning principal, key
"""
_STORED = """
    select principal, key, request_hash, status, body
    from idempotency join unnest($1::text[], $2::text[]) as u(principal, key) using (principal, key)
"""
_KEEP = """
    update idempotency i set status = u.status, body = u.body
    from unnest($1::text[], $2::text[], $3::int[], $4::bytea[]) as u(principal, key, status, body)
    where i.principal = u.principal and i.key = u.key
"""
_RELEASE = """
    delete from idempotency i using unnest($1::text[], $2::text[]) as u(principal, key)
    where i.principal = u.principal and i.key = u.key
"""


def check_key(key: str) -> None:
    """Raise Invalid where this is no Idempotency-Key."""
    if not 0 < len(key) <= KEY_MAX or not key.isascii() or not key.isprintable():
        raise Invalid(f"an Idempotency-Key is 1 to {KEY_MAX} printable ASCII characters", reason="idempotency_key")


async def claim(tx: asyncpg.Connection, commands: Iterable[Keyed]) -> dict[Keyed, Answer | Invalid]:
    """Claim keys, each once in a call; gives the commands that were claimed before, with what they are answered.

    Rows are claimed in order; where another transaction is at a command, this one waits for its end.
    """
    wanted = sorted(commands)
    principals, keys = [one.principal for one in wanted], [one.key for one in wanted]
    rows = await tx.fetch(_CLAIM, principals, keys, [one.request_hash for one in wanted])
    mine = {(row["principal"], row["key"]) for row in rows}
    others = [one for one in wanted if (one.principal, one.key) not in mine]
    if not others:
        return {}
    rows = await tx.fetch(_STORED, [one.principal for one in others], [one.key for one in others])
    stored = {(row["principal"], row["key"]): row for row in rows}
    return {one: _answer(one, stored.get((one.principal, one.key))) for one in others}


def _answer(command: Keyed, row: asyncpg.Record | None) -> Answer | Invalid:
    if row is None or row["request_hash"] != command.request_hash:
        return Invalid(
            "this Idempotency-Key was used for another request; take a new key for a new command",
            reason="idempotency_key_reused",
        )
    return Answer(status=row["status"], body=row["body"])


async def keep(tx: asyncpg.Connection, answers: Mapping[Keyed, Answer]) -> None:
    """Store what claimed commands were answered with."""
    given = [(one.principal, one.key, answer.status, answer.body) for one, answer in answers.items()]
    if given:
        await tx.execute(_KEEP, *(list(column) for column in zip(*given, strict=True)))


async def release(tx: asyncpg.Connection, commands: Sequence[Keyed]) -> None:
    """Give up claims of commands that were refused, so that they may be sent again."""
    if commands:
        await tx.execute(_RELEASE, [one.principal for one in commands], [one.key for one in commands])


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
    check_key(key)
    command = Keyed(principal, key, request_hash)
    before = (await claim(tx, [command])).get(command)
    if isinstance(before, Invalid):
        raise before
    if before is not None:
        return before
    answer = await run()
    await keep(tx, {command: answer})
    return answer

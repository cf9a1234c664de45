"""Dead letters: records that could not be handled, the keys that wait behind them, and how an operator lets them go."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import orjson

OPEN = ("parked", "waiting", "retry", "discard")

_INSERT = """
    insert into dead_letters(grp, topic, partition, "offset", key, record, headers, error, state)
    select $1, $2, * from unnest($3::int[], $4::bigint[], $5::bytea[], $6::bytea[], $7::jsonb[], $8::text[], $9::text[])
"""
_PARK = "insert into parked(grp, topic, key) select $1, $2, unnest($3::bytea[]) on conflict do nothing"
_PARKED = "select key from parked where grp = $1 and topic = $2 and key = any($3::bytea[]) order by key for update"
_ASKED = """
    select distinct key from dead_letters
    where grp = $1 and topic = $2 and state in ('retry', 'discard') order by key limit 100
"""
_RECENT = """
    select count(distinct sha256(record)) from dead_letters
    where grp = $1 and topic = $2 and state in ('parked', 'skipped') and at > now() - interval '5 minutes'
"""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One record as it goes to, or comes from, the table."""

    partition: int
    offset: int
    key: bytes
    record: bytes
    headers: Sequence[tuple[str, bytes]]
    error: str
    state: str
    id: int = 0


async def insert(tx: asyncpg.Connection, grp: str, topic: str, letters: Sequence[DeadLetter]) -> None:
    """Keep the letters; culprits in state `parked` make their key wait."""
    if not letters:
        return
    await tx.execute(
        _INSERT,
        grp,
        topic,
        [letter.partition for letter in letters],
        [letter.offset for letter in letters],
        [letter.key for letter in letters],
        [letter.record for letter in letters],
        [json.dumps([[_storable(name), (value or b"").hex()] for name, value in letter.headers]) for letter in letters],
        [_storable(letter.error) for letter in letters],
        [letter.state for letter in letters],
    )
    parked = sorted({letter.key for letter in letters if letter.state == "parked"})
    if parked:
        await tx.execute(_PARK, grp, topic, parked)


def _storable(text: str) -> str:
    """Text as PostgreSQL can keep it: no NUL, no lone surrogate, not without end."""
    return text.replace("\0", "\ufffd").encode("utf-8", "backslashreplace").decode()[:2000]


async def lock_parked(tx: asyncpg.Connection, grp: str, topic: str, keys: Sequence[bytes]) -> set[bytes]:
    """Which of the keys wait; their rows stay locked, so that nobody drains them meanwhile."""
    return {row["key"] for row in await tx.fetch(_PARKED, grp, topic, keys)}


async def asked(tx: asyncpg.Connection, grp: str, topic: str) -> list[bytes]:
    """Keys with letters that an operator has asked to retry or discard."""
    return [row["key"] for row in await tx.fetch(_ASKED, grp, topic)]


async def open_letters(tx: asyncpg.Connection, grp: str, topic: str, key: bytes, most: int) -> list[DeadLetter]:
    """The key's first letters in the order they came in, which no replaced log disturbs, locked."""
    rows = await tx.fetch(
        """
        select id, partition, "offset", key, record, headers::text, error, state from dead_letters
        where grp = $1 and topic = $2 and key = $3 and state in ('parked', 'waiting', 'retry', 'discard')
        order by id limit $4 for update
        """,
        grp,
        topic,
        key,
        most,
    )
    return [_letter(row) for row in rows]


def _letter(row: asyncpg.Record) -> DeadLetter:
    headers = [(name, bytes.fromhex(value)) for name, value in orjson.loads(row["headers"])]
    return DeadLetter(
        partition=row["partition"],
        offset=row["offset"],
        key=row["key"],
        record=row["record"],
        headers=headers,
        error=row["error"],
        state=row["state"],
        id=row["id"],
    )


async def mark(tx: asyncpg.Connection, letter: DeadLetter, state: str) -> None:
    """The letter is in this state now."""
    await tx.execute("update dead_letters set state = $2 where id = $1", letter.id, state)


async def failed_again(tx: asyncpg.Connection, letter: DeadLetter, state: str, error: str) -> None:
    """A retried letter could not be handled either."""
    await tx.execute(
        "update dead_letters set state = $2, error = $3, attempts = attempts + 1 where id = $1",
        letter.id,
        state,
        _storable(error),
    )


async def unpark(tx: asyncpg.Connection, grp: str, topic: str, key: bytes) -> None:
    """Nothing waits behind the key any more."""
    await tx.execute("delete from parked where grp = $1 and topic = $2 and key = $3", grp, topic, key)


async def too_many(tx: asyncpg.Connection, grp: str, topic: str, most: int) -> bool:
    """Whether more distinct culprits came in five minutes than a release in good health makes."""
    return bool((await tx.fetchval(_RECENT, grp, topic)) > most)


async def stop(tx: asyncpg.Connection, grp: str, topic: str, reason: str) -> None:
    """Stop the consumer of the topic, over restarts, until `dlq resume`."""
    await tx.execute(
        "insert into stopped(grp, topic, reason) values ($1, $2, $3) on conflict do nothing", grp, topic, reason
    )


async def list_letters(
    connection: asyncpg.Connection, *, topic: str | None = None, states: Sequence[str] = OPEN, most: int = 100
) -> list[dict[str, Any]]:
    """Letters for an operator's eyes, newest last; never the record itself, which may be personal."""
    rows = await connection.fetch(
        """
        select id, grp, topic, partition, "offset", encode(sha256(key), 'hex') as key_hash, error, attempts, state, at
        from dead_letters where state = any($1::text[]) and ($2::text is null or topic = $2) order by id limit $3
        """,
        list(states),
        topic,
        most,
    )
    return [dict(row) for row in rows]


async def ask(connection: asyncpg.Connection, action: str, *, ids: Sequence[int] = (), topic: str | None = None) -> int:
    """Ask the running service to `retry` or `discard` culprits, by id or all of a topic; gives how many."""
    done = await connection.execute(
        """
        update dead_letters set state = $1
        where state in ('parked', 'skipped') and (id = any($2::bigint[]) or topic = $3)
        """,
        action,
        list(ids),
        topic,
    )
    return int(done.split()[-1])


async def resume(connection: asyncpg.Connection, topic: str) -> int:
    """Let a stopped topic's consumers go on; the letters so far no longer count against it."""
    async with connection.transaction():
        await connection.execute(
            """
            update dead_letters set at = at - interval '5 minutes'
            where topic = $1 and state in ('parked', 'skipped') and at > now() - interval '5 minutes'
            """,
            topic,
        )
        return int((await connection.execute("delete from stopped where topic = $1", topic)).split()[-1])

"""Forgetting a person: rows lose what is personal and keep ids, states and times, so that statistics survive."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
import orjson

_ASK = "insert into erasures(workspace, person, request, asked_by, before) values ($1, $2, $3, $4, $5)"
_KNOW = """
    insert into erasures(workspace, person, request, asked_by, before)
    select * from unnest($1::text[], $2::uuid[], $3::uuid[], $4::text[], $5::timestamptz[]) on conflict do nothing
"""
_READ = """
    select request, asked_by, before, done from erasures where workspace = $1 and person = $2
    order by before desc, request desc limit 1
"""
_DONE = """
    update erasures e set done = array(select distinct unnest(e.done || u.service) order by 1)
    from unnest($1::text[], $2::uuid[], $3::uuid[], $4::text[]) as u(workspace, person, request, service)
    where (e.workspace, e.person, e.request) = (u.workspace, u.person, u.request) and not u.service = any(e.done)
"""
_BURY = """
    insert into tombstones as t (workspace, hmac, before)
    select * from unnest($1::text[], $2::text[], $3::timestamptz[])
    on conflict (workspace, hmac) do update set before = greatest(t.before, excluded.before)
"""
_IDENTITIES = (
    "select kind, scope, value from identities where workspace = $1 and person = $2 order by 1, 2, 3 for update"
)
_FORGET = (
    "delete from identities where workspace = $1 and person = $2",
    """
    update persons set name = null, language = null, spoken = null, erased = true where workspace = $1 and id = $2
    """,
    "update tickets set subject = null, thread = null, order_name = null where workspace = $1 and person = $2",
    """
    update messages set body = '', body_blob = null, subject = null, attachments = '[]', content_key = null,
        natural_id = id::text, edit_of = case when edit_of is null then null else 'erased' end,
        sender_kind = null, sender_scope = null, sender_value = null, sender_name = null, thread = null
    where workspace = $1 and person = $2
    """,
)
_LETTERS = """
    delete from dead_letters where topic = 'inbound-messages' and position(convert_to($1, 'UTF8') in record) > 0
"""
_UNPARK = """
    delete from parked p where not exists (
        select from dead_letters l where (l.grp, l.topic, l.key) = (p.grp, p.topic, p.key)
            and l.state in ('parked', 'waiting', 'retry', 'discard'))
"""
_ANSWERS = """
    select principal, key, body from idempotency
    where body is not null and position(convert_to($1, 'UTF8') in body) > 0 for update
"""
_LATE = "insert into erased_messages(workspace, id) select * from unnest($1::text[], $2::uuid[]) on conflict do nothing"


@dataclass(frozen=True, slots=True)
class Erasure:
    """A request to forget a person; `done` are the services that say they have."""

    request: UUID
    by: str | None
    before: datetime
    done: tuple[str, ...] = ()


async def ask(tx: asyncpg.Connection, workspace: str, person: UUID, asked: Erasure) -> None:
    """Keep the request."""
    await tx.execute(_ASK, workspace, person, asked.request, asked.by, asked.before)


async def know(tx: asyncpg.Connection, asked: Sequence[tuple[str, UUID, Erasure]]) -> None:
    """Keep requests that a restored database has forgotten."""
    rows = [(workspace, person, one.request, one.by, one.before) for workspace, person, one in asked]
    await tx.execute(_KNOW, *(list(column) for column in zip(*rows, strict=True)))


async def newest(connection: asyncpg.Connection, workspace: str, person: UUID) -> Erasure | None:
    """The person's newest request."""
    row = await connection.fetchrow(_READ, workspace, person)
    return Erasure(row["request"], row["asked_by"], row["before"], tuple(row["done"])) if row else None


async def done(tx: asyncpg.Connection, said: Sequence[tuple[str, UUID, UUID, str]]) -> None:
    """Note services' words, as (workspace, person, request, service), one by one: a batch may hold several of one."""
    for one in said:
        await tx.execute(_DONE, *([value] for value in one))


async def identities(tx: asyncpg.Connection, workspace: str, person: UUID) -> list[tuple[str, str, str]]:
    """The person's identities as (kind, scope, value), locked."""
    return [(row["kind"], row["scope"], row["value"]) for row in await tx.fetch(_IDENTITIES, workspace, person)]


async def bury(tx: asyncpg.Connection, tombstones: Sequence[tuple[str, str, datetime]]) -> None:
    """Set tombstones, as (workspace, HMAC, before); each once."""
    if tombstones:
        await tx.execute(_BURY, *(list(column) for column in zip(*sorted(tombstones), strict=True)))


async def forget(tx: asyncpg.Connection, workspace: str, person: UUID, values: Sequence[str]) -> None:
    """Blank everything personal of this person; `values` are the addresses that dead letters may hold."""
    for statement in _FORGET:
        await tx.execute(statement, workspace, person)
    for value in values:
        await tx.execute(_LETTERS, value)
    await tx.execute(_UNPARK)
    for row in await tx.fetch(_ANSWERS, str(person)):
        blanked = orjson.dumps(_blanked(orjson.loads(row["body"])))
        await tx.execute(
            "update idempotency set body = $3 where principal = $1 and key = $2", row["principal"], row["key"], blanked
        )


def _blanked(answer: object) -> object:
    """A stored answer without the words of a customer."""
    if isinstance(answer, dict):
        return {k: None if k in ("subject", "order") else _blanked(value) for k, value in answer.items()}
    return answer


async def came_late(tx: asyncpg.Connection, keys: Sequence[tuple[str, UUID]]) -> None:
    """Account for messages that are not kept."""
    if keys:
        await tx.execute(_LATE, [key[0] for key in keys], [key[1] for key in keys])

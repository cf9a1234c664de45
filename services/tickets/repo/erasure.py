"""Forgetting a person: rows lose what is personal and keep ids, states and times, so that statistics survive."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

Key = tuple[str, UUID]
"""Workspace and id."""
Identity = tuple[str, str, str]
"""Kind, scope, value."""

# The person's row comes first: whoever takes in his messages waits for it, and finds him erased.
_MARK = """
    update persons set erased = true, name = null, language = null, spoken = null, zone = null, preference = null,
        tags = '{}', notes = null, organisation = null, version = version + 1
    where workspace = $1 and id = $2 returning version
"""
_GROUP = """
    select g.id from persons p join persons g on g.workspace = p.workspace
        and (g.id = coalesce(p.root, p.id) or g.root = coalesce(p.root, p.id))
    where p.workspace = $1 and p.id = $2 order by g.id for update of g
"""
_UNLINK = "delete from identities where workspace = $1 and person = $2 returning kind, scope, value"
_UNCOPY = """
    update messages m set copied = coalesce((
        select jsonb_agg(one) from jsonb_array_elements(m.copied) as one
        where not (one ->> 'kind' = u.kind and one ->> 'scope' = u.scope and one ->> 'value' = u.value)), '[]')
    from unnest($2::text[], $3::text[], $4::text[]) as u(kind, scope, value)
    where m.workspace = $1 and m.copied <> '[]'
        and m.copied @> jsonb_build_array(jsonb_build_object('kind', u.kind, 'scope', u.scope, 'value', u.value))
"""
_OWN = "(side = $2 or side is null and person = $2)"
"""Tickets that the person himself began, whatever was merged."""
_UNTHREAD = f"update tickets set thread = null where workspace = $1 and {_OWN} and thread is not null"
_ASK = """
    insert into erasures(workspace, person, request, asked_by, before, prefixes)
    values ($1, $2, $3, $4, clock_timestamp(), $5) returning before
"""
_KNOW = """
    insert into erasures(workspace, person, request, asked_by, before) values ($1, $2, $3, $4, $5)
    on conflict do nothing returning true
"""
_READ = """
    select request, asked_by, before, done from erasures where workspace = $1 and person = $2
    order by before desc, request desc limit 1
"""
_OF_ALL = """
    select distinct on (g.id) e.done from persons p
    join persons g on g.workspace = p.workspace
        and (g.id = coalesce(p.root, p.id) or g.root = coalesce(p.root, p.id))
    join erasures e on e.workspace = g.workspace and e.person = g.id
    where p.workspace = $1 and p.id = $2 order by g.id, e.before desc, e.request desc
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
_PREFIXES = "select prefixes from erasures where workspace = $1 and person = $2 for update"
_EMPTIED = "update erasures set prefixes = '{}' where workspace = $1 and person = $2"
_EVERYBODY = "select kind, scope, value, person from identities where workspace = $1"
_WROTE_ON = """
    ticket in (
        select id from tickets where workspace = $1 and person = $2 and side is null
        union select id from tickets where workspace = $1 and side = $2
        union select ticket from participants where workspace = $1 and person = $2)
"""
_WRITES_ON = f"""
    select exists (
        select from messages
        where workspace = $1 and person = $2 and author = 'customer' and accepted_at >= $3 and {_WROTE_ON})
"""
_FORGET = (
    "update tickets set subject = null, thread = null, order_name = null "
    f"where workspace = $1 and {_OWN} and opened_at < $3",
    f"""
    update messages set body = '', body_blob = null, quoted = null, message_id = null, subject = null,
        attachments = '[]', copied = '[]', content_key = null,
        natural_id = id::text, edit_of = null,
        sender_kind = null, sender_scope = null, sender_value = null, sender_name = null, thread = null
    where workspace = $1 and person = $2 and (accepted_at < $3 or author <> 'customer') and {_WROTE_ON}
    """,
    f"delete from uploads where workspace = $1 and at < $3 and {_WROTE_ON}",
    """
    update changes set body = '', body_blob = null, attachments = '[]', hashes = '{}'
    where workspace = $1 and person = $2 and accepted_at < $3
    """,
    "delete from verifications where workspace = $1 and person = $2 and sent_at < $3",
    f"update overrides set reason = '' where workspace = $1 and at < $3 and {_WROTE_ON}",
    f"""
    update happenings set detail = detail #- '{{changes,subject}}' #- '{{changes,order_name}}' #- '{{why}}'
    where workspace = $1 and recorded_at < $3 and what = 'changed' and {_WROTE_ON}
        and (detail ? 'why' or detail -> 'changes' ?| array['subject', 'order_name'])
    """,
)
_LETTERS = "select id, record from dead_letters where topic = $1 order by id for update"
_SHRED = "delete from dead_letters where id = any($1)"
_ANSWERS = """
    select principal, key, body from idempotency
    where body is not null and position(convert_to($1, 'UTF8') in body) > 0 for update
"""
_REPLACE = "update idempotency set body = $3 where principal = $1 and key = $2"
_LATE = "insert into erased_messages(workspace, id) select * from unnest($1::text[], $2::uuid[]) on conflict do nothing"


@dataclass(frozen=True, slots=True)
class Erasure:
    """A request to forget a person; `done` are the services that say they have."""

    request: UUID
    by: str | None
    before: datetime
    done: tuple[str, ...] = ()


async def group(tx: asyncpg.Connection, key: Key) -> list[UUID]:
    """Everybody who is one person with this one, locked."""
    return [row["id"] for row in await tx.fetch(_GROUP, *key)]


async def mark(tx: asyncpg.Connection, key: Key) -> int:
    """Take a person's name and languages away and mark him as erased; gives the version of this state of him."""
    return int(await tx.fetchval(_MARK, *key) or 0)


async def unlink(tx: asyncpg.Connection, key: Key) -> list[Identity]:
    """Take a person's identities away, also where others copied him in; what arrives from them is a new person's."""
    identities: list[Identity] = sorted(tuple(row.values()) for row in await tx.fetch(_UNLINK, *key))
    for one in identities:
        await tx.execute(_UNCOPY, key[0], *([part] for part in one))
    return identities


async def unthread(tx: asyncpg.Connection, key: Key) -> None:
    """Conversations of the person go on as new ones: they lead to none of his tickets any more."""
    await tx.execute(_UNTHREAD, *key)


async def ask(tx: asyncpg.Connection, key: Key, request: UUID, by: str | None, prefixes: Sequence[str]) -> Erasure:
    """Keep a request; what was accepted before this moment of the database's clock is to be forgotten."""
    return Erasure(request, by, await tx.fetchval(_ASK, *key, request, by, list(prefixes)))


async def know(tx: asyncpg.Connection, key: Key, asked: Erasure) -> bool:
    """Keep a request; True where this database did not know it, since it was restored to a time before."""
    return bool(await tx.fetchval(_KNOW, *key, asked.request, asked.by, asked.before))


async def newest(connection: asyncpg.Connection, workspace: str, person: UUID) -> Erasure | None:
    """The person's newest request; done are services that have forgotten all who were merged with him, too."""
    row = await connection.fetchrow(_READ, workspace, person)
    if row is None:
        return None
    words = [set(other["done"]) for other in await connection.fetch(_OF_ALL, workspace, person)]
    return Erasure(row["request"], row["asked_by"], row["before"], tuple(sorted(set.intersection(*words))))


async def done(tx: asyncpg.Connection, said: Sequence[tuple[str, UUID, UUID, str]]) -> None:
    """Note services' words, as (workspace, person, request, service), one by one: a batch may hold several of one."""
    for one in said:
        await tx.execute(_DONE, *([value] for value in one))


async def bury(tx: asyncpg.Connection, tombstones: Sequence[tuple[str, str, datetime]]) -> None:
    """Set tombstones, as (workspace, HMAC, before); each once."""
    if tombstones:
        await tx.execute(_BURY, *(list(column) for column in zip(*sorted(tombstones), strict=True)))


async def prefixes(tx: asyncpg.Connection, key: Key) -> list[str]:
    """Where files of the person still lie."""
    return sorted({prefix for row in await tx.fetch(_PREFIXES, *key) for prefix in row["prefixes"]})


async def emptied(tx: asyncpg.Connection, key: Key) -> None:
    """The person's files are gone, and nothing tells any more where they lay."""
    await tx.execute(_EMPTIED, *key)


async def everybody(tx: asyncpg.Connection, workspace: str) -> AsyncIterator[tuple[Identity, UUID]]:
    """Every identity of a workspace with its person, a thousand at a time."""
    async for row in tx.cursor(_EVERYBODY, workspace, prefetch=1000):
        yield (row["kind"], row["scope"], row["value"]), row["person"]


async def writes_on(tx: asyncpg.Connection, key: Key, before: datetime) -> bool:
    """Whether something stands here that was accepted from the person since."""
    return bool(await tx.fetchval(_WRITES_ON, *key, before))


async def forget(tx: asyncpg.Connection, key: Key, before: datetime) -> None:
    """Blank what this person said before that moment, and what was said to him."""
    for statement in _FORGET:
        await tx.execute(statement, *key, before)


async def stored_answers(tx: asyncpg.Connection, person: UUID) -> list[tuple[str, str, bytes]]:
    """Answers of commands that name the person, as (principal, key, body), locked."""
    return [(row["principal"], row["key"], row["body"]) for row in await tx.fetch(_ANSWERS, str(person))]


async def replace_answer(tx: asyncpg.Connection, principal: str, key: str, body: bytes) -> None:
    """A stored answer without what it must not hold any more."""
    await tx.execute(_REPLACE, principal, key, body)


async def letters(tx: asyncpg.Connection, topic: str) -> list[tuple[int, bytes]]:
    """Every dead letter of a topic in any state, as (number, record), locked."""
    return [(row["id"], row["record"]) for row in await tx.fetch(_LETTERS, topic)]


async def shred(tx: asyncpg.Connection, numbers: Sequence[int]) -> None:
    """Delete dead letters."""
    if numbers:
        await tx.execute(_SHRED, list(numbers))


async def came_late(tx: asyncpg.Connection, keys: Sequence[Key]) -> None:
    """Account for messages that are not kept."""
    if keys:
        await tx.execute(_LATE, [key[0] for key in keys], [key[1] for key in keys])

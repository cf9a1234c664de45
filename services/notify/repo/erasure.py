"""Erasing a person: rows lose what is personal and keep ids and states; what arrives later finds the tombstone."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

_BURY = """
    insert into erased as e (workspace, person, before, request)
    select * from unnest($1::text[], $2::uuid[], $3::timestamptz[], $4::uuid[])
    on conflict (workspace, person) do update set before = greatest(e.before, excluded.before)
"""
_TOMBSTONES = """
    select e.workspace, e.person, e.before from erased e
    join unnest($1::text[], $2::uuid[]) as u(workspace, person) using (workspace, person)
"""
_KEYS = """
    select s.workspace, s.message from sends s
    join unnest($1::text[], $2::uuid[]) as u(workspace, person) using (workspace, person)
"""
_BLANK = """
    update sends s set content = null, provider_id = null, names = '{}', conversation = null,
        recipient = case s.step when 'done' then '' else s.message::text end
    from unnest($1::text[], $2::uuid[]) as u(workspace, person)
    where s.workspace = u.workspace and s.person = u.person
"""
"""A row under way keeps a name of its own, so that it holds up no other conversation."""
_CONTACTS = """
    insert into contacts as c (workspace, person, version, identities, erased)
    select workspace, person, 0, '[]', true from unnest($1::text[], $2::uuid[]) as u(workspace, person)
    on conflict (workspace, person) do update set
        name = null, identities = '[]', language = null, zone = null, preference = null, erased = true
"""
_PARKED = "select 1 from parked order by grp, topic, key for update"
_LETTERS = """
    delete from dead_letters where id in (
        select l.id from dead_letters l
        join unnest($1::text[]) as u(person) on position(convert_to(u.person, 'UTF8') in l.record) > 0)
"""
_UNPARK = """
    delete from parked p where not exists (
        select from dead_letters l where (l.grp, l.topic, l.key) = (p.grp, p.topic, p.key)
            and l.state in ('parked', 'waiting', 'retry', 'discard'))
"""

Person = tuple[str, UUID]
"""Workspace and id."""


async def bury(tx: asyncpg.Connection, people: Sequence[tuple[Person, datetime, UUID]]) -> None:
    """Set tombstones: what was asked for before that moment is not sent."""
    newest = {person: (before, request) for person, before, request in sorted(people, key=lambda one: one[1])}
    ordered = sorted(newest)
    moments, requests = [newest[p][0] for p in ordered], [newest[p][1] for p in ordered]
    await tx.execute(_BURY, *_columns(ordered), moments, requests)


async def tombstones(tx: asyncpg.Connection, people: Sequence[Person]) -> dict[Person, datetime]:
    """Until when what was asked for these people is dropped, for those who were erased."""
    rows = await tx.fetch(_TOMBSTONES, *_columns(sorted(set(people))))
    return {(row["workspace"], row["person"]): row["before"] for row in rows}


async def sends_of(tx: asyncpg.Connection, people: Sequence[Person]) -> list[tuple[str, UUID]]:
    """The keys of their rows in the ledger."""
    return [(row["workspace"], row["message"]) for row in await tx.fetch(_KEYS, *_columns(people))]


async def blank(tx: asyncpg.Connection, people: Sequence[Person]) -> None:
    """Take everything personal out of the ledger, the contacts and the dead letters."""
    await tx.execute(_BLANK, *_columns(people))
    await tx.execute(_CONTACTS, *_columns(people))
    await tx.execute(_PARKED)
    await tx.execute(_LETTERS, [str(person) for _, person in people])
    await tx.execute(_UNPARK)


def _columns(people: Sequence[Person]) -> tuple[list[str], list[UUID]]:
    return [person[0] for person in people], [person[1] for person in people]

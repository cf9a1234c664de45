"""Copies of people: whom to reach how; the newest version wins."""

from collections.abc import Sequence

import asyncpg
import orjson

from shared.contracts.contacts import ContactChanged
from shared.contracts.envelope import Event

_COPY = """
    insert into contacts as c (workspace, person, version, name, identities, language, zone, preference, erased)
    select * from unnest($1::text[], $2::uuid[], $3::int[], $4::text[], $5::jsonb[], $6::text[], $7::text[],
                         $8::text[], $9::bool[])
    on conflict (workspace, person) do update set
        version = excluded.version, name = excluded.name, identities = excluded.identities,
        language = excluded.language, zone = excluded.zone, preference = excluded.preference,
        erased = excluded.erased
    where (excluded.version > c.version or excluded.erased) and not c.erased
"""
"""One who was erased stays so: nothing older or newer brings the name back."""


async def copy(tx: asyncpg.Connection, events: Sequence[Event[ContactChanged]]) -> None:
    """Take each person's newest state of the batch."""
    newest = {(event.workspace, event.data.person): event for event in sorted(events, key=lambda e: e.version or 0)}
    rows = [_row(newest[key]) for key in sorted(newest)]
    if rows:
        await tx.execute(_COPY, *map(list, zip(*rows, strict=True)))


def _row(event: Event[ContactChanged]) -> tuple[object, ...]:
    said = event.data
    if said.erased:
        said = ContactChanged(person=said.person, erased=True)
    identities = orjson.dumps([identity.model_dump() for identity in said.identities]).decode()
    facts = (said.name, identities, said.language, said.zone, said.preference, said.erased)
    return (event.workspace, said.person, event.version or 0, *facts)

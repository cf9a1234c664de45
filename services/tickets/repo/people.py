"""People and their identities: found or made, and locked in order, before any ticket is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

Address = tuple[str, str, str, str]
"""Workspace, kind, scope, value."""

_CLAIM = """
    insert into identities(workspace, kind, scope, value, person, verified)
    select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::bool[])
    on conflict do nothing
    returning workspace, person
"""
_MAKE = """
    insert into persons(workspace, id, name, language, created_at)
    select * from unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[])
    on conflict do nothing
"""
_FIND = """
    select i.workspace, i.kind, i.scope, i.value, i.verified, p.id, p.language, p.spoken
    from unnest($1::text[], $2::text[], $3::text[], $4::text[]) as u(workspace, kind, scope, value)
    join identities i using (workspace, kind, scope, value)
    join persons p on p.workspace = i.workspace and p.id = i.person
    order by p.workspace, p.id for update of p
"""
_VERIFY = """
    update identities i set verified = true
    from unnest($1::text[], $2::text[], $3::text[], $4::text[]) as u(workspace, kind, scope, value)
    where (i.workspace, i.kind, i.scope, i.value) = (u.workspace, u.kind, u.scope, u.value)
"""
_SPOKEN = """
    update persons p set spoken = u.spoken
    from unnest($1::text[], $2::uuid[], $3::text[]) as u(workspace, id, spoken)
    where p.workspace = u.workspace and p.id = u.id
"""


@dataclass(frozen=True, slots=True)
class Candidate:
    """The person an address would belong to, were it new; `verified` where the provider proves the address."""

    person: UUID
    name: str | None
    language: str | None
    verified: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Person:
    """A person as the batch needs him: the language he chose, and the one his last clear text was in."""

    workspace: str
    id: UUID
    language: str | None
    spoken: str | None = None


async def find_or_make(tx: asyncpg.Connection, candidates: Mapping[Address, Candidate]) -> dict[Address, Person]:
    """The person of each address, locked; two batches that meet a new address at once agree on one person."""
    addresses = sorted(candidates)
    columns = [list(column) for column in zip(*addresses, strict=True)]
    chosen = [candidates[address] for address in addresses]
    made = await tx.fetch(_CLAIM, *columns, [c.person for c in chosen], [c.verified for c in chosen])
    if made:
        await _make(tx, {(row["workspace"], row["person"]) for row in made}, addresses, chosen)
    rows = {tuple(row.values())[:4]: row for row in await tx.fetch(_FIND, *columns)}
    proven = [address for address in addresses if candidates[address].verified and not rows[address]["verified"]]
    if proven:
        await tx.execute(_VERIFY, *(list(column) for column in zip(*proven, strict=True)))
    return {
        address: Person(row["workspace"], row["id"], row["language"], row["spoken"]) for address, row in rows.items()
    }


async def _make(
    tx: asyncpg.Connection,
    new: set[tuple[str, UUID]],
    addresses: Sequence[Address],
    chosen: Sequence[Candidate],
) -> None:
    rows = {(a[0], c.person): c for a, c in zip(addresses, chosen, strict=True) if (a[0], c.person) in new}
    keys = sorted(rows)
    await tx.execute(
        _MAKE,
        [key[0] for key in keys],
        [key[1] for key in keys],
        [rows[key].name for key in keys],
        [rows[key].language for key in keys],
        [rows[key].at for key in keys],
    )


async def learn_spoken(tx: asyncpg.Connection, learned: Mapping[tuple[str, UUID], str]) -> None:
    """Keep which language people's last clear texts were in."""
    if learned:
        keys = sorted(learned)
        await tx.execute(_SPOKEN, [k[0] for k in keys], [k[1] for k in keys], [learned[k] for k in keys])

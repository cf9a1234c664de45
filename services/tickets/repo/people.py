"""People and their identities: found or made, and locked in order, before any ticket is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

Address = tuple[str, str, str, str]
"""Workspace, kind, scope, value."""

_CLAIM = """
    with claimed as (
        insert into identities(workspace, kind, scope, value, person, verified)
        select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::bool[])
        on conflict do nothing
        returning workspace, kind, scope, value
    ), made as (
        insert into persons(workspace, id, name, language, spoken, created_at)
        select u.workspace, u.person, u.name, u.language, u.spoken, u.at
        from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::uuid[], $7::text[], $8::text[], $9::text[],
            $10::timestamptz[]) as u(workspace, kind, scope, value, person, name, language, spoken, at)
        join claimed using (workspace, kind, scope, value)
        order by u.workspace, u.person
        on conflict do nothing
    )
    select * from claimed
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
    spoken: str | None
    verified: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Person:
    """A person as the batch needs him: the language he chose, and the one his last clear text was in."""

    workspace: str
    id: UUID
    language: str | None
    spoken: str | None = None
    new: bool = False
    """This batch made him, so nothing about him is stored yet."""


async def find_or_make(tx: asyncpg.Connection, candidates: Mapping[Address, Candidate]) -> dict[Address, Person]:
    """The person of each address, locked; two batches that meet a new address at once agree on one person."""
    addresses = sorted(candidates)
    chosen = [candidates[address] for address in addresses]
    claimed = await tx.fetch(
        _CLAIM,
        *_columns(addresses),
        [c.person for c in chosen],
        [c.verified for c in chosen],
        [c.name for c in chosen],
        [c.language for c in chosen],
        [c.spoken for c in chosen],
        [c.at for c in chosen],
    )
    new = {tuple(row.values()) for row in claimed}
    people = {a: Person(a[0], c.person, c.language, c.spoken, new=True) for a, c in candidates.items() if a in new}
    return people | await _find(tx, {a: candidates[a] for a in addresses if a not in new})


async def _find(tx: asyncpg.Connection, candidates: Mapping[Address, Candidate]) -> dict[Address, Person]:
    if not candidates:
        return {}
    rows = {tuple(row.values())[:4]: row for row in await tx.fetch(_FIND, *_columns(list(candidates)))}
    proven = [a for a, candidate in candidates.items() if candidate.verified and not rows[a]["verified"]]
    if proven:
        await tx.execute(_VERIFY, *_columns(proven))
    return {
        address: Person(row["workspace"], row["id"], row["language"], row["spoken"]) for address, row in rows.items()
    }


def _columns(addresses: Sequence[Address]) -> list[list[str]]:
    return [list(column) for column in zip(*addresses, strict=True)]


async def learn_spoken(tx: asyncpg.Connection, learned: Mapping[tuple[str, UUID], str]) -> None:
    """Keep which language people's last clear texts were in."""
    if learned:
        keys = sorted(learned)
        await tx.execute(_SPOKEN, [k[0] for k in keys], [k[1] for k in keys], [learned[k] for k in keys])

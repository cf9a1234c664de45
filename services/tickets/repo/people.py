"""People and their identities: found or made, and locked in order, before any ticket is."""

from collections.abc import Collection, Mapping, Sequence
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
        insert into persons(workspace, id, name, language, spoken, created_at, version)
        select u.workspace, u.person, u.name, u.language, u.spoken, u.at, 1
        from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::uuid[], $7::text[], $8::text[], $9::text[],
            $10::timestamptz[]) as u(workspace, kind, scope, value, person, name, language, spoken, at)
        join claimed using (workspace, kind, scope, value)
        order by u.workspace, u.person
        on conflict do nothing
    )
    select * from claimed
"""
_FIND = """
    select i.workspace, i.kind, i.scope, i.value, i.verified, p.id, p.language, p.spoken, p.erased, s.id as side
    from unnest($1::text[], $2::text[], $3::text[], $4::text[]) as u(workspace, kind, scope, value)
    join identities i using (workspace, kind, scope, value)
    join persons s on s.workspace = i.workspace and s.id = i.person
    join persons p on p.workspace = s.workspace and p.id = coalesce(s.root, s.id)
    order by p.workspace, p.id for update of p, s
"""
_UNCLAIM = """
    delete from identities i
    using unnest($1::text[], $2::text[], $3::text[], $4::text[]) as u(workspace, kind, scope, value)
    where (i.workspace, i.kind, i.scope, i.value) = (u.workspace, u.kind, u.scope, u.value)
"""
_UNMAKE = """
    delete from persons p using unnest($1::text[], $2::uuid[]) as u(workspace, id)
    where p.workspace = u.workspace and p.id = u.id and not p.erased
"""
_TOLD = """
    update persons p set version = p.version + 1
    from unnest($1::text[], $2::uuid[]) as u(workspace, id) where p.workspace = u.workspace and p.id = u.id
    returning p.workspace, p.id, p.version, coalesce(p.name, (
            select s.name from persons s where s.workspace = p.workspace and s.root = p.id and s.name is not null
            order by s.merged_at, s.id limit 1)) as name,
        coalesce(p.language, p.spoken) as language, p.zone, p.preference, p.merged_into, (
        select coalesce(json_agg(
            json_build_object('kind', i.kind, 'scope', i.scope, 'value', i.value, 'verified', i.verified)
            order by i.kind, i.scope, i.value), '[]')
        from persons s join identities i on i.workspace = s.workspace and i.person = s.id
        where s.workspace = p.workspace and p.merged_into is null and (s.id = p.id or s.root = p.id)
        )::text as identities
"""
_VERIFY = """
    update identities i set verified = true
    from unnest($1::text[], $2::text[], $3::text[], $4::text[]) as u(workspace, kind, scope, value)
    where (i.workspace, i.kind, i.scope, i.value) = (u.workspace, u.kind, u.scope, u.value)
"""
_JOINED_IN = """
    insert into participants(workspace, person, ticket)
    select * from unnest($1::text[], $2::uuid[], $3::uuid[]) on conflict do nothing
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
    proven: bool = False
    """The provider proved an identity of his for the first time."""
    side: UUID | None = None
    """The identity's own person, where he was merged into this one."""

    @property
    def own(self) -> UUID:
        """Whose words these are, whatever is merged: what is undone goes by it."""
        return self.side or self.id


async def find_or_make(tx: asyncpg.Connection, candidates: Mapping[Address, Candidate]) -> dict[Address, Person]:
    """The person of each address, locked; two batches that meet a new address at once agree on one person."""
    new = await _claim(tx, candidates)
    known, gone = await _find(tx, {address: one for address, one in candidates.items() if address not in new})
    if gone:  # erased between the two looks: the addresses are free now
        again = {address: candidates[address] for address in gone}
        new |= await _claim(tx, again)
        known |= (await _find(tx, {address: one for address, one in again.items() if address not in new}))[0]
    return new | known


async def _claim(tx: asyncpg.Connection, candidates: Mapping[Address, Candidate]) -> dict[Address, Person]:
    """Make the people of addresses that nobody has."""
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
    return {a: Person(a[0], c.person, c.language, c.spoken, new=True) for a, c in candidates.items() if a in new}


async def _find(
    tx: asyncpg.Connection, candidates: Mapping[Address, Candidate]
) -> tuple[dict[Address, Person], set[Address]]:
    """The people of addresses that somebody has, and the addresses whose people were erased at this moment."""
    if not candidates:
        return {}, set()
    found = {tuple(row.values())[:4]: row for row in await tx.fetch(_FIND, *_columns(list(candidates)))}
    rows = {address: row for address, row in found.items() if not row["erased"]}
    proven = [a for a, candidate in candidates.items() if a in rows and candidate.verified and not rows[a]["verified"]]
    if proven:
        await tx.execute(_VERIFY, *_columns(proven))
    known = {
        address: Person(
            row["workspace"],
            row["id"],
            row["language"],
            row["spoken"],
            proven=address in proven,
            side=row["side"] if row["side"] != row["id"] else None,
        )
        for address, row in rows.items()
    }
    return known, candidates.keys() - known.keys()


async def unmake(tx: asyncpg.Connection, people: Mapping[Address, Person]) -> None:
    """Take back people whom this batch made, since nothing of them is to be kept."""
    if people:
        await tx.execute(_UNCLAIM, *_columns(sorted(people)))
        keys = [people[address] for address in sorted(people)]
        await tx.execute(_UNMAKE, [person.workspace for person in keys], [person.id for person in keys])


async def joined_in(tx: asyncpg.Connection, guests: Collection[tuple[str, UUID, UUID]]) -> None:
    """Remember who wrote on others' tickets, as (workspace, person, ticket)."""
    if guests:
        await tx.execute(_JOINED_IN, *(list(column) for column in zip(*sorted(guests), strict=True)))


async def told(tx: asyncpg.Connection, keys: Sequence[tuple[str, UUID]]) -> list[asyncpg.Record]:
    """Count another state of these people; gives each with his identities, as `contacts` tells them."""
    return await tx.fetch(_TOLD, [key[0] for key in keys], [key[1] for key in keys]) if keys else []


def _columns(addresses: Sequence[Address]) -> list[list[str]]:
    return [list(column) for column in zip(*addresses, strict=True)]


async def learn_spoken(tx: asyncpg.Connection, learned: Mapping[tuple[str, UUID], str]) -> None:
    """Keep which language people's last clear texts were in."""
    if learned:
        keys = sorted(learned)
        await tx.execute(_SPOKEN, [k[0] for k in keys], [k[1] for k in keys], [learned[k] for k in keys])

"""Organisations: several persons of one account, joined by the mail domains that are theirs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from shared.identity import Identity

_COLUMNS = """
    o.id, o.version, o.name, o.tags, o.notes, o.created_at, array(
        select d.domain from organisation_domains d where d.workspace = o.workspace and d.organisation = o.id
        order by d.domain) as domains
"""
_ONE = f"select {_COLUMNS} from organisations o where o.workspace = $1 and o.id = $2"
_PAGE = f"""
    select {_COLUMNS} from organisations o where o.workspace = $1 and (lower(o.name), o.id) > ($2, $3)
    order by lower(o.name), o.id limit $4
"""
_INSERT = "insert into organisations(workspace, id, name, tags, notes) values ($1, $2, $3, $4, $5)"
_UPDATE = """
    update organisations set name = $3, tags = $4, notes = $5, version = version + 1 where workspace = $1 and id = $2
    returning version
"""
_TAKE = """
    insert into organisation_domains(workspace, domain, organisation)
    select $1, u.domain, $2 from unnest($3::text[]) as u(domain) on conflict do nothing
"""
_OTHERS = """
    select d.domain, d.organisation from organisation_domains d
    where d.workspace = $1 and d.organisation <> $2 and d.domain = any($3::text[]) order by d.domain
"""
_LEAVE = "delete from organisation_domains where workspace = $1 and organisation = $2 and not domain = any($3::text[])"
_DELETE = "delete from organisations where workspace = $1 and id = $2 returning true"
_FREE = "update persons set organisation = null where workspace = $1 and organisation = $2 returning id"
_JOIN = """
    with belonging as (
        select distinct on (p.id) p.id, d.organisation
        from unnest($2::text[]) as u(domain)
        join organisation_domains d on d.workspace = $1 and d.domain = u.domain
        join identities i on i.workspace = $1 and i.kind = 'email' and i.verified
            and lower(split_part(i.value, '@', 2)) = u.domain
        join persons s on s.workspace = $1 and s.id = i.person
        join persons p on p.workspace = $1 and p.id = coalesce(s.root, s.id)
        where p.organisation is null and not p.erased and ($3::uuid[] is null or p.id = any($3))
        order by p.id, d.organisation
    )
    update persons p set organisation = b.organisation from belonging b where p.workspace = $1 and p.id = b.id
    returning p.id
"""
_MEMBERS = """
    select p.id, p.name from persons p
    where p.workspace = $1 and p.organisation = $2 and p.merged_into is null and p.id > $3
        and ($4::text[] = '{}' or exists (
            select from tickets t where t.workspace = $1 and t.person = p.id and t.shop = any($4)))
    order by p.id limit $5
"""


@dataclass(frozen=True, slots=True)
class Organisation:
    """Several persons of one account."""

    id: UUID
    version: int
    name: str
    tags: tuple[str, ...]
    notes: str | None
    created_at: datetime
    domains: tuple[str, ...]


async def one(connection: asyncpg.Connection, workspace: str, id_: UUID, *, lock: bool = False) -> Organisation | None:
    """An organisation."""
    row = await connection.fetchrow(_ONE + (" for update" if lock else ""), workspace, id_)
    return _of(row) if row is not None else None


def _of(row: asyncpg.Record) -> Organisation:
    facts = dict(row)
    return Organisation(**facts | {"tags": tuple(facts["tags"]), "domains": tuple(facts["domains"])})


async def page(
    connection: asyncpg.Connection, workspace: str, after: tuple[str, UUID], most: int
) -> list[Organisation]:
    """By name."""
    return [_of(row) for row in await connection.fetch(_PAGE, workspace, *after, most)]


async def members(
    connection: asyncpg.Connection, who: Identity, id_: UUID, after: UUID, most: int
) -> Sequence[asyncpg.Record]:
    """Who belongs to it, of those whom the caller may see."""
    return await connection.fetch(_MEMBERS, who.workspace, id_, after, list(who.shops), most)


async def insert(tx: asyncpg.Connection, workspace: str, new: Organisation) -> None:
    """Make it, without its domains."""
    await tx.execute(_INSERT, workspace, new.id, new.name, list(new.tags), new.notes)


async def update(tx: asyncpg.Connection, workspace: str, after: Organisation) -> int:
    """Write it, without its domains; gives its version."""
    return int(await tx.fetchval(_UPDATE, workspace, after.id, after.name, list(after.tags), after.notes))


async def take(tx: asyncpg.Connection, workspace: str, id_: UUID, domains: Sequence[str]) -> list[tuple[str, UUID]]:
    """Make these its domains; gives those that another organisation has."""
    await tx.execute(_LEAVE, workspace, id_, domains)
    await tx.execute(_TAKE, workspace, id_, domains)
    return [(row["domain"], row["organisation"]) for row in await tx.fetch(_OTHERS, workspace, id_, domains)]


async def delete(tx: asyncpg.Connection, workspace: str, id_: UUID) -> list[UUID] | None:
    """Take it away; gives who belonged to it, or None where it is not there."""
    if not await tx.fetchval(_DELETE, workspace, id_):
        return None
    await tx.execute(_LEAVE, workspace, id_, [])
    return [row["id"] for row in await tx.fetch(_FREE, workspace, id_)]


async def belong(
    tx: asyncpg.Connection, workspace: str, domains: Sequence[str], people: Sequence[UUID] | None = None
) -> list[UUID]:
    """Put whoever proved an address of these domains, and belongs nowhere, into the organisation that lists it."""
    rows = await tx.fetch(_JOIN, workspace, domains, people) if domains else []
    return [row["id"] for row in rows]

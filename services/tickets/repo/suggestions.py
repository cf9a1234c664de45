"""Two persons who may be one: shown to people, who merge them or say that they are not."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

_SUGGEST = """
    insert into suggestions(workspace, id, first, second, why) values ($1, $2, $3, $4, $5)
    on conflict do nothing returning id
"""
_SEEN = """
    ({shops}::text[] = '{{}}' or exists (
        select from tickets t where t.workspace = $1 and t.person in (s.first, s.second) and t.shop = any({shops})
    ) and not exists (
        select from unnest(array[s.first, s.second]) as p(id)
        where exists (select from tickets t where t.workspace = $1 and t.person = p.id) and not exists (
            select from tickets t where t.workspace = $1 and t.person = p.id and t.shop = any({shops}))))
"""
"""Some ticket of the two is seen from these shops, and neither has only tickets that are not."""
_OPEN = f"""
    select s.id, s.first, s.second, s.why, s.at from suggestions s
    where s.workspace = $1 and s.state = 'open' and (s.at, s.id) < ($2, $3)
        and ($4::uuid is null or s.first = $4 or s.second = $4)
        and {_SEEN.format(shops="$5")}
    order by s.at desc, s.id desc limit $6
"""
_ONE = f"""
    select s.id, s.first, s.second, s.why, s.at from suggestions s
    where s.workspace = $1 and s.id = $2 and s.state = 'open' and {_SEEN.format(shops="$3")} for update
"""
_DECIDE = """
    update suggestions set state = $3, decided_by = $4, decided_at = clock_timestamp()
    where workspace = $1 and id = $2
"""
_ACCEPT = """
    update suggestions set state = 'accepted', decided_by = $3, decided_at = clock_timestamp()
    where workspace = $1 and state = 'open' and first = any($2::uuid[]) and second = any($2::uuid[])
"""
_FORGET = "delete from suggestions where workspace = $1 and (first = any($2::uuid[]) or second = any($2::uuid[]))"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Two persons, and why they may be one."""

    id: UUID
    first: UUID
    second: UUID
    why: str
    at: datetime


async def suggest(tx: asyncpg.Connection, workspace: str, id_: UUID, pair: tuple[UUID, UUID], why: str) -> bool:
    """Keep a suggestion; False where the same one is open already."""
    return await tx.fetchval(_SUGGEST, workspace, id_, *pair, why) is not None


async def open_ones(
    connection: asyncpg.Connection,
    workspace: str,
    before: tuple[datetime, UUID],
    most: int,
    *,
    shops: Sequence[str],
    person: UUID | None = None,
) -> list[Suggestion]:
    """Newest first; where shops are limited only those whose persons have tickets there, one of them perhaps none."""
    rows = await connection.fetch(_OPEN, workspace, *before, person, list(shops), most)
    return [Suggestion(*row.values()) for row in rows]


async def one(tx: asyncpg.Connection, workspace: str, id_: UUID, shops: Sequence[str]) -> Suggestion | None:
    """An open suggestion that may be seen from these shops, locked."""
    row = await tx.fetchrow(_ONE, workspace, id_, list(shops))
    return Suggestion(*row.values()) if row is not None else None


async def dismiss(tx: asyncpg.Connection, workspace: str, id_: UUID, by: str) -> None:
    """They are two."""
    await tx.execute(_DECIDE, workspace, id_, "dismissed", by)


async def accept(tx: asyncpg.Connection, workspace: str, people: Collection[UUID], by: str) -> None:
    """They are one now: nothing is left to suggest among them."""
    await tx.execute(_ACCEPT, workspace, sorted(people), by)


async def forget(tx: asyncpg.Connection, workspace: str, people: Collection[UUID]) -> None:
    """Somebody was erased."""
    await tx.execute(_FORGET, workspace, sorted(people))

"""Which message a provider's name belongs to: the first who claims it has it, whichever of the two topics came first.

A name is claimed before any ticket is locked, so whoever takes in the other word of the same message waits here and
sees the claim.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

_CLAIM = """
    insert into provider_names(workspace, hash, message) select * from unnest($1::text[], $2::text[], $3::uuid[])
    on conflict do nothing
"""
_OTHERS = """
    select n.workspace, n.hash, n.message, m.ticket
    from unnest($1::text[], $2::text[], $3::uuid[]) as u(workspace, hash, message)
    join provider_names n on n.workspace = u.workspace and n.hash = u.hash and n.message <> u.message
    left join messages m on m.workspace = n.workspace and m.id = n.message
"""
_GIVE = """
    update provider_names n set message = u.message
    from unnest($1::text[], $2::text[], $3::uuid[]) as u(workspace, hash, message)
    where n.workspace = u.workspace and n.hash = u.hash
"""
_COPY = """
    update messages m set copy_of = u.original, replied_at = null
    from unnest($1::text[], $2::uuid[], $3::uuid[]) as u(workspace, id, original)
    where m.workspace = u.workspace and m.id = u.id
"""

Name = tuple[str, str]
"""Workspace and HMAC."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The message that has a name, and its ticket, where it is here."""

    message: UUID
    ticket: UUID | None


async def claim(
    tx: asyncpg.Connection, wanted: Mapping[Name, UUID], older: Sequence[tuple[Name, UUID]] = ()
) -> dict[Name, Holder]:
    """Claim names for messages; gives who else has them. `older` are looked at only: names under keys before."""
    if not wanted:
        return {}
    ordered = sorted(wanted)
    await tx.execute(_CLAIM, [n[0] for n in ordered], [n[1] for n in ordered], [wanted[n] for n in ordered])
    asked = [*wanted.items(), *older]
    rows = await tx.fetch(_OTHERS, [n[0] for n, _ in asked], [n[1] for n, _ in asked], [id_ for _, id_ in asked])
    return {(row["workspace"], row["hash"]): Holder(row["message"], row["ticket"]) for row in rows}


async def give(tx: asyncpg.Connection, names: Mapping[Name, UUID], copies: Mapping[tuple[str, UUID], UUID]) -> None:
    """These names are these messages', and what had them before, by (workspace, id), is only a copy of them."""
    if names:
        await tx.execute(_GIVE, [n[0] for n in names], [n[1] for n in names], list(names.values()))
    if copies:
        await tx.execute(_COPY, [c[0] for c in copies], [c[1] for c in copies], list(copies.values()))

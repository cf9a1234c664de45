"""Organisations made and changed; whoever proved an address of a domain that one lists belongs to it."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import asyncpg

from services.tickets import contacts, profiles
from services.tickets.acting import Actor
from services.tickets.profiles import Wanted
from services.tickets.repo import field_changes, organisations
from services.tickets.repo.organisations import Organisation
from shared.bus import Context
from shared.errors import Conflict, NotFound


class DomainTaken(Conflict):
    """A mail domain leads to one organisation."""

    def __init__(self, taken: Sequence[tuple[str, UUID]]) -> None:
        super().__init__(
            "; ".join(f"the domain {domain} is organisation {other}'s; take it away there first"
                      for domain, other in taken),
            reason="domain_taken",
        )  # fmt: skip


async def make(tx: asyncpg.Connection, ctx: Context, actor: Actor, workspace: str, new: Organisation) -> None:
    """A new organisation."""
    await organisations.insert(tx, workspace, new)
    await field_changes.note(tx, workspace, new.id, 1, ["name", "tags", "notes", "domains"], actor.name)
    await _take(tx, ctx, actor, workspace, new)


async def edit(
    tx: asyncpg.Connection, ctx: Context, actor: Actor, workspace: str, id_: UUID, wanted: Wanted
) -> Organisation:
    """Change its fields; gives it after that."""
    before = await organisations.one(tx, workspace, id_, lock=True)
    if before is None:
        raise _none(id_)
    await profiles.require_unseen(tx, workspace, id_, wanted.seen, wanted.fields.keys())
    tags = profiles.tagged(before.tags, wanted.add_tags, wanted.remove_tags)
    after = replace(before, **wanted.fields, tags=tags)
    changed = {name for name in (*wanted.fields, "tags") if getattr(after, name) != getattr(before, name)}
    if not changed:
        return before
    after = replace(after, version=await organisations.update(tx, workspace, after))
    await field_changes.note(tx, workspace, id_, after.version, changed, actor.name)
    if "domains" in changed:
        await _take(tx, ctx, actor, workspace, after)
    return after


async def delete(tx: asyncpg.Connection, ctx: Context, actor: Actor, workspace: str, id_: UUID) -> None:
    """Take it away; its people belong nowhere."""
    freed = await organisations.delete(tx, workspace, id_)
    if freed is None:
        raise _none(id_)
    await _note(tx, ctx, actor, workspace, freed)


async def belong(
    tx: asyncpg.Connection, ctx: Context, actor: Actor, workspace: str, domains: Sequence[str], people: Sequence[UUID]
) -> None:
    """Put these people, where they proved an address of these domains, where they belong."""
    await _note(tx, ctx, actor, workspace, await organisations.belong(tx, workspace, domains, people))


async def _take(tx: asyncpg.Connection, ctx: Context, actor: Actor, workspace: str, after: Organisation) -> None:
    taken = await organisations.take(tx, workspace, after.id, after.domains)
    if taken:
        raise DomainTaken(taken)
    await _note(tx, ctx, actor, workspace, await organisations.belong(tx, workspace, after.domains))


async def _note(tx: asyncpg.Connection, ctx: Context, actor: Actor, workspace: str, people: Sequence[UUID]) -> None:
    versions = await contacts.tell_now(tx, ctx, [(workspace, person) for person in people], actor=actor.name)
    for (_, person), version in versions.items():
        await field_changes.note(tx, workspace, person, version, ["organisation"], actor.name)


def _none(id_: UUID) -> NotFound:
    return NotFound(f"there is no organisation {id_}")

"""What agents know of a person, changed field by field: told on `contacts`, and refused only over the same field."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import asyncpg

from services.tickets import contacts
from services.tickets.acting import Actor
from services.tickets.domain.editing import TAGS_MAX
from services.tickets.repo import field_changes, organisations, persons
from services.tickets.repo.persons import Profile
from shared.bus import Context
from shared.channels import CHANNELS
from shared.errors import Conflict, Invalid, NotFound, PreconditionFailed


class Gone(Conflict):
    """Nothing is changed of one who was merged away or erased."""

    def __init__(self, profile: Profile) -> None:
        if profile.erased:
            super().__init__(f"person {profile.id} was erased; nothing of him is kept", reason="erased")
        else:
            super().__init__(
                f"person {profile.id} was merged; go on with person {profile.merged_into}", reason="merged_away"
            )


@dataclass(frozen=True, slots=True)
class Wanted:
    """What should be otherwise: plain fields by their names, tags to add and to take away."""

    fields: Mapping[str, Any]
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()
    seen: int | None = None
    """The version that the caller has read."""


async def edit(tx: asyncpg.Connection, ctx: Context, actor: Actor, workspace: str, person: UUID, wanted: Wanted) -> int:
    """Change a person's fields; gives his version after it, the same where nothing is otherwise."""
    before = await alive(tx, workspace, person)
    await require_unseen(tx, workspace, person, wanted.seen, wanted.fields.keys())
    await _require_known(tx, workspace, wanted.fields)
    tags = tagged(before.tags, wanted.add_tags, wanted.remove_tags)
    after = replace(before, **wanted.fields, tags=tags)
    changed = {name for name in (*wanted.fields, "tags") if getattr(after, name) != getattr(before, name)}
    if not changed:
        return before.version
    await persons.edit(tx, workspace, after)
    versions = await contacts.tell_now(tx, ctx, [(workspace, person)], actor=actor.name)
    await field_changes.note(tx, workspace, person, versions[workspace, person], changed, actor.name)
    return versions[workspace, person]


async def alive(tx: asyncpg.Connection, workspace: str, person: UUID) -> Profile:
    """A person of whom something may be changed, locked."""
    profile = await persons.one(tx, workspace, person, lock=True)
    if profile is None:
        raise NotFound(f"there is no person {person}")
    if profile.erased or profile.merged_into is not None:
        raise Gone(profile)
    return profile


async def require_unseen(tx: asyncpg.Connection, workspace: str, subject: UUID, seen: int | None, fields: Any) -> None:
    """Raises PreconditionFailed where one of these fields was changed since the caller looked."""
    met = sorted(await field_changes.since(tx, workspace, subject, seen) & set(fields)) if seen is not None else []
    if met:
        raise PreconditionFailed(f"{', '.join(met)} changed since version {seen}; read it again")


async def _require_known(tx: asyncpg.Connection, workspace: str, fields: Mapping[str, Any]) -> None:
    preference, organisation = fields.get("preference"), fields.get("organisation")
    if preference is not None and preference not in CHANNELS:
        raise Invalid(f"there is no channel {preference!r}; use one of {', '.join(CHANNELS)}", reason="unknown_channel")
    if organisation is not None and await organisations.one(tx, workspace, organisation) is None:
        raise Invalid(f"there is no organisation {organisation}; make it first", reason="unknown_organisation")


def tagged(tags: tuple[str, ...], add: tuple[str, ...], remove: tuple[str, ...]) -> tuple[str, ...]:
    """The tags after it. Raises Invalid where there would be too many."""
    after = tuple(sorted((set(tags) | set(add)) - set(remove)))
    if len(after) > max(TAGS_MAX, len(tags)):
        raise Invalid(f"there can be at most {TAGS_MAX} tags; these would be {len(after)}", reason="too_many_tags")
    return after

"""Whom people are reached by: each new state of a person is told on `contacts`, once for a batch."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import asyncpg
import orjson

from services.tickets.repo import organisations, people
from services.tickets.repo.people import Address, Person
from shared.bus import Context
from shared.contracts.contacts import ContactChanged, ContactIdentity
from shared.contracts.envelope import Event
from shared.contracts.inbound_messages import MessageReceived

Key = tuple[str, UUID]
MAIL = "email"
"""The kind of identities whose domain may say to which organisation somebody belongs."""


async def tell(
    tx: asyncpg.Connection,
    ctx: Context,
    batch: Sequence[Event[MessageReceived]],
    known: Mapping[Address, Person],
    learned: set[Key],
) -> None:
    """Tell the people whom the batch made, or of whom it learned a language or a proof."""
    causes: dict[Key, Event[MessageReceived]] = {}
    changed: set[Key] = set()
    for event in batch:
        sender = event.data.sender
        person = known[event.workspace, sender.kind, sender.scope, sender.value]
        key = (person.workspace, person.id)
        if key in causes:
            continue
        causes[key] = event
        if person.new and key not in learned:
            ctx.emit(_new(event, person), cause=event, version=1)
        elif person.new or person.proven or key in learned:
            changed.add(key)
    changed |= await _belonging(tx, batch, known)
    for row in await people.told(tx, sorted(changed)):
        ctx.emit(_of(row), cause=causes[row["workspace"], row["id"]], version=row["version"])


async def _belonging(
    tx: asyncpg.Connection, batch: Sequence[Event[MessageReceived]], known: Mapping[Address, Person]
) -> set[Key]:
    """Put those whose provider proved a mail address just now into the organisation that lists its domain."""
    proven: dict[str, dict[UUID, str]] = {}
    for event in batch:
        sender = event.data.sender
        person = known[event.workspace, sender.kind, sender.scope, sender.value]
        if sender.kind == MAIL and sender.verified and (person.new or person.proven):
            proven.setdefault(event.workspace, {})[person.id] = domain_of(sender.value)
    joined: set[Key] = set()
    for workspace, domains in proven.items():
        found = await organisations.belong(tx, workspace, sorted(set(domains.values())), sorted(domains))
        joined |= {(workspace, person) for person in found}
    return joined


def domain_of(address: str) -> str:
    """The domain of a mail address, in lower case."""
    return address.rpartition("@")[2].lower()


async def tell_now(tx: asyncpg.Connection, ctx: Context, keys: Sequence[Key], *, actor: str) -> dict[Key, int]:
    """Tell how these people are now, since somebody changed them; gives each one's version."""
    versions: dict[Key, int] = {}
    for row in await people.told(tx, sorted(keys)):
        ctx.begin(_of(row), workspace=row["workspace"], version=row["version"], actor=actor)
        versions[row["workspace"], row["id"]] = row["version"]
    return versions


def _of(row: asyncpg.Record) -> ContactChanged:
    told = {name: row[name] for name in ("name", "language", "zone", "preference", "merged_into")}
    identities = tuple(ContactIdentity(**one) for one in orjson.loads(row["identities"]))
    return ContactChanged(person=row["id"], identities=identities, **told)


def _new(event: Event[MessageReceived], person: Person) -> ContactChanged:
    sender = event.data.sender
    identity = ContactIdentity(kind=sender.kind, scope=sender.scope, value=sender.value, verified=sender.verified)
    language = person.language or person.spoken
    return ContactChanged(person=person.id, name=sender.name, identities=(identity,), language=language)

"""Whom people are reached by: each new state of a person is told on `contacts`, once for a batch."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import asyncpg
import orjson

from services.tickets.repo import people
from services.tickets.repo.people import Address, Person
from shared.bus import Context
from shared.contracts.contacts import ContactChanged, ContactIdentity
from shared.contracts.envelope import Event
from shared.contracts.inbound_messages import MessageReceived

Key = tuple[str, UUID]


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
    for row in await people.told(tx, sorted(changed)):
        contact = ContactChanged(
            person=row["id"],
            name=row["name"],
            identities=tuple(ContactIdentity(**one) for one in orjson.loads(row["identities"])),
            language=row["language"],
        )
        ctx.emit(contact, cause=causes[row["workspace"], row["id"]], version=row["version"])


def _new(event: Event[MessageReceived], person: Person) -> ContactChanged:
    sender = event.data.sender
    identity = ContactIdentity(kind=sender.kind, scope=sender.scope, value=sender.value, verified=sender.verified)
    language = person.language or person.spoken
    return ContactChanged(person=person.id, name=sender.name, identities=(identity,), language=language)

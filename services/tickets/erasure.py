"""Erasing a person (architecture.md §4): asked for over the API, done and told by each service."""

import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from services.tickets.domain.tombstone import Tombstones
from services.tickets.repo import erasure, people
from services.tickets.repo.erasure import Erasure
from services.tickets.repo.people import Address, Person
from shared.blobs import BlobStore, person_prefix
from shared.bus import Context
from shared.config import ServiceConfig
from shared.contracts.contacts import ContactChanged
from shared.contracts.envelope import Event
from shared.contracts.inbound_messages import MessageReceived
from shared.contracts.privacy_events import ErasureDone, ErasureRequested, PrivacyEvent
from shared.ids import new_id

SERVICE = "tickets"
Key = tuple[str, UUID]


def tombstones(config: ServiceConfig | None) -> Tombstones:
    """Under the installation's keys."""
    return Tombstones(config.key.get_secret_value() if config is not None else "")


async def request(tx: asyncpg.Connection, ctx: Context, key: Key, *, by: str | None) -> Erasure:
    """Ask every service, this one too, to forget the person; what arrives from him from now on is a new person's."""
    workspace, person = key
    asked = Erasure(new_id(), by, ctx.now)
    await erasure.ask(tx, workspace, person, asked)
    buried = tombstones(ctx.config)
    hmacs = tuple(buried.new(*identity) for identity in await erasure.identities(tx, workspace, person))
    event = ErasureRequested(person=person, request=asked.request, identities=hmacs, before=asked.before, by=by)
    ctx.begin(event, workspace=workspace)
    for row in await people.told(tx, [key]):
        ctx.begin(ContactChanged(person=person, erased=True), workspace=workspace, version=row["version"])
    return asked


async def take_in(tx: asyncpg.Connection, batch: Sequence[Event[PrivacyEvent]], ctx: Context) -> None:
    """Forget whom we are asked to forget, and note who else has."""
    for event in batch:
        if isinstance(event.data, ErasureRequested):
            await _erase(tx, ctx, event.workspace, event.data)
            done = ErasureDone(person=event.data.person, request=event.data.request, service=SERVICE)
            ctx.emit(done, cause=event, ordinal=zlib.crc32(SERVICE.encode()))  # each service's word has its own id
    words = [event for event in batch if isinstance(event.data, ErasureDone)]
    await erasure.done(tx, [(e.workspace, e.data.person, e.data.request, _service(e.data)) for e in words])


def _service(said: PrivacyEvent) -> str:
    assert isinstance(said, ErasureDone)
    return said.service


async def _erase(tx: asyncpg.Connection, ctx: Context, workspace: str, asked: ErasureRequested) -> None:
    await erasure.know(tx, [(workspace, asked.person, Erasure(asked.request, asked.by, asked.before))])
    known = await erasure.identities(tx, workspace, asked.person)
    assert ctx.config is not None
    blobs = BlobStore(ctx.config.blobs)
    for identity in known:
        await blobs.delete_under(person_prefix(workspace, *identity))
    buried = tombstones(ctx.config)
    hmacs = {*asked.identities, *(buried.new(*identity) for identity in known)}
    await erasure.bury(tx, [(workspace, hmac, asked.before) for hmac in hmacs])
    await erasure.forget(tx, workspace, asked.person, [value for _, _, value in known])


async def drop_late(
    tx: asyncpg.Connection,
    batch: Sequence[Event[MessageReceived]],
    known: Mapping[Address, Person],
    buried: Mapping[tuple[str, str], datetime],
    config: ServiceConfig | None,
) -> list[Event[MessageReceived]]:
    """Account for messages that erased people had written before, and keep the others."""
    if not buried:
        return list(batch)
    keys = tombstones(config)
    kept: list[Event[MessageReceived]] = []
    late: list[Event[MessageReceived]] = []
    for event in batch:
        sender = event.data.sender
        hmacs = keys.all(sender.kind, sender.scope, sender.value)
        moments = [buried[event.workspace, hmac] for hmac in hmacs if (event.workspace, hmac) in buried]
        (late if any(event.data.accepted_at < moment for moment in moments) else kept).append(event)
    staying = {_address(event) for event in kept}
    await people.unmake(tx, {a: known[a] for e in late if (a := _address(e)) not in staying and known[a].new})
    await erasure.came_late(tx, sorted((event.workspace, event.id) for event in late))
    return kept


def _address(event: Event[MessageReceived]) -> Address:
    sender = event.data.sender
    return (event.workspace, sender.kind, sender.scope, sender.value)

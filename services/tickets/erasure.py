"""Erasing a person (architecture.md §4): asked for over the API, done and told by each service."""

import zlib
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import orjson

from services.tickets.domain.letters import is_buried, letter_of
from services.tickets.repo import erasure, suggestions
from services.tickets.repo.erasure import Erasure, Key
from shared.blobs import BlobStore, person_prefix
from shared.bus import Context
from shared.config import ServiceConfig
from shared.contracts.contacts import ContactChanged
from shared.contracts.envelope import Event
from shared.contracts.inbound_messages import MessageReceived
from shared.contracts.privacy_events import ErasureDone, ErasureRequested, PrivacyEvent
from shared.ids import new_id
from shared.tombstones import Tombstones

SERVICE = "tickets"
BLOBS_TIMEOUT_S = 3
"""Less than a transaction may be idle; what is deleted by then stays deleted, and the next try goes on."""


def tombstones(config: ServiceConfig | None) -> Tombstones:
    """Under the installation's keys."""
    return Tombstones(config.key.get_secret_value() if config is not None else "")


async def request(tx: asyncpg.Connection, ctx: Context, key: Key, *, by: str | None) -> Erasure:
    """Ask every service, this one too, to forget the person, with all who were merged with him."""
    workspace, person = key
    everybody = await erasure.group(tx, key)
    await suggestions.forget(tx, workspace, everybody)
    asked = {side: await _request(tx, ctx, (workspace, side), by=by) for side in everybody}
    return asked[person]


async def _request(tx: asyncpg.Connection, ctx: Context, key: Key, *, by: str | None) -> Erasure:
    """What arrives from his identities from now on is a new person's."""
    workspace, person = key
    version = await erasure.mark(tx, key)
    identities = await erasure.unlink(tx, key)
    await erasure.unthread(tx, key)
    asked = await erasure.ask(tx, key, new_id(), by, [person_prefix(workspace, *one) for one in identities])
    buried = tombstones(ctx.config)
    hmacs = tuple(buried.new(*one) for one in identities)
    await erasure.bury(tx, [(workspace, hmac, asked.before) for hmac in hmacs])
    event = ErasureRequested(person=person, request=asked.request, identities=hmacs, before=asked.before, by=by)
    ctx.begin(event, workspace=workspace)
    ctx.begin(ContactChanged(person=person, erased=True), workspace=workspace, version=version)
    return asked


async def take_in(tx: asyncpg.Connection, batch: Sequence[Event[PrivacyEvent]], ctx: Context) -> None:
    """Forget whom we are asked to forget, and note who else has."""
    asked = [event for event in batch if isinstance(event.data, ErasureRequested)]
    for workspace, requests in _by_workspace(asked).items():
        await _erase(tx, ctx, workspace, requests)
    for event in asked:
        done = ErasureDone(person=event.data.person, request=event.data.request, service=SERVICE)
        ctx.emit(done, cause=event, ordinal=zlib.crc32(SERVICE.encode()))  # each service's word has its own id
    words = [(event.workspace, event.data) for event in batch if isinstance(event.data, ErasureDone)]
    await erasure.done(tx, [(workspace, said.person, said.request, said.service) for workspace, said in words])


def _by_workspace(events: Sequence[Event[PrivacyEvent]]) -> dict[str, list[ErasureRequested]]:
    found: dict[str, list[ErasureRequested]] = {}
    for event in events:
        assert isinstance(event.data, ErasureRequested)
        found.setdefault(event.workspace, []).append(event.data)
    return found


async def _erase(tx: asyncpg.Connection, ctx: Context, workspace: str, requests: Sequence[ErasureRequested]) -> None:
    names = tombstones(ctx.config)
    lying: set[tuple[str, datetime]] = set()
    unknown: list[ErasureRequested] = []
    for asked in requests:
        key = (workspace, asked.person)
        if await erasure.know(tx, key, Erasure(asked.request, asked.by, asked.before)):
            unknown.append(asked)
        await erasure.bury(tx, [(workspace, hmac, asked.before) for hmac in asked.identities])
        lying |= {(prefix, asked.before) for prefix in await erasure.prefixes(tx, key)}
        await erasure.forget(tx, key, asked.before)
        await _blank_answers(tx, asked.person)
    if unknown:
        lying |= await _forget_strays(tx, workspace, unknown, names)
    await _shred_letters(tx, workspace, requests, names)
    assert ctx.config is not None
    blobs = BlobStore(ctx.config.blobs, timeout_s=BLOBS_TIMEOUT_S)
    for prefix, before in sorted(lying):
        await blobs.delete_under(prefix, before=before)
    for asked in requests:
        await erasure.emptied(tx, (workspace, asked.person))


async def _forget_strays(
    tx: asyncpg.Connection, workspace: str, unknown: Sequence[ErasureRequested], names: Tombstones
) -> set[tuple[str, datetime]]:
    """Forget those whose identities are still here, under whatever id; gives where their files lie.

    A database that was restored to a time before the request may have read old messages again before it reads the
    request. Who wrote since is somebody new: only what is older goes.
    """
    lying: set[tuple[str, datetime]] = set()
    buried = {hmac: asked.before for asked in unknown for hmac in asked.identities}
    people = {asked.person: asked.before for asked in unknown}
    async for identity, person in erasure.everybody(tx, workspace):
        before = next((buried[hmac] for hmac in names.all(*identity) if hmac in buried), None)
        if before is not None:
            lying.add((person_prefix(workspace, *identity), before))
            people[person] = before
    for person, before in sorted(people.items()):
        key = (workspace, person)
        await erasure.forget(tx, key, before)
        if not await erasure.writes_on(tx, key, before):
            await erasure.mark(tx, key)
            await erasure.unlink(tx, key)
    return lying


async def _shred_letters(
    tx: asyncpg.Connection, workspace: str, requests: Sequence[ErasureRequested], names: Tombstones
) -> None:
    """Delete dead letters that hold what these people wrote, and account for them."""
    buried = {(workspace, hmac): asked.before for asked in requests for hmac in asked.identities}
    letters = [(number, letter_of(record)) for number, record in await erasure.letters(tx, MessageReceived.TOPIC)]
    theirs = [(number, letter) for number, letter in letters if is_buried(letter, buried, names)]
    await erasure.shred(tx, [number for number, _ in theirs])
    await erasure.came_late(tx, sorted((letter.workspace, letter.id) for _, letter in theirs if letter.id is not None))


async def _blank_answers(tx: asyncpg.Connection, person: UUID) -> None:
    """Stored answers of commands lose the customer's words, so that a repeated command still gets one."""
    for principal, key, body in await erasure.stored_answers(tx, person):
        await erasure.replace_answer(tx, principal, key, orjson.dumps(_blanked(orjson.loads(body))))


def _blanked(answer: object) -> object:
    if isinstance(answer, dict):
        return {name: None if name in ("subject", "order") else _blanked(value) for name, value in answer.items()}
    return answer

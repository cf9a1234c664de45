"""A batch of what was done to messages: kept, and told on the tickets where those messages stand.

It opens, wakes and reopens nothing. What comes before its message waits in its row: the message finds it when it is
read, and a message that was withdrawn before it came says nothing new (`inbound.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

import asyncpg

from services.tickets import facts, media
from services.tickets.domain.changes import Change, may, named
from services.tickets.domain.ticket import Ticket
from services.tickets.keys import provider_names
from services.tickets.repo import changes, tickets
from services.tickets.repo.changes import Kept, Key, Target
from services.tickets.repo.people import Address, Person
from shared.bus import Context
from shared.contracts.envelope import Event
from shared.contracts.inbound_messages import MessageReceived
from shared.contracts.ticket_events import MessageChanged
from shared.ids import inbound_id

Inbound = Event[MessageReceived]

WITHDRAWN = "withdrawn"
"""Why a message is automatic that was taken back before it came."""


def apart(
    batch: Sequence[Inbound], people: Mapping[Address, Person], withdrawn: set[tuple[str, UUID, UUID]]
) -> tuple[list[Inbound], list[Inbound]]:
    """Messages, and what was done to messages.

    Of `withdrawn` messages (workspace, id, who withdrew it), and of those that the batch withdraws before they come,
    their author's say nothing new.
    """
    gone = set(withdrawn)
    said: list[Inbound] = []
    done: list[Inbound] = []
    for event in batch:
        sender = event.data.sender
        person = people[event.workspace, sender.kind, sender.scope, sender.value].own
        does = named(event.data)
        if does is not None:
            done.append(event)
            if does[0] == "withdrawal":
                gone.add((event.workspace, target_of(event, does[1]), person))
        elif (event.workspace, event.id, person) in gone:
            said.append(replace(event, data=event.data.model_copy(update={"automatic": WITHDRAWN})))
        else:
            said.append(event)
    return said, done


async def take_in(
    tx: asyncpg.Connection, batch: Sequence[Inbound], people: Mapping[Address, Person], ctx: Context
) -> None:
    """Keep changes and tell those whose messages are here; the messages of the same batch stand already."""
    known = await changes.known(tx, sorted((event.workspace, event.id) for event in batch))
    fresh = [event for event in batch if (event.workspace, event.id) not in known]
    if not fresh:
        return
    kept = {event.id: _kept(event, people, ctx) for event in fresh}
    found = await _targets(tx, list(kept.values()))
    on = {(kept[id_].workspace, target.ticket) for id_, target in found.items()}
    standing = {(ticket.workspace, ticket.id): ticket for ticket in await tickets.by_id(tx, sorted(on))}
    applied: list[tuple[Inbound, Target]] = []
    for event in fresh:
        one, target = kept[event.id], found.get(event.id)
        if target is None or not may(one.change, by_desk=target.by_desk, person=target.person):
            continue
        key = (one.workspace, target.ticket)
        standing[key] = _touched(standing[key], one)
        kept[event.id] = replace(one, ticket=target.ticket, version=standing[key].version)
        applied.append((event, target))
    await changes.insert(tx, [kept[event.id] for event in fresh])
    await media.want(tx, ctx, fresh)
    void = await _voided(tx, [kept[event.id] for event, _ in applied], standing)
    standing |= {key: replace(standing[key], clock="void") for key in void}
    await tickets.update(tx, [standing[key] for key in sorted({(e.workspace, t.ticket) for e, t in applied})])
    for event, target in applied:
        _tell(ctx, event, kept[event.id], target, standing[event.workspace, target.ticket], void)


def _kept(event: Inbound, people: Mapping[Address, Person], ctx: Context) -> Kept:
    message, sender = event.data, event.data.sender
    does = named(message)
    assert does is not None
    kind, target = does
    person = people[event.workspace, sender.kind, sender.scope, sender.value]
    files = tuple(file.model_dump() for file in message.attachments)
    at = message.provider_time or message.accepted_at
    return Kept(
        workspace=event.workspace,
        id=event.id,
        target=target_of(event, target),
        hashes=tuple(provider_names(ctx).all(event.workspace, message.channel, message.account, target)),
        change=Change(kind, bool(message.echo), person.own, message.text, files, at, 0),
        body_blob=message.text_blob,
        accepted_at=message.accepted_at,
    )


def target_of(event: Inbound, name: str) -> UUID:
    """The id of the message with this natural id on the event's account."""
    return inbound_id(event.workspace, event.data.channel, event.data.account, name)


async def _targets(tx: asyncpg.Connection, kept: Sequence[Kept]) -> dict[UUID, Target]:
    """What each change is about, by the change's id, where it is here."""
    by_id = await changes.targets(tx, sorted({(one.workspace, one.target) for one in kept}))
    missing = [one for one in kept if (one.workspace, one.target) not in by_id]
    by_name = await changes.sent(tx, sorted({(one.workspace, h) for one in missing for h in one.hashes}))
    found = {one.id: by_id[one.workspace, one.target] for one in kept if (one.workspace, one.target) in by_id}
    for one in missing:
        target = next((by_name[one.workspace, h] for h in one.hashes if (one.workspace, h) in by_name), None)
        if target is not None:
            found[one.id] = target
    return found


def _touched(ticket: Ticket, kept: Kept) -> Ticket:
    """New words are activity; an emoji or words that go are none."""
    at = max(ticket.active_at, kept.accepted_at) if kept.change.kind == "edit" else ticket.active_at
    return replace(ticket, version=ticket.version + 1, active_at=at)


async def _voided(tx: asyncpg.Connection, applied: Sequence[Kept], standing: Mapping[Key, Ticket]) -> set[Key]:
    """Tickets where a withdrawal left nothing that waits for a reply."""
    about = {(one.workspace, one.ticket) for one in applied if one.ticket and one.change.kind == "withdrawal"}
    asked = [standing[key] for key in sorted(about) if standing[key].clock == "runs"]
    return await changes.unanswered_and_empty(tx, asked)


def _tell(ctx: Context, event: Inbound, kept: Kept, target: Target, ticket: Ticket, void: set[Key]) -> None:
    change = kept.change
    told = MessageChanged(
        **facts.carried(ticket),
        message=target.id,
        change=change.kind,
        author="agent" if change.by_desk else "customer",
        voids=True if change.kind == "withdrawal" and (ticket.workspace, ticket.id) in void else None,
    )
    ctx.emit(told, cause=event, version=kept.version, shop=ticket.shop)

"""A batch of customers' messages: whose they are, which tickets they join, and what becomes of those."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

import asyncpg

from services.tickets import changing, clocking, closing, contacts, echoing, facts, media, reading, tokens
from services.tickets.domain import answering
from services.tickets.domain.answering import Said
from services.tickets.domain.joining import Joined, join, survivor, survivors
from services.tickets.domain.receive import began_by_desk, receive, takes_language
from services.tickets.domain.ticket import Ticket
from services.tickets.echoing import Echoed
from services.tickets.following import follow
from services.tickets.late import buried_as, drop_late
from services.tickets.reading import Readings
from services.tickets.repo import early, echoes, heard, messages, people, tickets
from services.tickets.repo.messages import Happening, Kept
from services.tickets.repo.names import Holder
from services.tickets.repo.people import Address, Person
from services.tickets.senders import address_of, candidates
from services.tickets.spoken import Inbound, offered
from services.tickets.spoken import heard as heard_in
from services.tickets.windows import WINDOWED
from shared.bus import Context
from shared.channels import CHANNELS
from shared.ids import derived_id, inbound_id

Key = tuple[str, UUID]

_OURS = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})@")
CONVERSATIONAL = frozenset(name for name, channel in CHANNELS.items() if channel.conversational)


@dataclass(slots=True)
class Work:
    """What a batch has read and changed; a message sees what those before it did."""

    context: Context
    people: dict[Address, Person]
    heard: Mapping[UUID, str | None]
    """The language each message is clearly in."""
    readings: Readings
    tickets: dict[Key, Ticket] = field(default_factory=dict)
    by_person: dict[Key, list[UUID]] = field(default_factory=dict)
    threads: dict[tuple[str, str, str], UUID] = field(default_factory=dict)
    found: dict[Key, UUID] = field(default_factory=dict)
    copies: dict[tuple[str, str], tuple[UUID, UUID]] = field(default_factory=dict)
    opened: set[Key] = field(default_factory=set)
    changed: set[Key] = field(default_factory=set)
    kept: list[Kept] = field(default_factory=list)
    learned: dict[Key, str] = field(default_factory=dict)
    tokens: dict[UUID, UUID] = field(default_factory=dict)
    """The ticket that a message's token names, by the message's id."""
    ours: dict[UUID, Holder] = field(default_factory=dict)
    """Echoes of messages that we sent, by the echo's id."""
    written: list[Echoed] = field(default_factory=list)
    lines: list[Happening] = field(default_factory=list)
    said_at: dict[Key, datetime] = field(default_factory=dict)
    """When the newest message of a customer on a ticket was written; kept where the batch has echoes."""

    def put(self, ticket: Ticket) -> None:
        """The ticket is now so."""
        key = (ticket.workspace, ticket.id)
        if key not in self.tickets:
            self.opened.add(key)
            self.by_person.setdefault((ticket.workspace, ticket.person), []).append(ticket.id)
        self.changed.add(key)
        self.tickets[key] = ticket

    def of_person(self, person: Person) -> list[Ticket]:
        """The person's tickets."""
        return [self.tickets[person.workspace, id_] for id_ in self.by_person.get((person.workspace, person.id), ())]


async def take_in(tx: asyncpg.Connection, batch: Sequence[Inbound], ctx: Context) -> None:
    """Put each message on its ticket, opening or reopening one where needed; then do to messages what was done."""
    heard = {event.id: heard_in(event, ctx) for event in batch}
    batch, readings = reading.read(batch, heard, ctx)
    work = Work(ctx, await people.find_or_make(tx, candidates(batch, ctx, heard)), heard, readings)
    named = sorted({key for event in batch for key in (_key(event), *_references(event))})
    found = await messages.find(tx, named, buried_as(batch, ctx))
    work.found = found.tickets
    staying = await drop_late(tx, batch, work.people, found.buried, ctx)
    said, done = changing.apart(staying, work.people, found.withdrawn)
    fresh = [event for event in said if _key(event) not in work.found]
    if fresh:
        work.ours = await echoing.ours(tx, fresh, ctx)
        work.tokens = await tokens.named(tx, fresh, ctx)
        await reading.find_due(tx, fresh, readings, ctx)
        await _read(tx, work, fresh)
        for event in fresh:
            _receive(work, event)
        await _write(tx, work)
    if done:
        await changing.take_in(tx, done, work.people, ctx)
    await contacts.tell(tx, ctx, staying, work.people, set(work.learned))


def _key(event: Inbound) -> Key:
    return (event.workspace, event.id)


async def _read(tx: asyncpg.Connection, work: Work, batch: Sequence[Inbound]) -> None:
    """Everything the batch may touch, in one look each."""
    work.threads = await tickets.by_thread(tx, sorted(set(filter(None, map(_thread, batch)))))
    work.copies = await messages.copies(
        tx, sorted({k for e in batch if (k := _content(e)) is not None}), work.context.now
    )
    named = [(key[0], id_) for key, id_ in work.threads.items()]
    named += [(key[0], id_) for key, id_ in work.found.items()]
    named += [(event.workspace, work.tokens[event.id]) for event in batch if event.id in work.tokens]
    named += [(event.workspace, ours.ticket) for event in batch if (ours := work.ours.get(event.id)) and ours.ticket]
    persons = sorted({(person.workspace, person.id) for person in work.people.values() if not person.new})
    wanted, asked = set(named), set[Key]()
    while persons or wanted:
        for ticket in await tickets.of_people(tx, persons, sorted(wanted)):
            work.tickets[ticket.workspace, ticket.id] = ticket
            work.by_person.setdefault((ticket.workspace, ticket.person), []).append(ticket.id)
        asked |= wanted
        persons, wanted = [], _merged(work) - asked
    if any(event.data.echo for event in batch):
        work.said_at = await echoes.heard(tx, sorted(work.tickets))


def _merged(work: Work) -> set[Key]:
    """Tickets that those at hand were merged into, and that are not at hand."""
    ends = [(ticket.workspace, survivor(ticket, work.tickets)) for ticket in work.tickets.values()]
    return {(workspace, end) for workspace, end in ends if isinstance(end, UUID)}


def _thread(event: Inbound) -> tuple[str, str, str] | None:
    return (event.workspace, event.data.account, event.data.thread) if event.data.thread is not None else None


def _references(event: Inbound) -> list[Key]:
    """The messages that this one answers, the newest first: customers' by natural id, ours by our Message-ID."""
    message = event.data
    place = (event.workspace, message.channel, message.account)
    names = list(reversed(message.references))
    ours = [UUID(found[1]) for name in names if (found := _OURS.match(name))]
    return [(event.workspace, id_) for id_ in (*ours, *(inbound_id(*place, name) for name in names))]


def _content(event: Inbound) -> tuple[str, str] | None:
    return (event.workspace, event.data.content_key) if event.data.content_key is not None else None


def _receive(work: Work, event: Inbound) -> None:
    person = work.people[address_of(event)]
    content = _content(event)
    if content is not None and content in work.copies:
        first, ticket = work.copies[content]
        work.kept.append(Kept(event, ticket, person.own, copy_of=first))
        return
    ours = work.ours.get(event.id)
    if ours is not None and ours.ticket is not None:
        work.kept.append(Kept(event, ours.ticket, person.own, copy_of=ours.message))
        return
    joined = _join(work, event, person)
    if reading.only_thanks(work.readings, event, joined):
        event = reading.thanked(event)
        joined = _join(work, event, person)
    if event.data.echo:
        _echo(work, event, person, joined.ticket)
        return
    spoken = _language(work, event, person) if takes_language(joined.ticket) else None
    new_id = derived_id(event.id, "ticket", event.data.natural_id)
    received = receive(event, joined, new_id=new_id, person=person.id, language=spoken, side=person.side)
    received, line = reading.understood(received, event, work.readings, work.context)
    work.lines += [line] if line is not None else []
    work.put(received.ticket)
    work.kept.append(Kept(event, received.ticket.id, person.own, received.ticket.version, received.did))
    _remember(work, event, content, received.ticket)
    key = (event.workspace, received.ticket.id)
    work.said_at[key] = max(work.said_at.get(key, echoing.written_at(event)), echoing.written_at(event))
    facts.of_message(work.context, event, received)


def _join(work: Work, event: Inbound, person: Person) -> Joined:
    return join(
        event.data,
        named=_named(work, event),
        of_person=work.of_person(person),
        conversational=CONVERSATIONAL,
        survivors=survivors(work.of_person(person), work.tickets),
        reopen_for=closing.reopen_for(work.context.settings, event.workspace),
    )


def _echo(work: Work, event: Inbound, person: Person, before: Ticket | None) -> None:
    if before is None:
        opened = began_by_desk(event, derived_id(event.id, "ticket", event.data.natural_id), person.id)
        opened = replace(opened, side=person.side)
        said = Said(opened, opened.version, opened.state)
    else:
        said = answering.echo(before, echoing.written_at(event), work.said_at.get((before.workspace, before.id)))
    echoed = Echoed(event, before, said)
    work.put(said.ticket)
    work.written.append(echoed)
    did = "opened" if before is None else "added"
    work.kept.append(Kept(event, said.ticket.id, person.own, said.at, did))
    _remember(work, event, None, said.ticket)
    echoing.tell(work.context, echoed)


def _remember(work: Work, event: Inbound, content: tuple[str, str] | None, ticket: Ticket) -> None:
    """Later messages of the batch find this one."""
    if content is not None:
        work.copies[content] = (event.id, ticket.id)
    thread = _thread(event)
    if thread is not None:
        work.threads[thread] = ticket.id
    work.found[_key(event)] = ticket.id


def _named(work: Work, event: Inbound) -> Ticket | None:
    """The ticket that a token, a reference or the thread names, in this order, or what it was merged into."""
    id_ = _name(work, event)
    if id_ is None:
        return None
    after = survivor(work.tickets[event.workspace, id_], work.tickets)
    return after if isinstance(after, Ticket) else None


def _name(work: Work, event: Inbound) -> UUID | None:
    """The newest reference goes first."""
    if event.id in work.tokens:
        return work.tokens[event.id]
    for key in _references(event):
        if key in work.found:
            return work.found[key]
    thread = _thread(event)
    return work.threads.get(thread) if thread is not None else None


def _language(work: Work, event: Inbound, person: Person) -> str | None:
    """The client's locale, else the profile, else what the text says clearly, else what his last clear text was in."""
    chosen = offered(event, work.context) or person.language
    if chosen is not None:
        return chosen
    key = (person.workspace, person.id)
    before = work.learned.get(key) or person.spoken
    found = work.heard[event.id]
    if found is not None and found != before:
        work.learned[key] = found
    return found or before


async def _write(tx: asyncpg.Connection, work: Work) -> None:
    await clocking.date(tx, work.context, work.tickets)
    await tickets.insert(tx, [work.tickets[key] for key in sorted(work.opened)])
    caught_up, lines = await _catch_up(tx, work)
    changed = (work.changed - work.opened) | caught_up
    await tickets.update(tx, [work.tickets[key] for key in sorted(changed)])
    await messages.insert(tx, work.kept)
    await media.want(tx, work.context, [kept.event for kept in work.kept if kept.copy_of is None])
    await echoing.keep(tx, work.written, {k.event.id: k.event for k in work.kept if k.event.id in work.ours})
    lines += work.lines + [answered for echoed in work.written if (answered := echoing.line(echoed)) is not None]
    await messages.happened(tx, lines)
    await heard.hear(tx, [kept for kept in work.kept if kept.event.data.channel in WINDOWED])
    await people.learn_spoken(tx, work.learned)
    await people.joined_in(tx, _guests(work))


def _guests(work: Work) -> set[tuple[str, UUID, UUID]]:
    """Who wrote on a ticket that another person began, as (workspace, person, ticket)."""
    guests = {(kept.event.workspace, kept.person, kept.ticket) for kept in work.kept}
    return {one for one in guests if (ticket := work.tickets.get((one[0], one[2]))) and ticket.own != one[1]}


async def _catch_up(tx: asyncpg.Connection, work: Work) -> tuple[set[Key], list[Happening]]:
    """What routing has long decided about tickets that arrive only now, after a restore."""
    caught_up: set[Key] = set()
    lines: list[Happening] = []
    for event in await early.take(tx, sorted(work.opened)):
        key = (event.workspace, event.data.ticket)
        followed = follow(work.context, work.tickets[key], event, lines)
        if followed is not None:
            work.tickets[key] = followed
            caught_up.add(key)
    return caught_up, lines

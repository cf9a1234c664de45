"""Agents' answers and notes: kept, told, and answers handed to notify; many at a time, in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from services.tickets import deliveries, facts, mentions, windows
from services.tickets.domain import answering
from services.tickets.domain.answering import Said
from services.tickets.domain.ticket import Ticket
from services.tickets.keys import keys
from services.tickets.repo import answers, files, messages, newer, tickets
from services.tickets.repo import mentions as kept_mentions
from services.tickets.repo.answers import Address, Key, Place, Written
from services.tickets.repo.files import Upload
from services.tickets.repo.mentions import Mention
from services.tickets.repo.messages import Happening
from services.tickets.repo.newer import Newer
from services.tickets.telling import Because, say
from shared import reply_token
from shared.bus import Context
from shared.channels import CHANNELS
from shared.contracts.inbound_messages import Attachment, Copied
from shared.contracts.outbound_commands import Recipient, SendMessage, Template
from shared.contracts.ticket_events import MessageAdded, State
from shared.errors import Conflict, Invalid, NotFound, Refused
from shared.identity import Identity


class NewerMessages(Conflict):
    """Something was said on the ticket since the writer looked: he is asked before his words go."""

    def __init__(self, newer: Sequence[Newer]) -> None:
        who = ", ".join(dict.fromkeys(one.by or one.author for one in newer))
        fields = [
            {"pointer": f"/newer/{one.id}", "detail": f"{one.by or one.author} at {one.at.isoformat()}"}
            for one in newer
        ]
        super().__init__(
            f"{len(newer)} newer message(s), by {who}; read them, then send again with their version as seen_up_to, "
            "or with anyway",
            reason="newer_messages",
            fields=fields,
        )


class NoAddress(Conflict):
    """Nothing on the ticket says where its customer can be reached."""

    def __init__(self, ticket: Ticket) -> None:
        super().__init__(f"no message on ticket {ticket.id} says where an answer could go", reason="no_address")


@dataclass(frozen=True, slots=True)
class Command:
    """What somebody wants to say on a ticket; `message` is the id it will have."""

    who: Identity
    ticket: UUID
    message: UUID
    text: str
    note: bool = False
    template: Template | None = None
    """What goes instead of the text where the reply window has closed."""
    state: State | None = None
    """What the ticket becomes; the usual where nothing is chosen."""
    seen_up_to: int | None = None
    """The ticket's version that the writer has read; None: he wants it to go whatever was said since."""
    files: tuple[UUID, ...] = ()
    """What was brought for it (files.py)."""
    cc: tuple[Copied, ...] = ()
    """Who gets a copy of the answer."""
    automatic: str | None = None
    """Why nobody wrote it (`transcript`): it stops no clock and leaves the state as it is."""

    because: Because | None = None
    """None: a person, or a program over the API, writes of its own accord."""

    @property
    def author(self) -> str | None:
        """The agent who writes it, where one does."""
        return None if self.automatic else self.who.agent

    @property
    def key(self) -> Key:
        """The ticket's."""
        return self.who.workspace, self.ticket


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be kept and told: the ticket before and after it, and where it goes, where it goes anywhere."""

    before: Ticket
    said: Said
    written: Written
    command: Command
    address: Address | None = None
    files: tuple[Upload, ...] = ()
    mentions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """What there is to know about one command."""

    ticket: Ticket | None
    newer: Sequence[Newer]
    address: Address | None
    files: tuple[Upload, ...]


async def write(tx: asyncpg.Connection, ctx: Context, commands: Sequence[Command]) -> list[Ticket | Refused]:
    """Write what is wanted, no more than one on each ticket; gives the ticket after it, or why it was refused.

    An answer's command has the message's id, so that it is sent once for ever.
    """
    known = await _visible(tx, commands)
    seen = [(one.key, one.seen_up_to, one.who.agent) for one in commands if one.seen_up_to is not None]
    said_since = await newer.since(tx, seen)
    addresses = await answers.addresses(tx, [one.key for one in commands if not one.note and one.key in known])
    brought = await files.find(tx, sorted({(one.who.workspace, file) for one in commands for file in one.files}))
    plans = [
        _plan(
            ctx,
            one,
            Look(known.get(one.key), said_since.get(one.key, ()), addresses.get(one.key), _brought(brought, one)),
        )
        for one in commands
    ]
    await _keep(tx, ctx, [plan for plan in plans if isinstance(plan, Plan)])
    return [plan.said.ticket if isinstance(plan, Plan) else plan for plan in plans]


async def _visible(tx: asyncpg.Connection, commands: Sequence[Command]) -> dict[Key, Ticket]:
    """The tickets, locked, that their writers may see."""
    found = {(ticket.workspace, ticket.id): ticket for ticket in await tickets.by_id(tx, [c.key for c in commands])}
    return {c.key: found[c.key] for c in commands if c.key in found and c.who.sees(found[c.key].shop)}


def _brought(uploads: Mapping[Key, Upload], command: Command) -> tuple[Upload, ...]:
    """The command's files, where they were brought for its ticket."""
    found = (uploads.get((command.who.workspace, file)) for file in command.files)
    return tuple(upload for upload in found if upload is not None and upload.ticket == command.ticket)


def _plan(ctx: Context, command: Command, look: Look) -> Plan | Refused:
    try:
        return _note(ctx, command, look) if command.note else _answer(ctx, command, look)
    except Refused as refusal:
        return refusal


def _note(ctx: Context, command: Command, look: Look) -> Plan:
    ticket = _ticket(command, look)
    said = answering.note(ticket)
    by, text = command.who.agent, command.text
    written = Written(command.message, text, ctx.now, said.at, by, True, ticket.channel, ticket.account)
    named = mentions.mentioned(text, ctx.settings, ticket.workspace)
    return Plan(ticket, said, written, command, mentions=named)


def _answer(ctx: Context, command: Command, look: Look) -> Plan:
    ticket, address = _ticket(command, look), look.address
    said = answering.answer(ticket, ticket.state if command.automatic else command.state, ctx.now)
    if address is None:
        raise NoAddress(ticket)
    _require_fit(ctx, command, address)
    written = Written(
        command.message,
        command.text,
        ctx.now,
        said.at,
        command.author,
        False,
        address.channel,
        address.account,
        ticket.subject,
        _attached(command, look, address.channel),
        _copied(command, address),
        command.automatic or "rule",
    )
    return Plan(ticket, said, written, command, address, look.files)


def _require_fit(ctx: Context, command: Command, address: Address) -> None:
    """Raises where the answer cannot go where it should, as far as is known before it is tried."""
    if address.channel not in CHANNELS:
        return
    outgoing = CHANNELS[address.channel].outgoing
    options = windows.options_of(ctx.settings, command.who.workspace, address.account)
    closes_at = windows.closes_at(outgoing, options, address.heard_at)
    windows.require_fit(address.channel, outgoing, command.text, command.template, closes_at=closes_at, now=ctx.now)


def _copied(command: Command, address: Address) -> tuple[Copied, ...]:
    """Who gets it as well; raises Invalid where the channel carries no copies."""
    channel = CHANNELS.get(address.channel)
    if command.cc and channel is not None and not channel.outgoing.copies:
        raise Invalid(f"{address.channel} carries no copies; answer without `cc`", reason="copies_not_carried")
    return tuple(one for one in command.cc if (one.kind, one.value) != (address.kind, address.value))


def _ticket(command: Command, look: Look) -> Ticket:
    if look.ticket is None:
        raise NotFound(f"there is no ticket {command.ticket}")
    if look.newer:
        raise NewerMessages(look.newer)
    return look.ticket


def _attached(command: Command, look: Look, channel: str) -> tuple[Attachment, ...]:
    if len(look.files) < len(command.files):
        raise Invalid("a file was not brought for this ticket, or is gone; bring it again", reason="unknown_file")
    if look.files and channel in CHANNELS and not CHANNELS[channel].outgoing.attachments:
        raise Invalid(f"{channel} carries no files; send a link instead", reason="files_not_carried")
    return tuple(Attachment(name=f.name, media_type=f.media_type, size=f.size, blob=f.blob) for f in look.files)


async def _keep(tx: asyncpg.Connection, ctx: Context, plans: Sequence[Plan]) -> None:
    places = [Place(plan.before.workspace, plan.before.id, plan.before.own) for plan in plans]
    coming = [(place, plan.written, plan.before) for place, plan in zip(places, plans, strict=True)]
    early = await answers.insert(tx, coming)
    await tickets.update(tx, [plan.said.ticket for plan in plans])
    await files.use(tx, [upload for plan in plans for upload in plan.files])
    for plan in plans:
        key = (plan.before.workspace, plan.written.id)
        if key in early:
            await deliveries.catch_up(tx, ctx, plan.said.ticket, key, early[key])
        _tell(ctx, plan)
    lines = [_line(plan, ctx.now) for plan in plans if plan.said.ticket.state != plan.said.was]
    await messages.happened(tx, lines)
    await kept_mentions.insert(tx, [one for plan in plans for one in _mentions(ctx, plan)])


def _mentions(ctx: Context, plan: Plan) -> list[Mention]:
    workspace, written = plan.before.workspace, plan.written
    named = mentions.readers(plan.mentions, ctx.settings, workspace, written.by)
    ticket = plan.before.id
    return [Mention(workspace, agent, written.id, ticket, team, written.at) for agent, team in named.items()]


def _tell(ctx: Context, plan: Plan) -> None:
    """What others read of it, and the command to notify."""
    after, said, written = plan.said.ticket, plan.said, plan.written
    actor, because = plan.command.who.principal, plan.command.because
    carried = facts.carried(after) | {"state": said.was}
    added = MessageAdded(
        **carried,
        message=written.id,
        author="agent" if written.by else "rule",
        automatic=written.by is None,
        by=written.by,
        accepted_at=written.at,
        note=True if written.note else None,
        mentions=plan.mentions or None,
    )
    say(ctx, after, added, said.at, actor, because)
    if after.state != said.was:
        moved = facts.changed(after, was=said.was, reason="answered", by=written.by)
        say(ctx, after, moved, after.version, actor, because)
    if plan.address is not None:
        command = _command(ctx, plan, plan.address)
        ctx.begin(command, workspace=after.workspace, shop=after.shop, id=written.id, trace=plan.before.trace)


def _command(ctx: Context, plan: Plan, address: Address) -> SendMessage:
    before, written = plan.before, plan.written
    return SendMessage(
        message=written.id,
        ticket=before.id,
        person=before.own,
        channel=address.channel,
        account=address.account,
        recipient=Recipient(kind=address.kind, scope=address.scope, value=address.value, name=address.name),
        copies=written.copied or None,
        thread=address.thread,
        in_reply_to=address.answered,
        reply_token=reply_token.sign(keys(ctx), before.workspace, before.id),
        subject=before.subject,
        text=written.text,
        attachments=written.files,
        language=before.language,
        heard_at=address.heard_at,
        template=plan.command.template,
        author=written.by,
        automatic=written.by is None,
    )


def _line(plan: Plan, now: datetime) -> Happening:
    after, by = plan.said.ticket, plan.written.by or plan.command.who.principal
    detail = {"was": plan.said.was, "state": after.state, "reason": "answered", "by": by}
    return Happening(after.workspace, after.id, after.version, "state", detail, now)

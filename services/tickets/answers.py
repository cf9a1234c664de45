"""Agents' answers and notes: kept, told, and answers handed to notify; many at a time, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from services.tickets import deliveries, facts
from services.tickets.domain import answering
from services.tickets.domain.answering import Said
from services.tickets.domain.ticket import Ticket
from services.tickets.repo import answers, messages, tickets
from services.tickets.repo.answers import Address, Key, Newer, Place, Written
from services.tickets.repo.messages import Happening
from shared.bus import Context
from shared.contracts.outbound_commands import Recipient, SendMessage
from shared.contracts.ticket_events import MessageAdded, State
from shared.errors import Conflict, NotFound, Refused
from shared.identity import Identity


class NewerMessages(Conflict):
    """Something was said on the ticket since the writer looked: he is asked before his words go."""

    def __init__(self, newer: list[Newer]) -> None:
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
    state: State | None = None
    """What the ticket becomes; the usual where nothing is chosen."""
    seen_up_to: int | None = None
    """The ticket's version that the writer has read; None: he wants it to go whatever was said since."""

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
    address: Address | None


async def write(tx: asyncpg.Connection, ctx: Context, commands: Sequence[Command]) -> list[Ticket | Refused]:
    """Write what is wanted, no more than one on each ticket; gives the ticket after it, or why it was refused.

    An answer's command has the message's id, so that it is sent once for ever.
    """
    known = await _visible(tx, commands)
    seen = [(one.key, one.seen_up_to, one.who.agent) for one in commands if one.seen_up_to is not None]
    newer = await answers.newer(tx, seen)
    addresses = await answers.addresses(tx, [one.key for one in commands if not one.note and one.key in known])
    plans = [_plan(ctx.now, one, known.get(one.key), newer.get(one.key), addresses.get(one.key)) for one in commands]
    await _keep(tx, ctx, [plan for plan in plans if isinstance(plan, Plan)])
    return [plan.said.ticket if isinstance(plan, Plan) else plan for plan in plans]


async def _visible(tx: asyncpg.Connection, commands: Sequence[Command]) -> dict[Key, Ticket]:
    """The tickets, locked, that their writers may see."""
    found = {(ticket.workspace, ticket.id): ticket for ticket in await tickets.by_id(tx, [c.key for c in commands])}
    return {c.key: found[c.key] for c in commands if c.key in found and c.who.sees(found[c.key].shop)}


def _plan(
    now: datetime, command: Command, ticket: Ticket | None, newer: list[Newer] | None, address: Address | None
) -> Plan | Refused:
    if ticket is None:
        return NotFound(f"there is no ticket {command.ticket}")
    if newer:
        return NewerMessages(newer)
    try:
        said = answering.note(ticket) if command.note else answering.answer(ticket, command.state, now)
    except Refused as refusal:
        return refusal
    by, text = command.who.agent, command.text
    if command.note:
        place = Written(command.message, text, now, said.at, by, True, ticket.channel, ticket.account)
        return Plan(ticket, said, place, None)
    if address is None:
        return NoAddress(ticket)
    channel, account = address.channel, address.account
    written = Written(command.message, text, now, said.at, by, False, channel, account, ticket.subject)
    return Plan(ticket, said, written, address)


async def _keep(tx: asyncpg.Connection, ctx: Context, plans: Sequence[Plan]) -> None:
    places = [Place(plan.before.workspace, plan.before.id, plan.before.person) for plan in plans]
    coming = [(place, plan.written, plan.before) for place, plan in zip(places, plans, strict=True)]
    early = await answers.insert(tx, coming)
    await tickets.update(tx, [plan.said.ticket for plan in plans])
    for plan in plans:
        key = (plan.before.workspace, plan.written.id)
        if key in early:
            await deliveries.catch_up(tx, ctx, plan.said.ticket, key, early[key])
        _tell(ctx, plan)
    lines = [_line(plan, ctx.now) for plan in plans if plan.said.ticket.state != plan.said.was]
    await messages.happened(tx, lines)


def _tell(ctx: Context, plan: Plan) -> None:
    """What others read of it, and the command to notify."""
    after, said, written = plan.said.ticket, plan.said, plan.written
    carried = facts.carried(after) | {"state": said.was}
    added = MessageAdded(
        **carried,
        message=written.id,
        author="agent" if written.by else "rule",
        automatic=written.by is None,
        by=written.by,
        accepted_at=written.at,
        note=True if written.note else None,
    )
    ctx.begin(added, workspace=after.workspace, shop=after.shop, version=said.at, trace=after.trace)
    if after.state != said.was:
        told = facts.changed(after, was=said.was, reason="answered", by=written.by)
        ctx.begin(told, workspace=after.workspace, shop=after.shop, version=after.version, trace=after.trace)
    if plan.address is not None:
        command = _command(plan.before, written, plan.address)
        ctx.begin(command, workspace=after.workspace, shop=after.shop, id=written.id, trace=plan.before.trace)


def _command(before: Ticket, written: Written, address: Address) -> SendMessage:
    return SendMessage(
        message=written.id,
        ticket=before.id,
        person=before.person,
        channel=address.channel,
        account=address.account,
        recipient=Recipient(kind=address.kind, scope=address.scope, value=address.value, name=address.name),
        thread=address.thread,
        in_reply_to=address.answered,
        subject=before.subject,
        text=written.text,
        language=before.language,
        author=written.by,
        automatic=written.by is None,
    )


def _line(plan: Plan, now: datetime) -> Happening:
    after, by = plan.said.ticket, plan.written.by or "rule"
    detail = {"was": plan.said.was, "state": after.state, "reason": "answered", "by": by}
    return Happening(after.workspace, after.id, after.version, "state", detail, now)

"""An agent's answer: kept, told, and handed to notify, in one transaction; a note is only kept and told."""

from datetime import datetime
from uuid import UUID

import asyncpg

from services.tickets import deliveries, facts
from services.tickets.domain.answering import Said
from services.tickets.domain.ticket import Ticket
from services.tickets.repo import answers, messages, tickets
from services.tickets.repo.answers import Address, Newer, Place, Written
from services.tickets.repo.messages import Happening
from shared.bus import Context
from shared.contracts.outbound_commands import Recipient, SendMessage
from shared.contracts.ticket_events import MessageAdded
from shared.errors import Conflict


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


async def require_seen(tx: asyncpg.Connection, ticket: Ticket, seen_up_to: int | None, by: str | None) -> None:
    """Raises NewerMessages where customers or colleagues wrote after the version the writer has seen."""
    if seen_up_to is not None:
        newer = await answers.newer(tx, ticket, seen_up_to, by)
        if newer:
            raise NewerMessages(newer)


async def send(
    tx: asyncpg.Connection, ctx: Context, before: Ticket, said: Said, *, id_: UUID, text: str, by: str | None
) -> None:
    """Keep an answer and ask notify to send it; the command's id is the message's, so that it is sent once for ever."""
    address = await answers.address(tx, before)
    if address is None:
        raise NoAddress(before)
    written = Written(id_, text, ctx.now, said.at, by, False, address.channel, address.account, before.subject)
    await _keep(tx, ctx, before, said, written)
    command = SendMessage(
        message=id_,
        ticket=before.id,
        person=before.person,
        channel=address.channel,
        account=address.account,
        recipient=_recipient(address),
        thread=address.thread,
        in_reply_to=address.answered,
        subject=before.subject,
        text=text,
        language=before.language,
        author=by,
        automatic=by is None,
    )
    ctx.begin(command, workspace=before.workspace, shop=before.shop, id=id_, trace=before.trace)


def _recipient(address: Address) -> Recipient:
    return Recipient(kind=address.kind, scope=address.scope, value=address.value, name=address.name)


async def keep_note(
    tx: asyncpg.Connection, ctx: Context, before: Ticket, said: Said, *, id_: UUID, text: str, by: str
) -> None:
    """Keep a note."""
    await _keep(tx, ctx, before, said, Written(id_, text, ctx.now, said.at, by, True, before.channel, before.account))


async def _keep(tx: asyncpg.Connection, ctx: Context, before: Ticket, said: Said, written: Written) -> None:
    after = said.ticket
    place = Place(before.workspace, before.id, before.person)
    early = await answers.insert(tx, place, written, cycle_of=before)
    await tickets.update(tx, [after])
    if early:
        await deliveries.catch_up(tx, ctx, after, (after.workspace, written.id), early)
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
        await messages.happened(tx, [_line(after, said, written.by, ctx.now)])


def _line(after: Ticket, said: Said, by: str | None, now: datetime) -> Happening:
    detail = {"was": said.was, "state": after.state, "reason": "answered", "by": by or "rule"}
    return Happening(after.workspace, after.id, after.version, "state", detail, now)

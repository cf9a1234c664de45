"""Echoes: what the desk wrote in an app of the provider becomes an agent's answer on its customer's ticket.

An echo of a message that we sent ourselves is only a further copy of it. Which it is may be known late: when notify's
word on the send comes after the echo, the echo's reply is taken back (`deliveries.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from services.tickets import deliveries, facts
from services.tickets.domain.answering import Said
from services.tickets.domain.ticket import Ticket
from services.tickets.keys import provider_names
from services.tickets.repo import echoes, names
from services.tickets.repo.answers import Sent
from services.tickets.repo.messages import Happening
from services.tickets.repo.names import Holder, Name
from shared.bus import Context
from shared.contracts.envelope import Event
from shared.contracts.inbound_messages import MessageReceived
from shared.contracts.ticket_events import MessageAdded, TicketOpened

Inbound = Event[MessageReceived]
AUTHOR = "native-app"
"""Who wrote it: the app does not say which agent."""


@dataclass(frozen=True, slots=True)
class Echoed:
    """An echo and what it did: the ticket before it (None where it opened one) and after it."""

    event: Inbound
    before: Ticket | None
    said: Said

    @property
    def at(self) -> datetime:
        """When it was written."""
        return written_at(self.event)

    @property
    def replies(self) -> bool:
        """Whether it answers the cycle that the ticket is in."""
        before = self.before
        counts = before is not None and before.clock == "runs" and before.state != "closed"
        return counts and before is not None and self.at >= before.cycle_started_at


def written_at(event: Inbound) -> datetime:
    """When a message was written, as far as its provider tells."""
    return event.data.provider_time or event.data.accepted_at


async def ours(tx: asyncpg.Connection, batch: Sequence[Inbound], ctx: Context) -> dict[UUID, Holder]:
    """Which echoes are of messages that we sent, by the echo's id; the other ones take their names."""
    hashes: dict[Name, UUID] = {}
    older: list[tuple[Name, UUID]] = []
    for event in batch:
        if event.data.echo:
            message = event.data
            known = provider_names(ctx).all(event.workspace, message.channel, message.account, message.natural_id)
            hashes[event.workspace, known[0]] = event.id
            older += [((event.workspace, one), event.id) for one in known[1:]]
    of = {**hashes, **dict(older)}
    found = await names.claim(tx, hashes, older)
    return {of[name]: holder for name, holder in found.items() if holder.ticket is not None}


def tell(ctx: Context, echoed: Echoed) -> None:
    """Tell what an echo did."""
    event, said = echoed.event, echoed.said
    after = said.ticket
    if echoed.before is None:
        opened = TicketOpened(**facts.carried(after), message=event.id, author="agent")
        ctx.emit(opened, cause=event, version=after.version, shop=after.shop)
        return
    added = MessageAdded(
        **facts.carried(after) | {"state": said.was},
        message=event.id,
        author="agent",
        by=AUTHOR,
        accepted_at=event.data.accepted_at,
    )
    ctx.emit(added, cause=event, version=said.at, shop=after.shop)
    if after.state != said.was:
        told = facts.changed(after, was=said.was, reason="answered", by=AUTHOR)
        ctx.emit(told, cause=event, version=after.version, shop=after.shop)
    if echoed.replies:
        reply = deliveries.reply_sent(ctx, _row(echoed), after, echoed.at)
        ctx.emit(reply, cause=event, version=1, shop=after.shop)


def line(echoed: Echoed) -> Happening | None:
    """The line of the timeline that says how the ticket's state changed, where it did."""
    after, was = echoed.said.ticket, echoed.said.was
    if after.state == was:
        return None
    detail = {"was": was, "state": after.state, "reason": "answered", "by": AUTHOR}
    return Happening(after.workspace, after.id, after.version, "state", detail, echoed.at)


def _row(echoed: Echoed) -> Sent:
    """The echo as a message of ours."""
    event, ticket = echoed.event, echoed.said.ticket
    start, replied = (ticket.cycle_started_at, echoed.at) if echoed.replies else (None, None)
    return Sent(
        *(event.workspace, event.id, ticket.id, "agent", AUTHOR, False, ticket.cycle, start, "sent", 1, replied),
        at=echoed.at,
    )


async def keep(tx: asyncpg.Connection, written: Sequence[Echoed], copies: Mapping[UUID, Inbound]) -> None:
    """Make the messages that were inserted for echoes an agent's; `copies` are those of messages that we sent."""
    rows = [_row(echoed) for echoed in written]
    rows += [
        Sent(e.workspace, e.id, e.id, "agent", AUTHOR, False, None, None, "sent", 1, None, at=written_at(e))
        for e in copies.values()
    ]
    await echoes.sign(tx, rows)

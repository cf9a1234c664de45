"""A message that was taken for automatic by mistake counts: kept, told, and the ticket moved as it would have been."""

from uuid import UUID

import asyncpg

from services.tickets import facts
from services.tickets.acting import SNOOZE, Actor
from services.tickets.domain.counting import Counted, count
from services.tickets.domain.ticket import Ticket
from services.tickets.repo import counted, messages, tickets, timers
from services.tickets.repo.messages import Happening
from services.tickets.telling import say
from shared.bus import Context
from shared.contracts.ticket_events import MessageCounted, StateChanged, TicketReopened
from shared.errors import NotFound

REASON = "message-counts"


async def let_count(tx: asyncpg.Connection, ctx: Context, who: Actor, key: tuple[str, UUID], message: UUID) -> Ticket:
    """Let it count from now on; gives the ticket after it. Raises NotFound, or what `domain.counting.count` raises."""
    ticket = next(iter(await tickets.by_id(tx, [key])), None)
    if ticket is None or not who.sees(ticket):
        raise NotFound(f"there is no ticket {key[1]}")
    standing = await counted.find(tx, key, message)
    if standing is None:
        raise NotFound(f"there is no message {message} on ticket {key[1]}")
    done = count(ticket, standing)
    if done is None:
        return ticket
    await tickets.update(tx, [done.ticket])
    await counted.keep(tx, key[0], message, "reopened" if done.did == "reopened" else standing.did)
    if ticket.snoozed_until is not None:
        await timers.forget(tx, [(*key, SNOOZE, "")])
    told = MessageCounted(
        **facts.carried(done.at),
        message=message,
        was=standing.automatic,
        accepted_at=standing.accepted_at,
        by=who.agent,
    )
    say(ctx, done.at, told, done.at.version, who.name)
    lines = [_line(who, done.at, "counted", {"message": str(message), "was": standing.automatic}, ctx)]
    if done.moved:
        say(ctx, done.ticket, _moved(done, message, who), done.ticket.version, who.name)
        lines.append(_line(who, done.ticket, "state", {"was": done.was, "state": done.ticket.state}, ctx))
    await messages.happened(tx, lines)
    return done.ticket


def _moved(done: Counted, message: UUID, who: Actor) -> TicketReopened | StateChanged:
    if done.did == "reopened":
        return TicketReopened(**facts.carried(done.ticket), message=message)
    return facts.changed(done.ticket, was=done.was, reason=REASON, by=who.agent)


def _line(who: Actor, ticket: Ticket, what: str, detail: dict[str, str | None], ctx: Context) -> Happening:
    said = {"reason": REASON, "by": who.agent or who.name}
    return Happening(ticket.workspace, ticket.id, ticket.version, what, detail | said, ctx.now)

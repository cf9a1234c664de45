"""Messages split off into a ticket of their own, which enters the queue like any new one."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from services.tickets import facts
from services.tickets.acting import Act, Actor, keep
from services.tickets.domain import splitting as rules
from services.tickets.domain.editing import Edit, Edited
from services.tickets.domain.people import root
from services.tickets.domain.splitting import Said, Split
from services.tickets.merging import Pair, locked
from services.tickets.repo import merges, persons, splits, tickets
from services.tickets.repo.answers import Key
from services.tickets.telling import say
from shared.bus import Context
from shared.contracts.ticket_events import MessageAdded, TicketOpened
from shared.errors import Invalid


async def split(
    tx: asyncpg.Connection, ctx: Context, actor: Actor, key: Key, wanted: Sequence[UUID], *, reason: str
) -> Pair:
    """Make these messages of a ticket a new one, of who wrote the first of them."""
    workspace, id_ = key
    people = await persons.groups(tx, workspace, await splits.authors(tx, key, wanted))
    ticket = (await locked(tx, actor, workspace, id_))[id_]
    moving = rules.chosen(ticket, await splits.said(tx, key), wanted)
    first = next(one for one in moving if not one.automatic)
    if people[first.person].erased:
        raise Invalid("who wrote this was erased; nothing of it is left", reason="erased")
    waited = await merges.waits_since(tx, *key)
    ids = [one.id for one in moving]
    new_id = rules.split(ticket, moving, first.person, waited_since=None, waits_since=None).opened.id
    await splits.move(tx, key, new_id, ids)
    waits = await merges.waits_since(tx, *key)
    done = rules.split(ticket, moving, root(people, first.person), waited_since=waited, waits_since=waits)
    await tickets.insert(tx, [done.opened])
    _tell(ctx, done, actor)
    await keep(tx, ctx, [_act(actor, done.new, reason), _act(actor, done.old, reason)])
    guests = sorted({one.person for one in moving} - {done.opened.own})
    await merges.take_part(tx, workspace, new_id, guests)
    return Pair(done.old.ticket, done.new.ticket)


def _act(actor: Actor, edited: Edited, reason: str) -> tuple[Act, Edited]:
    return Act(actor, edited.before.workspace, edited.before.id, Edit(), reason), edited


def _tell(ctx: Context, done: Split, actor: Actor) -> None:
    """The new ticket as others read of any: opened by its first message, then each further one."""
    carried = facts.carried(done.opened)
    for version, said in enumerate(done.moved, start=1):
        told: TicketOpened | MessageAdded
        if version == 1:
            told = TicketOpened(**carried, message=said.id, split_from=done.old.before.id)
        else:
            told = _added(carried, said)
        say(ctx, done.opened, told, version, actor.name)


def _added(carried: dict[str, object], said: Said) -> MessageAdded:
    more = {"message": said.id, "author": "customer", "automatic": said.automatic, "accepted_at": said.accepted_at}
    return MessageAdded.model_validate(carried | more)

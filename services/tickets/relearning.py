"""After a restore the log may know answers that this database has forgotten; customers have them, so they stand here.

In normal life every command on outbound-commands is our own and is passed over (shared.bus.interest).
"""

from collections.abc import Collection, Mapping, Sequence

import asyncpg

from services.tickets import deliveries
from services.tickets.domain.ticket import Ticket
from services.tickets.repo import answers, tickets
from services.tickets.repo.answers import Key, Place, Written
from shared.bus import Context
from shared.contracts.envelope import Event
from shared.contracts.outbound_commands import SendMessage


async def take_in(tx: asyncpg.Connection, batch: Sequence[Event[SendMessage]], ctx: Context) -> None:
    """Keep answers that are not here, and what notify has said of them meanwhile.

    The ticket's version and state are those of the restored database: what the answer made of them is not repeated.
    """
    keys = sorted({(event.workspace, event.data.message) for event in batch})
    known = await answers.lock(tx, keys)
    missing = {(e.workspace, e.data.message): e for e in batch if (e.workspace, e.data.message) not in known}
    if not missing:
        return
    of = sorted({(event.workspace, event.data.ticket) for event in missing.values()})
    there = {(ticket.workspace, ticket.id): ticket for ticket in await tickets.by_id(tx, of)}
    people = sorted({(event.workspace, event.data.person) for event in missing.values()})
    erased = await answers.before_return(tx, people)
    coming = [_written(event, there, erased) for event in missing.values()]
    early = await answers.insert(tx, coming)
    for key, words in early.items():
        await deliveries.catch_up(tx, ctx, there.get((key[0], missing[key].data.ticket)), key, words)


def _written(
    event: Event[SendMessage], there: Mapping[Key, Ticket], erased: Collection[Key]
) -> tuple[Place, Written, Ticket | None]:
    said = event.data
    gone = (event.workspace, said.person) in erased
    text, files, copied = ("", (), ()) if gone or said.secret else (said.text, said.attachments, said.copies or ())
    place = (said.author, False, said.channel, said.account)
    written = Written(said.message, text, event.time, 0, *place, files=files, copied=copied)
    return Place(event.workspace, said.ticket, said.person), written, there.get((event.workspace, said.ticket))

"""Which tickets messages name by the tokens that came back with them; a forged one names nothing."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from services.tickets.keys import keys
from services.tickets.repo import tickets
from shared import reply_token
from shared.bus import Context
from shared.contracts.envelope import Event
from shared.contracts.inbound_messages import MessageReceived


async def named(tx: asyncpg.Connection, batch: Sequence[Event[MessageReceived]], ctx: Context) -> dict[UUID, UUID]:
    """The ticket that each message's token names, by the message's id, where it is ours and the ticket is here."""
    proven: dict[UUID, tuple[str, UUID]] = {}
    for event in batch:
        token = event.data.reply_token
        ticket = reply_token.check(keys(ctx), event.workspace, token) if token is not None else None
        if ticket is not None:
            proven[event.id] = (event.workspace, ticket)
    known = await tickets.known(tx, sorted(set(proven.values())))
    return {id_: key[1] for id_, key in proven.items() if key in known}

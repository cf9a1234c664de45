"""The second of two small real services for the kill campaign: keeps each fact that the first one tells."""

from collections.abc import Sequence

import asyncpg

from shared.bus import Context
from shared.config import ServiceConfig
from shared.contracts.envelope import Event
from shared.contracts.ticket_events import TicketOpened
from shared.errors import Invalid
from shared.service import main
from tests.integration.pair.first import PairService, cured


async def on_opened(tx: asyncpg.Connection, batch: Sequence[Event[TicketOpened]], ctx: Context) -> None:
    """One row for each ticket; priority `urgent` stands for content that cannot be, until it is cured."""
    if any(event.data.priority == "urgent" for event in batch) and not await cured(tx, "urgent"):
        raise Invalid("an impossible fact")
    await tx.execute(
        "insert into facts(id, ticket, message, number, trace) "
        "select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::int[], $5::text[])",
        [event.id for event in batch],
        [event.data.ticket for event in batch],
        [event.data.message for event in batch],
        [event.data.cycle - 1 for event in batch],
        [event.trace for event in batch],
    )


SERVICE = PairService(name="second", config=ServiceConfig, handlers={"ticket-events": on_opened})

if __name__ == "__main__":
    main(SERVICE)

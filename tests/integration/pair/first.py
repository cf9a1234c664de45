"""The first of two small real services for the kill campaign: keeps each message and says that a ticket was opened."""

from collections.abc import Sequence
from pathlib import Path

import asyncpg

from shared.bus import Context
from shared.config import ServiceConfig
from shared.contracts.envelope import Event
from shared.contracts.inbound_messages import MessageReceived
from shared.contracts.ticket_events import TicketOpened
from shared.errors import Invalid
from shared.ids import NAMESPACE, derived_id
from shared.service import Service, main


class PairService(Service):
    """A service whose migrations stand beside this file."""

    @property
    def migrations(self) -> Path:
        """Beside this file."""
        return Path(__file__).parent / f"{self.name}_migrations"


async def on_messages(tx: asyncpg.Connection, batch: Sequence[Event[MessageReceived]], ctx: Context) -> None:
    """One row and one event for each message, on one ticket for each sender; a text `impossible` is refused."""
    if any(event.data.text == "impossible" for event in batch):
        raise Invalid("an impossible message")
    await tx.execute(
        "insert into seen(id, sender, number) select * from unnest($1::uuid[], $2::text[], $3::int[])",
        [event.id for event in batch],
        [event.data.sender.value for event in batch],
        [int(event.data.text) for event in batch],
    )
    for event in batch:
        ticket = derived_id(NAMESPACE, "ticket", event.data.sender.value)
        opened = TicketOpened(
            ticket=ticket,
            person=derived_id(event.id, "person", event.data.sender.value),
            channel=event.data.channel,
            account=event.data.account,
            state="new",
            cycle=int(event.data.text) + 1,
            cycle_started_at=event.data.accepted_at,
            message=event.id,
        )
        ctx.emit(opened, cause=event, version=1)


SERVICE = PairService(name="first", config=ServiceConfig, handlers={"inbound-messages": on_messages})

if __name__ == "__main__":
    main(SERVICE)

"""The first of two small real services for the kill campaign: keeps each message and says that a ticket was opened.

A text is a number, perhaps behind a word: `impossible` is refused here, `urgent` by the second service, both until the
table `cured` names the word, as a new release would cure them.
"""

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


async def cured(tx: asyncpg.Connection, word: str) -> bool:
    """Whether what is wrong with the word was mended."""
    return bool(await tx.fetchval("select exists (select from cured where word = $1)", word))


def ticket_of(sender: str) -> str:
    """The one ticket of a sender."""
    return str(derived_id(NAMESPACE, "ticket", sender))


async def on_messages(tx: asyncpg.Connection, batch: Sequence[Event[MessageReceived]], ctx: Context) -> None:
    """One row and one event for each message, on one ticket for each sender."""
    if any(event.data.text.startswith("impossible") for event in batch) and not await cured(tx, "impossible"):
        raise Invalid("an impossible message")
    numbers = [int(event.data.text.split()[-1]) for event in batch]
    await tx.execute(
        "insert into seen(id, sender, number) select * from unnest($1::uuid[], $2::text[], $3::int[])",
        [event.id for event in batch],
        [event.data.sender.value for event in batch],
        numbers,
    )
    for event, number in zip(batch, numbers, strict=True):
        opened = TicketOpened(
            ticket=derived_id(NAMESPACE, "ticket", event.data.sender.value),
            person=derived_id(event.id, "person", event.data.sender.value),
            channel=event.data.channel,
            account=event.data.account,
            state="new",
            priority="urgent" if event.data.text.startswith("urgent") else "normal",
            cycle=number + 1,
            cycle_started_at=event.data.accepted_at,
            message=event.id,
        )
        ctx.emit(opened, cause=event, version=1)


SERVICE = PairService(name="first", config=ServiceConfig, handlers={"inbound-messages": on_messages})

if __name__ == "__main__":
    main(SERVICE)

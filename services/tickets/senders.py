"""Who wrote a batch of messages: each sender as the person he is, or will be."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from services.tickets.repo.people import Address, Candidate
from services.tickets.spoken import Inbound, offered
from shared.bus import Context
from shared.ids import derived_id


def candidates(batch: Sequence[Inbound], ctx: Context, heard: Mapping[UUID, str | None]) -> dict[Address, Candidate]:
    """Each sender of the batch as a person, were he new; what one message proves of him holds for all."""
    found: dict[Address, Candidate] = {}
    for event in batch:
        address = address_of(event)
        known = found.get(address)
        if known is None:
            found[address] = _candidate(event, ctx, heard[event.id])
        elif event.data.sender.verified and not known.verified:
            found[address] = replace(known, verified=True)
    return found


def address_of(event: Inbound) -> Address:
    """Who wrote, as identities are kept."""
    sender = event.data.sender
    return (event.workspace, sender.kind, sender.scope, sender.value)


def _candidate(event: Inbound, ctx: Context, heard: str | None) -> Candidate:
    sender = event.data.sender
    person = derived_id(event.id, "person", sender.value)
    return Candidate(person, sender.name, offered(event, ctx), heard, sender.verified, event.data.accepted_at)

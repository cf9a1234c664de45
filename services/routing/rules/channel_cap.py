"""A channel's cap limits how many of its tickets an agent has at once, whatever his capacity."""

from services.routing.domain.crew import Bits
from services.routing.domain.floor import Floor, Waiting


def passes(ticket: Waiting, floor: Floor, _standing: Bits) -> Bits:
    """Who is below the cap of the ticket's channel."""
    return floor.below_cap(ticket.need.channel)

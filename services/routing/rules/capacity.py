"""No push or offer lifts an agent's load over his capacity."""

from services.routing.domain.crew import Bits
from services.routing.domain.floor import Floor, Waiting


def passes(ticket: Waiting, floor: Floor, _standing: Bits) -> Bits:
    """Who has room for the ticket's weight."""
    return floor.roomy(ticket.need.weight)

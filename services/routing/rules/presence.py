"""Only agents who are available, and take work of the ticket's channel, are asked."""

from services.routing.domain.crew import Bits
from services.routing.domain.floor import Floor
from services.routing.domain.needs import Need


def passes(need: Need, floor: Floor) -> Bits:
    """Who is there for the channel."""
    return floor.present(need.channel)

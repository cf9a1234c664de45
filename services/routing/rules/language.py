"""A customer whose language is known with confidence gets an agent who speaks it."""

from services.routing.domain.crew import Bits
from services.routing.domain.floor import Floor
from services.routing.domain.needs import Need


def passes(need: Need, floor: Floor) -> Bits:
    """Who speaks the ticket's language; an unknown language asks nothing."""
    return floor.crew.everybody if need.language is None else floor.crew.speaking(need.language)

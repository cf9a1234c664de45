"""Every hard skill that is still in force has to be there, at its level."""

from services.routing.domain.crew import Bits
from services.routing.domain.floor import Floor
from services.routing.domain.needs import Need


def passes(need: Need, floor: Floor) -> Bits:
    """Who has all of them."""
    found = floor.crew.everybody
    for skill, level in need.skills:
        found &= floor.crew.skilled(skill, level)
    return found

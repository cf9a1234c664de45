"""An agent serves only the shops he is allowed."""

from services.routing.domain.crew import Bits
from services.routing.domain.floor import Floor
from services.routing.domain.needs import Need


def passes(need: Need, floor: Floor) -> Bits:
    """Who may serve the ticket's shop; a ticket without a shop is everybody's."""
    return floor.crew.everybody if need.shop is None else floor.crew.serving(need.shop)

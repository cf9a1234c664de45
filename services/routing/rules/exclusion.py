"""Who declined or missed a ticket is not asked for it again for a while, unless nobody else could take it."""

from services.routing.domain.crew import Bits
from services.routing.domain.floor import Floor, Waiting


def passes(ticket: Waiting, floor: Floor, standing: Bits) -> Bits:
    """Who is not excluded; an exclusion lapses at once where no other agent is there for such a ticket."""
    if not ticket.excluded or standing.bit_count() == 1:
        return floor.crew.everybody
    return floor.crew.everybody & ~floor.crew.bits(ticket.excluded)

"""Who alone can do something else stays free for it, where others can take this ticket."""

from services.routing.domain.floor import Floor
from services.routing.domain.needs import Skills


def points(asked: Skills, floor: Floor, place: int) -> int:
    """-500 to 0: half the rarity, per mille, of his rarest skill that this ticket does not ask for."""
    wanted = [skill for skill, _ in asked]
    for rarity, skill in floor.rarest(place):
        if skill not in wanted:
            return -(rarity // 2)
    return 0

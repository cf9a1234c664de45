"""The better an agent is at what the ticket asks for, the sooner he is asked."""

from services.routing.domain.floor import Floor
from services.routing.domain.needs import Skills

POINTS_A_LEVEL = 200


def points(asked: Skills, floor: Floor, place: int) -> int:
    """0 to 1000: his mean level (1 to 5) over the skills that are asked for; 0 where none is."""
    if not asked:
        return 0
    have = floor.crew.profiles[place].skills
    return POINTS_A_LEVEL * sum([have.get(skill, 0) for skill, _ in asked]) // len(asked)

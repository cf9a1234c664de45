"""Fairness: who has waited longest for work is asked first."""

from services.routing.domain.floor import Floor

MOST_S = 600


def points(floor: Floor, place: int) -> int:
    """0 to 600: one for each second since he was last given work, finished some, or came back."""
    return max(0, min(MOST_S, (floor.at_us - floor.since[place]) // 1_000_000))

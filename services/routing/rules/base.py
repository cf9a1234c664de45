"""What a rule is: eligibility says who may take a ticket, a score who of them should; each has a file of its own."""

from collections.abc import Callable
from dataclasses import dataclass

from services.routing.domain.crew import Bits
from services.routing.domain.floor import Floor, Waiting
from services.routing.domain.needs import Need, Skills


@dataclass(frozen=True, slots=True)
class Standing:
    """Holds through a whole match and depends on the need alone: asked once for all tickets that need the same."""

    reason: str
    """Registry word for agents whom this rule alone keeps away."""
    passes: Callable[[Need, Floor], Bits]


@dataclass(frozen=True, slots=True)
class Momentary:
    """Changes as work is given out, or from ticket to ticket.

    `passes(ticket, floor, standing)` is asked for each ticket; `standing` are the agents all standing rules let pass.
    `lasting`: whom it refuses once it refuses for the rest of the match, for every ticket of the same need.
    """

    reason: str
    passes: Callable[[Waiting, Floor, Bits], Bits]
    lasting: bool


@dataclass(frozen=True, slots=True)
class Score:
    """Points of an agent, by his place in the crew, for the skills a ticket needs.

    They may depend on settings and on who is available, on nothing else: they are kept from match to match.
    """

    name: str
    points: Callable[[Skills, Floor, int], int]


@dataclass(frozen=True, slots=True)
class MomentaryScore:
    """Points of an agent that only fall while a match gives him work."""

    name: str
    points: Callable[[Floor, int], int]


@dataclass(frozen=True, slots=True)
class Rules:
    """One set of rules, in the order in which an agent meets them: the first that refuses him is his reason."""

    standing: tuple[Standing, ...]
    momentary: tuple[Momentary, ...]
    scores: tuple[Score, ...]
    momentary_scores: tuple[MomentaryScore, ...]

"""What is told of a clock, and when it is looked at again: each decision once, and what is told otherwise later."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from services.tickets.domain.clocks import Clock, Outcome
from services.tickets.domain.sla import upcoming

News = Literal["settled", "breached", "corrected"]


@dataclass(frozen=True, slots=True)
class Told:
    """What others know of a clock."""

    outcome: Outcome | None = None
    due_at: datetime | None = None
    """When it was due as that was told."""
    breached: bool = False
    """Whether a breach was ever told of it."""
    warned: int = 0
    version: int = 0


NOTHING = Told()


def outcome_of(clock: Clock, told: Told) -> Outcome:
    """What holds of a clock: one that was told late, and runs on past the same moment, is late."""
    late = clock.outcome == "runs" and told.outcome == "breached" and clock.due_at == told.due_at
    return "breached" if late else clock.outcome


def news(clock: Clock, told: Told, *, due: bool) -> News | None:
    """What is to be told of a clock now; `due`: its moment has passed, and all that was known by then has been read.

    A clock is met at once. A breach is told when due, and so is one that is void, since an answer may be on its way;
    whatever was told otherwise before is corrected at once.
    """
    outcome = outcome_of(clock, told)
    if outcome == "runs" and due:
        outcome = "breached"
    if outcome == (told.outcome or "runs"):
        return None
    if outcome == "breached" and not told.breached and told.outcome in (None, "runs"):
        return "breached" if due else None
    if told.outcome is not None:
        return "corrected" if due or outcome != "breached" or told.outcome != "runs" else None
    return "settled" if outcome == "met" or due or clock.due_at is None else None


def rings_at(clock: Clock, told: Told) -> datetime | None:
    """When it is to be looked at again, if nothing happens; None: never."""
    outcome = outcome_of(clock, told)
    if outcome == "runs":
        following = upcoming(clock, told.warned)
        return following.at if following is not None else None
    return clock.due_at if outcome in ("breached", "void") and outcome != told.outcome else None

"""An agent's presence and what changes it: what he tells, offers he misses, and silence."""

from dataclasses import dataclass, replace
from datetime import datetime

from shared.contracts.agent_events import Presence

AWAY_REASONS = ("break", "lunch", "meeting", "training", "technical", "other")
"""Why an agent is away by his own word."""
DECLINE_REASONS = ("busy", "break", "wrong-skill", "wrong-language", "wrong-shop", "conflict", "technical", "other")
"""Why an agent does not take an offer."""
TOLD = "told"
MISSED = "missed-offers"


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent at run time; his settings are a `Profile`."""

    workspace: str
    agent: str
    presence: Presence
    reason: str
    channels: tuple[str, ...] | None
    """Channels he takes work from now; None: all."""
    heartbeat_at: datetime
    since: datetime
    """Of this presence."""
    misses: int = 0
    """Offers that lapsed in a row."""
    gone: bool = False
    """Offline past grace: his live work was released."""
    version: int = 0


def tell(
    known: Agent | None,
    new: Agent,
) -> Agent:
    """The agent after he told his presence as in `new`; a heartbeat that says nothing new changes only its time."""
    if known is None:
        return replace(new, version=1)
    same = (known.presence, known.reason) == (new.presence, new.reason)
    return replace(
        new,
        since=known.since if same else new.since,
        misses=known.misses if same else 0,
        gone=known.gone and new.presence == "offline",
        version=known.version if same else known.version + 1,
    )


def miss(known: Agent, misses: int, *, most: int, now: datetime) -> Agent:
    """The agent after so many more offers lapsed; `most` in a row make an available agent away."""
    after = replace(known, misses=known.misses + misses)
    if after.misses < most or known.presence != "available":
        return after
    return replace(after, presence="away", reason=MISSED, since=now, misses=0, version=known.version + 1)


def vanish(known: Agent, reason: str, now: datetime) -> Agent:
    """The agent after his grace is over."""
    if known.presence == "offline":
        return replace(known, gone=True)
    return replace(known, presence="offline", reason=reason, since=now, gone=True, version=known.version + 1)

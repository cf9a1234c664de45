"""A ticket as routing knows it: its place, who is asked or holds it, and what it weighs."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from shared.contracts.routing_events import Mode, Place

RANKS = {"urgent": 0, "high": 1, "normal": 2, "low": 3}
"""Priority classes in order of service."""
PRIORITIES = {rank: name for name, rank in RANKS.items()}


@dataclass(frozen=True, slots=True)
class Load:
    """What a ticket takes of an agent's room."""

    agent: str
    channel: str
    weight: int


class Ticket(NamedTuple):
    """One ticket in exactly one place; `version` counts routing's own changes of it.

    A tuple, since thousands a second are copied with a change: `_replace` takes a fifth of `dataclasses.replace`.
    """

    workspace: str
    id: UUID
    place: Place = "done"
    version: int = 0
    ticket_version: int = 0
    """The version of the ticket whose facts (channel, language, priority, turn) are copied here."""
    decided_on: int = 0
    """The version of the ticket that `place` rests on; above `ticket_version` only after a restore."""
    enqueue: int = 0
    enqueued_at: datetime | None = None
    rank: int = RANKS["normal"]
    channel: str = ""
    shop: str | None = None
    language: str | None = None
    live: bool = True
    """It is our turn: the ticket weighs on its holder."""
    returned: bool = False
    """It came back to its holder by itself, so it may lift his load over his capacity."""
    weight: int = 0
    agent: str | None = None
    offer: UUID | None = None
    mode: Mode | None = None
    given_at: datetime | None = None
    lease_until: datetime | None = None
    reason: str = "unknown"
    waiting_reason: str | None = None
    """Why it still waits; None where no match has looked at it as it is now."""
    trace: str | None = None
    correlation: UUID | None = None

    @property
    def load(self) -> Load | None:
        """What it weighs and on whom (definitions.md, "Load")."""
        if self.agent is None or not self.live:
            return None
        return Load(self.agent, self.channel, self.weight)

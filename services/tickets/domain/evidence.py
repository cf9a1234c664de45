"""What is known of a ticket that its clocks depend on, one thing at a time."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

What = Literal["began", "terms", "priority", "heard", "replied", "failed", "void", "counts", "held", "moved"]
ORDER: tuple[What, ...] = (
    "began", "terms", "priority", "heard", "replied", "failed", "void", "counts", "held", "moved",
)  # fmt: skip
"""Of what is said of one moment."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing known of a ticket; `id` is the event's that told it.

    - began: a cycle, with its terms, the priority (`word`), and the message (`subject`) that waits for a reply, unless
      the desk began it
    - heard: a later message of the customer's that waits for a reply
    - replied, failed: what became of a human public reply (`subject`); the newest version counts
    - void, counts: reply clocks do not count any more (`word` says why), or do again
    - priority: which it is (`word`), with other terms where another policy is for it
    - terms: a lead's choice of others for what is open
    - moved: the state (`word`)
    - held: the agent who has it, or nobody (`word`)
    """

    at: datetime
    what: What
    id: UUID
    version: int = 0
    cycle: int = 0
    word: str = ""
    subject: UUID | None = None
    terms: UUID | None = None

    @property
    def place(self) -> tuple[datetime, int, int, UUID]:
        """Where it stands among others."""
        return self.at, ORDER.index(self.what), self.version, self.id


def counted(evidence: Iterable[Evidence]) -> list[Evidence]:
    """In order, each thing once, and of what is said about a reply only the newest word, where it is no failure."""
    once = {one.id: one for one in evidence}
    newest: dict[UUID | None, Evidence] = {}
    for one in once.values():
        if one.what in ("replied", "failed"):
            kept = newest.get(one.subject)
            if kept is None or (one.version, one.place) > (kept.version, kept.place):
                newest[one.subject] = one
    stands = {one.id for one in newest.values() if one.what == "replied"}
    kept_ones = (one for one in once.values() if one.what not in ("replied", "failed") or one.id in stands)
    return sorted(kept_ones, key=lambda one: one.place)

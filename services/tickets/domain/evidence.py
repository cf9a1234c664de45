"""What is known of a ticket that its clocks depend on, one thing at a time."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

What = Literal["began", "terms", "priority", "heard", "unheard", "replied", "failed", "void", "counts", "held", "moved"]
ORDER: tuple[What, ...] = (
    "began", "terms", "priority", "heard", "unheard", "replied", "failed", "void", "counts", "held", "moved",
)  # fmt: skip
"""Of what is said of one moment."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing known of a ticket; `id` is the event's that told it.

    - began: a cycle, with its terms, the priority (`word`), and the message (`subject`) that waits for a reply, unless
      the desk began it
    - heard, unheard: a later message of the customer's (`subject`) waits for a reply, or is this ticket's no more
    - replied, failed: what became of a human public reply (`subject`)
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


_STANDS = {"heard": "heard", "unheard": "heard", "replied": "replied", "failed": "replied"}
"""Of what is said of one subject only the newest version counts, where it says that it stands."""


def counted(evidence: Iterable[Evidence]) -> list[Evidence]:
    """What counts, in order, each thing once."""
    once = {one.id: one for one in evidence}
    newest: dict[tuple[str, UUID], Evidence] = {}
    for one in once.values():
        if one.what in _STANDS:
            about = (_STANDS[one.what], one.subject or one.id)
            kept = newest.get(about)
            if kept is None or (one.version, one.place) > (kept.version, kept.place):
                newest[about] = one
    stands = {one.id for (what, _), one in newest.items() if one.what == what}
    return sorted((o for o in once.values() if o.what not in _STANDS or o.id in stands), key=lambda one: one.place)

"""What came of one try to send: the four things that a sender must tell apart, and nothing else.

Taken by the provider, surely not taken but perhaps later, never to be taken, or nobody knows. The last is why a message
is not sent twice: whoever cannot say that nothing happened says `Unsure`.
"""

from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Rendered:
    """One request to the provider, made from an answer; `key` is the same whenever the same answer is rendered."""

    key: str
    recipient: str = field(repr=False)
    body: bytes = field(repr=False)
    segments: int = 1
    """Messages that the provider makes, and charges, for it."""
    copies: tuple[str, ...] = field(default=(), repr=False)
    """Whom it goes to as well, on a channel that carries copies."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider has it; `provider_id` is its name for it, or ours where it gives ours back in receipts."""

    provider_id: str | None = None


@dataclass(frozen=True, slots=True)
class TryLater:
    """Surely nothing was sent, and the same request may succeed later; `reason` is a word for counting."""

    reason: str
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """Nothing was sent, and the same request will never succeed."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unsure:
    """The request was written and no answer came that settles it."""

    reason: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that a message named, as its provider gave it out; the type where the provider said one."""

    content: bytes = field(repr=False)
    media_type: str | None = None


Outcome: TypeAlias = Accepted | TryLater | Rejected | Unsure
Fetch: TypeAlias = Fetched | TryLater | Rejected
"""What came of one try to get a file; Rejected: it will never be had."""

"""One-time codes: kept as an HMAC under the installation's key, tried a few times, for a few minutes."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from shared.errors import Busy, Conflict

DIGITS = 6
VALID_FOR = timedelta(minutes=10)
TRIES = 5
WINDOW = timedelta(hours=1)
PER_CONTACT = 3
"""Codes to one contact within WINDOW, whoever asks: nobody's phone is flooded."""
PER_PERSON = 6
"""Codes for one person within WINDOW: at 5 tries of 1,000,000 each, guessing stays hopeless."""
_PURPOSE = b"switchboard/verification-code/v1"

Outcome = Literal["verified", "suggested", "spent"]


class TooManyCodes(Busy):
    """Enough were sent for a while."""

    reason = "too_many_codes"

    def __init__(self, again_at: datetime, now: datetime) -> None:
        super().__init__(f"enough codes were sent there; the next may go at {again_at.isoformat()}")
        self.retry_after_s = max(1, int((again_at - now).total_seconds()) + 1)


class CodeOver(Conflict):
    """The code cannot be given any more; a new one has to be sent."""


@dataclass(frozen=True, slots=True)
class Verification:
    """A code that was sent to a contact, in order to know that a person reads there."""

    id: UUID
    person: UUID
    kind: str
    scope: str
    value: str
    code: bytes
    """Its seal."""
    ticket: UUID
    sent_at: datetime
    expires_at: datetime
    tries: int
    outcome: Outcome | None


def seal(keys: str, verification: UUID, code: str) -> bytes:
    """What is kept of a code, under the newest of the installation's keys (divided by commas)."""
    return _sealed(_keys(keys)[0], verification, code)


def proves(keys: str, verification: Verification, code: str) -> bool:
    """Whether this is the code; compared in constant time, under every key of a rotation."""
    found = [hmac.compare_digest(_sealed(key, verification.id, code), verification.code) for key in _keys(keys)]
    return any(found)


def _keys(keys: str) -> list[bytes]:
    given = [key.strip() for key in keys.split(",") if key.strip()]
    return [hmac.digest(key.encode(), _PURPOSE, hashlib.sha256) for key in given] or [_PURPOSE]


def _sealed(key: bytes, verification: UUID, code: str) -> bytes:
    return hmac.digest(key, verification.bytes + code.encode(), hashlib.sha256)


def require_open(verification: Verification, now: datetime) -> None:
    """Raises CodeOver where the code was used, has lapsed, or was guessed at too often."""
    if verification.outcome == "spent" or verification.tries >= TRIES:
        raise CodeOver(f"{TRIES} wrong codes were given; send a new one", reason="too_many_tries")
    if verification.outcome is not None:
        raise CodeOver("the code was used already; send a new one where there is need", reason="code_used")
    if now >= verification.expires_at:
        raise CodeOver(
            f"the code lapsed at {verification.expires_at.isoformat()}; send a new one", reason="code_expired"
        )


def require_pause(to_contact: Sequence[datetime], for_person: Sequence[datetime], now: datetime) -> None:
    """Raises TooManyCodes where enough were sent within WINDOW; both sequences are of moments within it."""
    for sent, most in ((to_contact, PER_CONTACT), (for_person, PER_PERSON)):
        if len(sent) >= most:
            raise TooManyCodes(sorted(sent)[-most] + WINDOW, now)

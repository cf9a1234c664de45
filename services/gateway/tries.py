"""How often somebody may try a password: per account and address, per account, and per address.

Counted before the password is looked at and whether or not there is such an account, so that a refusal tells nothing.
A right password does not count. One address cannot lock an account for others: only tries from very many can.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from services.gateway.repo.tries import Tried
from shared.errors import MayPass

WINDOW = timedelta(minutes=15)
PAIR_MAX = 5
ACCOUNT_MAX = 100
ADDRESS_MAX = 50


class TooManyTries(MayPass):
    """Too many wrong passwords from here, or for this account."""

    status = 429
    reason = "too_many_tries"

    def __init__(self, wait_s: float) -> None:
        self.retry_after_s = max(1, math.ceil(wait_s))
        super().__init__(f"too many tries to sign in; try again in {self.retry_after_s} s")


@dataclass(frozen=True, slots=True)
class Subjects:
    """What one try is counted under."""

    pair: bytes
    account: bytes
    address: bytes

    @staticmethod
    def of(workspace: str, email: str, address: str) -> "Subjects":
        """Of a try for this account from this address."""
        return Subjects(
            pair=_hashed("pair", workspace, email, address),
            account=_hashed("account", workspace, email),
            address=_hashed("address", address),
        )

    def all(self) -> Sequence[bytes]:
        """All three."""
        return (self.pair, self.account, self.address)


def require_few(subjects: Subjects, tried: Mapping[bytes, Tried]) -> None:
    """Raises TooManyTries, with the seconds to wait, where a limit is passed."""
    limits = ((subjects.pair, PAIR_MAX), (subjects.account, ACCOUNT_MAX), (subjects.address, ADDRESS_MAX))
    waits = [tried[subject].ends_in_s for subject, most in limits if tried[subject].tries > most]
    if waits:
        raise TooManyTries(max(waits))


def _hashed(*parts: str) -> bytes:
    return hashlib.sha256("\0".join(parts).encode()).digest()

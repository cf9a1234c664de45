"""How a provider's name of a message of ours, or of a recipient, is recognised where it must not stand in clear.

Such names may hold a telephone number and few enough other characters to be guessed, so a hash without a key would not
hide them.
"""

import hashlib
import hmac
from collections.abc import Sequence
from functools import lru_cache

_PURPOSE = b"switchboard/delivery/provider-names/v1"
_DIGITS = 32


class ProviderNames:
    """HMAC-SHA256 of names; every key of a rotation recognises what was told under it."""

    def __init__(self, keys: str) -> None:
        given = [key for key in keys.split(",") if key]
        self._keys = [hmac.digest(key.encode(), _PURPOSE, hashlib.sha256) for key in given] or [_PURPOSE]

    def new(self, workspace: str, channel: str, account: str, *name: str) -> str:
        """The name under the newest key; 32 hex digits."""
        return self.all(workspace, channel, account, *name)[0]

    def all(self, workspace: str, channel: str, account: str, *name: str) -> Sequence[str]:
        """Everything that the name may have been told as, the newest first."""
        whole = "\x1f".join((workspace, channel, account, *name)).encode()
        return [hmac.new(key, whole, hashlib.sha256).hexdigest()[:_DIGITS] for key in self._keys]


@lru_cache(maxsize=8)
def names_under(keys: str) -> ProviderNames:
    """The names under these keys, divided by commas and the newest first."""
    return ProviderNames(keys)

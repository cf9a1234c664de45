"""How an erased identity is recognised without being kept: an HMAC under a key derived from the installation's."""

import hashlib
import hmac
from collections.abc import Sequence

_PURPOSE = b"switchboard/privacy/tombstones/v1"


class Tombstones:
    """HMAC-SHA256 of identities; every key of a rotation recognises what was buried under it."""

    def __init__(self, keys: str) -> None:
        given = [key for key in keys.split(",") if key]
        self._keys = [hmac.digest(key.encode(), _PURPOSE, hashlib.sha256) for key in given] or [_PURPOSE]

    def new(self, kind: str, scope: str, value: str) -> str:
        """What is kept of an identity, under the newest key; 64 hex digits."""
        return self.all(kind, scope, value)[0]

    def all(self, kind: str, scope: str, value: str) -> Sequence[str]:
        """Everything the identity may have been buried as, the newest first."""
        identity = "\x1f".join((kind, scope, value)).encode()
        return [hmac.new(key, identity, hashlib.sha256).hexdigest() for key in self._keys]

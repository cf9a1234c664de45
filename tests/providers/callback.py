"""A shop's program behind the generic signed channel: it checks signatures and knows a repeated message by its key."""

import hashlib
import hmac
from typing import Any

from tests.providers.web import Got, Reply, WebProvider


class Callback(WebProvider):
    """Keeps each message once."""

    def __init__(self, secret: str) -> None:
        super().__init__()
        self._secret = secret.encode()
        self.received: dict[str, dict[str, Any]] = {}
        """Body by Idempotency-Key, in the order they arrived."""

    async def take(self, got: Got) -> Reply:
        """Show it to the customer, unless that was done."""
        signed = got.headers["switchboard-timestamp"].encode() + b"." + got.body
        wanted = "v1=" + hmac.new(self._secret, signed, hashlib.sha256).hexdigest()
        if wanted not in got.headers["switchboard-signature"].split(", "):
            return Reply(401)
        self.received.setdefault(got.headers["idempotency-key"], got.json)
        return Reply(200)

    @property
    def texts(self) -> list[str]:
        """What customers have read, in order."""
        return [body["text"] for body in self.received.values()]

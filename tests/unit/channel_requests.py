"""Requests to channels, as the providers make them."""

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.channels import CHANNELS
from shared.channels.base import AccountContext, Parsed, Request
from shared.contracts.inbound_messages import MessageReceived

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SECRET, OLDER = "the-new-secret-of-the-form", "the-older-secret-of-the-form"


def account(*secrets: str) -> AccountContext:
    """The account `form` of the shop `bikes`."""
    return AccountContext(workspace="main", shop="bikes", id="form", secrets=secrets or (SECRET,))


def signed(
    body: bytes, *, secret: str = SECRET, age: timedelta = timedelta(), before: Sequence[str] = (), at: datetime = NOW
) -> Request:
    """A request of the generic channel with a right signature, behind others where `before` names some."""
    stamp = str(int((at - age).timestamp()))
    signature = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {
        "switchboard-timestamp": stamp,
        "switchboard-signature": ", ".join([*before, f"v1={signature}"]),
    }
    return Request(headers=headers, body=body, received_at=at)


def with_token(token: str) -> Request:
    """A request of Telegram's."""
    return Request(headers={"x-telegram-bot-api-secret-token": token}, body=b"", received_at=NOW)


def with_password(password: str, user: str = "any") -> Request:
    """A request of Postmark's."""
    credentials = base64.b64encode(f"{user}:{password}".encode()).decode()
    return Request(headers={"authorization": f"Basic {credentials}"}, body=b"", received_at=NOW)


def parse(channel: str, body: Any) -> Parsed:
    """What the channel makes of a body; anything but bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return CHANNELS[channel].parse(Request(headers={}, body=raw, received_at=NOW), account())


def message(channel: str, body: Any) -> MessageReceived:
    """The one message that the body is."""
    (received,) = parse(channel, body).received
    return received.message

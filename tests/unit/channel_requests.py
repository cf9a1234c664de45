"""Requests to channels, as the providers make them."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
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


def hub_signed(body: bytes, secret: str = SECRET, method: str = "sha256") -> Request:
    """A request of Meta's, which signs the body."""
    signature = hmac.new(secret.encode(), body, method).hexdigest()
    return Request(headers={f"x-hub-signature-{method[3:]}": f"{method}={signature}"}, body=body, received_at=NOW)


def change(value: Any, field: str = "messages") -> dict[str, Any]:
    """A request of WhatsApp's with one change."""
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": "1", "changes": [{"field": field, "value": value}]}],
    }


def texted(text: str = "hi", **more: Any) -> dict[str, Any]:
    """A text of Ada's as WhatsApp tells it."""
    said = {"from": "31612345678", "id": "wamid.1", "timestamp": "1767323045", "type": "text", "text": {"body": text}}
    return said | more


def from_ada(*messages: Any, **more: Any) -> dict[str, Any]:
    """What Ada wrote over WhatsApp."""
    contacts = [{"profile": {"name": "Ada"}, "wa_id": "31612345678", "user_id": "NL.77"}]
    return change({"messaging_product": "whatsapp", "contacts": contacts, "messages": list(messages), **more})


def to_page(*events: Any, about: str = "page") -> dict[str, Any]:
    """A request of Messenger's (Instagram's) to the page 10; the customer is 77."""
    people = {"sender": {"id": "77"}, "recipient": {"id": "10"}, "timestamp": 1767323045123}
    return {"object": about, "entry": [{"id": "10", "time": 1, "messaging": [people | one for one in events]}]}


def with_token(token: str) -> Request:
    """A request of Telegram's."""
    return Request(headers={"x-telegram-bot-api-secret-token": token}, body=b"", received_at=NOW)


def with_password(password: str, user: str = "any") -> Request:
    """A request of Postmark's."""
    credentials = base64.b64encode(f"{user}:{password}".encode()).decode()
    return Request(headers={"authorization": f"Basic {credentials}"}, body=b"", received_at=NOW)


def parse(channel: str, body: Any, **options: str) -> Parsed:
    """What the channel makes of a body; anything but bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return CHANNELS[channel].parse(Request(headers={}, body=raw, received_at=NOW), replace(account(), options=options))


def message(channel: str, body: Any, **options: str) -> MessageReceived:
    """The one message that the body is."""
    (received,) = parse(channel, body, **options).received
    return received.message


def form(
    fields: Mapping[str, str | bytes],
    files: Sequence[tuple[str, str, str, bytes]] = (),
    *,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    at: datetime = NOW,
) -> Request:
    """A form as mail providers post it; a file is the field's name, its own name, its type and its bytes."""
    parts = [
        (f'name="{name}"', "", value.encode() if isinstance(value, str) else value) for name, value in fields.items()
    ]
    parts += [
        (f'name="{name}"; filename="{own}"', f"\r\nContent-Type: {kind}", body) for name, own, kind, body in files
    ]
    body = b"".join(
        f"--xYzZY\r\nContent-Disposition: form-data; {about}{kind}\r\n\r\n".encode() + content + b"\r\n"
        for about, kind, content in parts
    )
    given = {"content-type": "multipart/form-data; boundary=xYzZY", **(headers or {})}
    return Request(headers=given, body=body + b"--xYzZY--\r\n", received_at=at, query=query or {})


def mailgun_signed(secret: str = SECRET, at: datetime = NOW) -> dict[str, str]:
    """The fields by which Mailgun proves a request."""
    stamp, token = str(int(at.timestamp())), "5fe1" * 12
    return {
        "timestamp": stamp,
        "token": token,
        "signature": hmac.digest(secret.encode(), f"{stamp}{token}".encode(), "sha256").hex(),
    }


def read(channel: str, request: Request, **options: str) -> Parsed:
    """What the channel makes of a request."""
    return CHANNELS[channel].parse(request, replace(account(), options=options))


def only(parsed: Parsed) -> MessageReceived:
    """The one message in it."""
    (received,) = parsed.received
    return received.message

"""Makes the request again that a recorded payload came in, and the account that it may have come to."""

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from shared.channels.base import AccountContext, Request
from switchboard.corpus.layout import Item

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
"""When everything arrives, where the payload is not signed for another time."""
BOUNDARY = "switchboard-corpus-7f1c"


@dataclass(frozen=True, slots=True)
class Payload:
    """A request, and the account whose secrets prove it."""

    request: Request
    account: AccountContext
    provable: bool
    """It came with what it is signed with, so the channel's `verify` has something to say."""


def payload(item: Item) -> Payload:
    """The request that the item records."""
    raw = item.path.read_bytes()
    if item.encoding == "form_fields":
        return _form(item, json.loads(raw))
    recorded = _envelope(item, raw)
    if recorded is not None:
        return _signed(item, recorded)
    secret = item.facts.get("signing_key")
    given = {"content-type": "application/json", **item.headers} if item.path.suffix == ".json" else item.headers
    signed_at = _signed_at(_object(raw).get("signature")) if secret else None
    return Payload(Request(given, raw, signed_at or NOW), _account(secret), provable=bool(secret))


def _account(secret: Any, **options: str) -> AccountContext:
    secrets = (secret,) if isinstance(secret, str) else ("not-asked-for",)
    return AccountContext(workspace="corpus", shop="corpus", id="corpus", secrets=secrets, options=options)


def _object(raw: bytes) -> dict[str, Any]:
    try:
        found = json.loads(raw)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _signed_at(holder: Any) -> datetime | None:
    """A signature is good for a while only, so its request arrives when it was signed."""
    stamp = holder.get("timestamp") if isinstance(holder, dict) else None
    text = str(stamp) if isinstance(stamp, str | int) else ""
    return datetime.fromtimestamp(int(text[:10]), UTC) if text.isdigit() else None


# --- forms ----------------------------------------------------------------------------------------------------------


def _form(item: Item, recorded: dict[str, Any]) -> Payload:
    fields: Mapping[str, Any] = recorded.get("fields") or {}
    secret = item.facts.get("signing_key")
    headers = {**item.headers, "content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    request = Request(headers, multipart(fields, recorded.get("files") or ()), _signed_at(fields) or NOW)
    return Payload(request, _account(secret), provable=bool(secret))


def multipart(fields: Mapping[str, Any], files: Iterable[Mapping[str, Any]]) -> bytes:
    """The body of a form (RFC 7578)."""
    parts = [(f'name="{_quoted(name)}"', "", _text(value).encode()) for name, value in fields.items()]
    for file in files:
        named = f'name="{_quoted(file["name"])}"; filename="{_quoted(file.get("filename") or "")}"'
        kind = f"\r\nContent-Type: {file['content_type']}" if file.get("content_type") else ""
        parts.append((named, kind, base64.b64decode(file.get("content_b64") or "")))
    body = b"".join(
        f"--{BOUNDARY}\r\nContent-Disposition: form-data; {named}{kind}\r\n\r\n".encode() + content + b"\r\n"
        for named, kind, content in parts
    )
    return body + f"--{BOUNDARY}--\r\n".encode()


def _quoted(name: str) -> str:
    return name.replace("\\", "\\\\").replace('"', '\\"')


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


# --- requests kept whole --------------------------------------------------------------------------------------------


def _envelope(item: Item, raw: bytes) -> dict[str, Any] | None:
    """A file that holds headers and body of a request, and what proves it; None where it is the body itself."""
    if item.path.suffix != ".json":
        return None
    recorded = _object(raw)
    whole = isinstance(recorded.get("body"), str) and isinstance(recorded.get("headers"), dict)
    return recorded if whole else None


def _signed(item: Item, recorded: dict[str, Any]) -> Payload:
    """A whole request; its public key or its token is the account's, its URL the one that the provider called."""
    headers = {str(name).lower(): str(value) for name, value in recorded["headers"].items()}
    url = recorded.get("url")
    address = url if isinstance(url, str) else ""
    query = dict(parse_qsl(urlsplit(address).query, keep_blank_values=True))
    secret = next((recorded[name] for name in ("auth_token", "public_key", "secret") if recorded.get(name)), None)
    account = _account(secret or item.facts.get("signing_key"), public_url=address, url=address)
    request = Request(headers, recorded["body"].encode(), NOW, query)
    return Payload(request, account, provable="signature_valid" in item.facts or secret is not None)

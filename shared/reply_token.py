"""The token in an answer's address that brings its reply home: it names the ticket, and only we can make it.

26 bytes as base32 in lower case, 42 characters of a-z and 2-7, which every mail system carries whatever it does to the
case: the ticket's UUID, then the first 10 bytes of HMAC-SHA256 over the workspace and it. Guessing one of 2^80 takes
longer than anybody has; what a token opens is a place in a conversation, not anything to read.
"""

import base64
import binascii
import hashlib
import hmac
from uuid import UUID

LENGTH = 42
_PURPOSE = b"switchboard/reply-token/v1"
_UUID_BYTES = 16
_PROOF_BYTES = 10


def sign(keys: str, workspace: str, ticket: UUID) -> str:
    """The token of a ticket, under the newest of the installation's keys (divided by commas)."""
    whole = ticket.bytes + _proof(_keys(keys)[0], workspace, ticket)
    return base64.b32encode(whole).decode().rstrip("=").lower()


def check(keys: str, workspace: str, token: str) -> UUID | None:
    """The ticket that a token names; None where it is forged, another workspace's, or none at all.

    Every key of a rotation is tried, and compared in constant time.
    """
    try:
        whole = base64.b32decode(token.upper() + "=" * (-len(token) % 8)) if len(token) == LENGTH else b""
    except (binascii.Error, ValueError):
        return None
    if len(whole) != _UUID_BYTES + _PROOF_BYTES:
        return None
    ticket, given = UUID(bytes=whole[:_UUID_BYTES]), whole[_UUID_BYTES:]
    proven = [hmac.compare_digest(_proof(key, workspace, ticket), given) for key in _keys(keys)]
    return ticket if any(proven) else None


def _keys(keys: str) -> list[bytes]:
    given = [key.strip() for key in keys.split(",") if key.strip()]
    return [hmac.digest(key.encode(), _PURPOSE, hashlib.sha256) for key in given] or [_PURPOSE]


def _proof(key: bytes, workspace: str, ticket: UUID) -> bytes:
    return hmac.digest(key, workspace.encode() + b"\x1f" + ticket.bytes, hashlib.sha256)[:_PROOF_BYTES]

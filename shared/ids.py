"""Identifiers that come out the same when the same thing happens again (architecture.md §4)."""

import hashlib
import os
import time
from uuid import UUID

NAMESPACE = UUID("6f2d3a5e-4b7c-5d1e-9a8f-0c1b2d3e4f50")


def inbound_id(workspace: str, channel: str, account: str, natural_id: str) -> UUID:
    """The id of an inbound record: a provider's retry and our own replay give the same one."""
    return _uuid5(NAMESPACE, "\x1f".join(("inbound", workspace, channel, account, natural_id)))


def derived_id(causation: UUID, type_: str, subject: str, ordinal: int = 0) -> UUID:
    """The id of whatever a record causes, so that consuming it again makes the same ids."""
    return _uuid5(causation, f"{type_}\x1f{subject}\x1f{ordinal}")


def _uuid5(namespace: UUID, name: str) -> UUID:
    """RFC 9562 §5.5, as `uuid.uuid5`, at half its price."""
    digest = hashlib.sha1(namespace.bytes + name.encode(), usedforsecurity=False).digest()
    value = int.from_bytes(digest[:16], "big") & ~(0xF << 76) & ~(0x3 << 62)
    return UUID(int=value | (0x5 << 76) | (0x2 << 62))


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562 §5.7), for what a person begins: 48 bits of Unix milliseconds, then random bits."""
    value = int.from_bytes(os.urandom(16), "big")
    value = (value & ((1 << 80) - 1)) | ((time.time_ns() // 1_000_000) << 80)
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    value = (value & ~(0x3 << 62)) | (0x2 << 62)
    return UUID(int=value)

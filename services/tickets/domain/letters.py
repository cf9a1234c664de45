"""What a dead letter of a customer's message says of its sender, however broken the record is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from shared.tombstones import Tombstones

LONG_AGO = datetime.min.replace(tzinfo=UTC)
Identity = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Letter:
    """As much as can be read; what does not say when it was accepted is old."""

    workspace: str
    id: UUID | None
    sender: Identity
    accepted_at: datetime


def letter_of(record: bytes) -> Letter:
    """Read a record that no contract may hold for."""
    try:
        whole = orjson.loads(record)
    except orjson.JSONDecodeError:
        whole = None
    message = _part(whole, "data")
    sender = _part(message, "sender")
    kind, scope, value = (str(sender.get(name) or "") for name in ("kind", "scope", "value"))
    envelope = whole if isinstance(whole, dict) else {}
    return Letter(
        workspace=str(envelope.get("workspace") or ""),
        id=_id(envelope.get("id")),
        sender=(kind, scope, value),
        accepted_at=_moment(message.get("accepted_at")),
    )


def is_buried(letter: Letter, buried: Mapping[tuple[str, str], datetime], names: Tombstones) -> bool:
    """Whether somebody wrote it who asked to be forgotten after that; `buried` is by (workspace, HMAC)."""
    hmacs = names.all(*letter.sender) if letter.sender[2] else ()
    moments = [buried[letter.workspace, hmac] for hmac in hmacs if (letter.workspace, hmac) in buried]
    return any(letter.accepted_at < moment for moment in moments)


def _part(whole: object, name: str) -> dict[str, Any]:
    part = whole.get(name) if isinstance(whole, dict) else None
    return part if isinstance(part, dict) else {}


def _id(text: object) -> UUID | None:
    try:
        return UUID(str(text))
    except ValueError:
        return None


def _moment(text: object) -> datetime:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return LONG_AGO
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)

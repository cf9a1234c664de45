"""The bodies that ingest's API gives."""

import base64
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from services.ingest.repo import Quarantined


class Accepted(BaseModel):
    """What became of a request that was taken; nothing is to be sent again."""

    accepted: int = Field(ge=0)
    """Messages, edits and receipts that were taken."""
    ids: list[UUID]
    """Their ids, the same when the same request comes again."""
    ignored: str | None = Field(default=None, description="Why there was nothing to take, where it was read.")
    quarantined: UUID | None = Field(default=None, description="Where it stands if it could not be read.")


class QuarantinedView(BaseModel):
    """A request that was accepted and could not be read; its id is that of the raw record."""

    id: UUID
    shop: str | None
    channel: str
    account: str
    reason: str
    """A word for counting; `detail` says it in a sentence."""
    detail: str
    received_at: datetime
    filed_at: datetime

    @staticmethod
    def of(found: Quarantined) -> "QuarantinedView":
        """As the list shows it."""
        return QuarantinedView(**_facts(found))


class QuarantinedRequest(QuarantinedView):
    """One such request with what was received."""

    headers: dict[str, str]
    """Without those that hold secrets."""
    size: int
    """Bytes of the body."""
    body: str
    """Its beginning; bytes in base64 where it is not UTF-8 text."""
    body_encoding: Literal["text", "base64"]
    truncated: bool

    @staticmethod
    def whole(found: Quarantined, beginning: bytes, size: int) -> "QuarantinedRequest":
        """With its headers and the beginning of its body."""
        text, encoding = as_text(beginning)
        return QuarantinedRequest(
            **_facts(found),
            headers=found.headers,
            size=size,
            body=text,
            body_encoding=encoding,
            truncated=size > len(beginning),
        )


class QuarantinePage(BaseModel):
    """Requests in quarantine, newest first; `next` is the cursor of the next page, null at the end."""

    items: list[QuarantinedView]
    next: str | None


def as_text(beginning: bytes) -> tuple[str, Literal["text", "base64"]]:
    """Bytes as text, where they are (a character cut at the end is left out); else as base64."""
    for end in range(len(beginning), max(len(beginning) - 4, -1), -1):
        try:
            return beginning[:end].decode(), "text"
        except UnicodeDecodeError:
            continue
    return base64.b64encode(beginning).decode(), "base64"


def _facts(found: Quarantined) -> dict[str, Any]:
    return {
        "id": found.id,
        "shop": found.shop,
        "channel": found.channel,
        "account": found.account,
        "reason": found.reason,
        "detail": found.detail,
        "received_at": found.received_at,
        "filed_at": found.filed_at,
    }

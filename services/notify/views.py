"""The bodies of notify's API."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.delivery_events import Delivery


class SendView(BaseModel):
    """A message on its way to a customer; its words stand on the ticket."""

    message: UUID
    ticket: UUID
    person: UUID
    shop: str | None
    channel: str
    account: str
    state: Delivery
    """`unknown`: the provider may have it and cannot be asked; a person decides."""
    reason: str | None = Field(description="Why it failed, is unknown, or was not sent at the last try; a word")
    attempts: int = Field(ge=0)
    version: int = Field(ge=1)
    changed_at: datetime
    queued_at: datetime
    next_at: datetime | None = Field(description="When it is tried again, while it is queued")

    @staticmethod
    def of(row: Any) -> "SendView":
        """A row of the ledger."""
        facts = {name: row[name] for name in SendView.model_fields if name != "next_at"}
        return SendView(**facts, next_at=row["next_at"] if row["step"] == "queued" else None)


class SendPage(BaseModel):
    """Newest first; `next` is the cursor of the next page, null at the end."""

    items: list[SendView]
    next: str | None


class Resolution(BaseModel):
    """What became of a message whose outcome is unknown, by somebody who looked, or that it is to be sent again."""

    model_config = ConfigDict(extra="forbid")

    outcome: Literal["sent", "failed", "resend"]

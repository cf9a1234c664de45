"""The shapes in which the API shows people."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from services.tickets.repo.suggestions import Suggestion


class IdentityView(BaseModel):
    """One way to reach a person."""

    kind: str
    scope: str
    value: str
    verified: bool = Field(description="The provider or a one-time code proved it")
    own: UUID = Field(description="Whose it is by itself: where a merge is undone, it goes there")


class MergedView(BaseModel):
    """Somebody who was merged into the person, with what was known of him."""

    id: UUID
    name: str | None
    language: str | None
    tags: list[str]
    notes: str | None
    merged_into: UUID
    merged_at: datetime
    undo_until: datetime


class PersonView(BaseModel):
    """A person: a set of identities, and what agents know of him; his ETag is `version`."""

    id: UUID
    version: int
    name: str | None
    language: str | None
    zone: str | None = Field(description="IANA time zone")
    preference: str | None = Field(description="The channel he wants proactive messages on")
    tags: list[str]
    notes: str | None = Field(description="Only the desk sees it")
    organisation: UUID | None
    created_at: datetime
    merged_into: UUID | None = Field(description="Who has his identities and tickets now")
    merged: list[MergedView]
    identities: list[IdentityView]


class PersonChanged(BaseModel):
    """The person after a command."""

    person: UUID
    version: int


class SuggestionView(BaseModel):
    """Two persons who may be one."""

    id: UUID
    first: UUID
    second: UUID
    why: str
    at: datetime

    @staticmethod
    def of(known: Suggestion) -> "SuggestionView":
        """As the API shows it."""
        return SuggestionView(id=known.id, first=known.first, second=known.second, why=known.why, at=known.at)


class SuggestionPage(BaseModel):
    """Newest first; `next` is the cursor of the next page, null at the end."""

    items: list[SuggestionView]
    next: str | None

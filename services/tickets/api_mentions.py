"""The notes in which the caller was named, by name or as one of his team."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import FastAPI, Query
from pydantic import BaseModel, Field

from services.tickets.pages import Cursor, Limit, cursor, ticket_place
from services.tickets.repo import mentions
from shared.db.pool import connection, transaction
from shared.errors import Forbidden, NotFound
from shared.http import Caller, problems
from shared.identity import Identity
from shared.service import Runtime


class MentionView(BaseModel):
    """A note that names the caller."""

    message: UUID = Field(description="The note")
    ticket: UUID
    subject: str | None
    by: str | None = Field(description="The agent who wrote it")
    team: str | None = Field(description="The team that was named, where it was not he himself")
    text: str
    at: datetime
    read_at: datetime | None


class MentionPage(BaseModel):
    """Newest first; `next` is the cursor of the next page, null at the end."""

    items: list[MentionView]
    next: str | None


def add_mentions(app: FastAPI, runtime: Runtime) -> None:
    """The routes."""

    @app.get("/v1/mentions", responses=problems())
    async def list_mentions(
        who: Caller,
        unread: Annotated[bool, Query(description="Only those that are not marked as read")] = False,
        after: Cursor = None,
        limit: Limit = 50,
    ) -> MentionPage:
        """Notes that name the caller's agent."""
        _require_agent(who)
        before = ticket_place(after)
        async with connection(runtime.pool) as one:
            rows = await mentions.page(one, who, before, limit + 1, unread=unread)
        items = [MentionView(**dict(row)) for row in rows[:limit]]
        next_ = cursor(items[-1].at, str(items[-1].message)) if len(rows) > limit else None
        return MentionPage(items=items, next=next_)

    @app.post("/v1/mentions/{message}/read", responses=problems(404), status_code=204)
    async def read_mention(message: UUID, who: Caller) -> None:
        """Mark a mention of the caller as read; again changes nothing."""
        async with transaction(runtime.pool) as tx:
            if not await mentions.read(tx, who, message):
                raise NotFound(f"message {message} does not name you")


def _require_agent(who: Identity) -> None:
    if who.agent is None:
        raise Forbidden("mentions are an agent's; use a key or a session of an agent", reason="no_agent")

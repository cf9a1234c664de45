"""The audit over the API: who did what to a ticket, as it was told and sealed (product.md T12)."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import FastAPI, Query
from pydantic import BaseModel, Field

from services.tickets.pages import Limit
from services.tickets.repo import audit
from services.tickets.visible import require_ticket
from shared.db.pool import connection
from shared.http import Caller, problems
from shared.service import Runtime


class AuditLine(BaseModel):
    """One change: who, what, when, and what it was caused by."""

    number: int
    id: UUID
    at: datetime
    what: str = Field(description="The event's type, such as switchboard.ticket.state-changed.v1")
    version: int | None = Field(description="The ticket's, or the message's, after it")
    actor: str | None = Field(description="user/…, key/…, rule/…, timer/…; none where a message or an event caused it")
    cause: UUID | None = Field(description="The event that caused it")
    detail: dict[str, Any]
    seal: int | None = Field(description="The seal that holds it; the newest have none for a second")


class AuditPage(BaseModel):
    """Oldest first; `next` is the cursor of the next page, null at the end."""

    items: list[AuditLine]
    next: int | None


def add_audit(app: FastAPI, runtime: Runtime) -> None:
    """The route."""

    @app.get("/v1/tickets/{id}/audit", responses=problems(404))
    async def read_audit(
        id: UUID,
        who: Caller,
        after: Annotated[int, Query(alias="cursor", ge=0, le=2**62)] = 0,
        limit: Limit = 100,
    ) -> AuditPage:
        """Everything that was done to the ticket, by whom, from its first message on."""
        async with connection(runtime.pool) as one:
            await require_ticket(one, who, id)
            rows = await audit.of_ticket(one, id, after, limit + 1)
        shown = rows[:limit]
        return AuditPage(
            items=[_line(row["number"], orjson.loads(row["record"]), row["seal"]) for row in shown],
            next=shown[-1]["number"] if len(rows) > limit else None,
        )


def _line(number: int, record: dict[str, Any], seal: int | None) -> AuditLine:
    return AuditLine(
        number=number,
        id=record["id"],
        at=record["time"],
        what=record["type"],
        version=record.get("version"),
        actor=record.get("actor"),
        cause=record.get("causationid"),
        detail=record["data"],
        seal=seal,
    )

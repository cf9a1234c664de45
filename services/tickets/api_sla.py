"""Clocks over the API: a ticket's own, what applying a policy to open tickets would change, and how promises stand."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import asyncpg
from fastapi import FastAPI, Path
from pydantic import BaseModel, ConfigDict, Field

from services.tickets import applying, terms
from services.tickets.domain.ticket import Ticket
from services.tickets.repo import clocks, promises
from services.tickets.views import ClockView
from shared.contracts.fields import Slug
from shared.contracts.sla_settings import Promise
from shared.db.pool import connection
from shared.errors import NotFound
from shared.http import Caller, problems
from shared.service import Runtime

SHOWN = 1000

PolicyId = Annotated[Slug, Path(description="The policy's id in the settings")]


class MovedClock(BaseModel):
    """A clock of an open ticket that would be due at another time."""

    ticket: UUID
    kind: Literal["first_reply", "next_reply", "resolution"]
    cycle: int
    due_at: datetime | None = Field(description="As it is; null where there is none or it rests")
    new_due_at: datetime | None


class PreviewView(BaseModel):
    """What applying the policy would change."""

    policy: str
    policy_version: int = Field(description="To be sent with the action")
    tickets: int
    clocks: list[MovedClock] = Field(description=f"At most {SHOWN}")
    more: int = Field(description="Clocks that are not shown")


class Applying(BaseModel):
    """Which version of the policy was previewed."""

    model_config = ConfigDict(extra="forbid")

    policy_version: Annotated[int, Field(ge=1)]


class AppliedView(BaseModel):
    """What was done."""

    tickets: int


class PromiseView(BaseModel):
    """A goal over the cases that were opened in its window and whose time has passed."""

    id: str
    name: str
    measure: Literal["answered", "solved"]
    within_s: int
    percent: int = Field(description="The goal")
    window_days: int
    numerator: int = Field(description="Cases that came so far in time; where solving is promised, also not reopened")
    denominator: int = Field(description="All of them")
    unsolved: int = Field(description="Of all, those not solved to this day")
    reached: float | None = Field(description="Per cent; null where there is no case")
    kept: bool | None = Field(description="Whether the goal is reached; null where there is no case")


async def clocks_of(one: asyncpg.Connection, ticket: Ticket) -> list[ClockView]:
    """The ticket's clocks as the API shows them."""
    key = (ticket.workspace, ticket.id)
    rows = (await clocks.of_tickets(one, [key])).get(key, {})
    valid = await terms.known(one, ticket.workspace, {row.terms for row in rows.values()})
    return [ClockView.of(row, valid.get(row.terms)) for row in rows.values()]


def add_sla(app: FastAPI, runtime: Runtime) -> None:
    """The routes."""

    @app.get("/v1/sla/{policy}/preview", responses=problems(404))
    async def preview_policy(policy: PolicyId, who: Caller) -> PreviewView:
        """What would change if the policy as it is now were applied to open tickets."""
        found = await applying.preview(runtime, who, policy)
        shown = [MovedClock(**asdict(moved)) for moved in found.clocks[:SHOWN]]
        return PreviewView(
            policy=policy,
            policy_version=found.policy_version,
            tickets=found.tickets,
            clocks=shown,
            more=len(found.clocks) - len(shown),
        )

    @app.post("/v1/sla/{policy}/apply", responses=problems(404, 409))
    async def apply_policy(policy: PolicyId, wanted: Applying, who: Caller) -> AppliedView:
        """Put open tickets under the policy as it was previewed; doing it again changes nothing more."""
        return AppliedView(tickets=await applying.apply(runtime, who, policy, wanted.policy_version))

    @app.get("/v1/promises/{id}", responses=problems(404))
    async def read_promise(id: Slug, who: Caller) -> PromiseView:
        """How far a promise is kept."""
        promise = runtime.settings.get("promise", who.workspace, id)
        if not isinstance(promise, Promise):
            raise NotFound(f"there is no promise {id}")
        async with connection(runtime.pool) as one:
            found = await promises.kept(one, who, promise)
        reached = round(100 * found.kept / found.all, 1) if found.all else None
        return PromiseView(
            id=id,
            **promise.model_dump(include={"name", "measure", "within_s", "percent", "window_days"}),
            numerator=found.kept,
            denominator=found.all,
            unsolved=found.unsolved,
            reached=reached,
            kept=found.kept * 100 >= promise.percent * found.all if found.all else None,
        )

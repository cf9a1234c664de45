"""Rules over the API: what each did, and what one would have done."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field

from services.tickets.domain.rules.engine import Known, Outcome
from services.tickets.domain.rules.replay import Would
from services.tickets.pages import Cursor, Limit, cursor, ticket_place
from services.tickets.rehearsing import Rehearsal, Span, rehearse
from services.tickets.repo import rules as repo
from shared.checking import checked
from shared.contracts.fields import Slug
from shared.contracts.rules import Rule
from shared.db.pool import connection
from shared.errors import NotFound
from shared.http import Caller, problems
from shared.service import Runtime

TRIED = "tried"


class ActionView(BaseModel):
    """One of the rule's actions, and why it was not done, where it was not."""

    do: str
    refused: str | None = None


class RunView(BaseModel):
    """A rule and an event, and what became of it."""

    rule: str
    event: UUID = Field(description="The event, or the timer, that started it")
    ticket: UUID
    chain: UUID = Field(description="What it has in common with all that was caused with it")
    rule_version: int
    trigger: str
    outcome: str = Field(description="acted, unchanged, refused, or stopped where it would have gone round for ever")
    reason: str | None = Field(description="Why something of it was refused, or loop or depth")
    actions: list[ActionView]
    at: datetime


class RunPage(BaseModel):
    """Newest first; `next` is the cursor of the next page, null at the end."""

    items: list[RunView]
    next: str | None


class Trial(BaseModel):
    """A rule, saved or not, and how far back it is tried."""

    model_config = ConfigDict(extra="forbid")

    rule: dict[str, Any] = Field(description="As the kind `rule` of settings")
    days: Annotated[int, Field(ge=1, le=30)] = 7
    cursor: Annotated[str, Field(max_length=300)] | None = None
    limit: Annotated[int, Field(ge=1, le=50, description="Most tickets looked at")] = 25


class WouldView(BaseModel):
    """What the rule would have done on a ticket."""

    ticket: UUID
    at: datetime
    trigger: str
    changes: dict[str, dict[str, Any]] = Field(description="By field what it was and would have been")
    says: list[str] = Field(description="Notes, mentions and answers it would have written: add-note, notify, answer")
    refused: list[ActionView]


class TrialView(BaseModel):
    """What the rule would have done on the tickets looked at; nothing was changed."""

    tickets: int = Field(description="Tickets looked at on this page")
    items: list[WouldView]
    passed_over: dict[str, int] = Field(description="Why it would not have matched, and how often")
    next: str | None


def add_rules(app: FastAPI, runtime: Runtime) -> None:
    """The routes."""

    @app.get("/v1/rules/{id}/log", responses=problems(404))
    async def read_log(
        id: Slug,
        who: Caller,
        after: Cursor = None,
        limit: Limit = 50,
    ) -> RunPage:
        """What the rule, also one that was deleted, did in the last 30 days, each time that its conditions held."""
        if not runtime.settings.version("rule", who.workspace, id):
            raise NotFound(f"there is no rule {id}")
        before = ticket_place(after)
        async with connection(runtime.pool) as one:
            rows = await repo.page(one, who.workspace, id, shops=who.shops, before=before, most=limit + 1)
        items = [RunView(**dict(row) | {"actions": orjson.loads(row["actions"])}) for row in rows[:limit]]
        return RunPage(items=items, next=cursor(items[-1].at, str(items[-1].event)) if len(rows) > limit else None)

    @app.post("/v1/rules/dry-run", responses=problems())
    async def try_rule(trial: Trial, who: Caller) -> TrialView:
        """Try a rule on the tickets of the last days, a page at a time, without changing anything.

        Each event is looked at as the ticket was then, alone: what the rule would have caused in turn is not followed.
        """
        rule = checked(Rule, "rule", trial.rule, at="/rule")
        now = datetime.now(UTC)
        span = Span(now - timedelta(days=trial.days), now, ticket_place(trial.cursor), trial.limit)
        known = Known(TRIED, rule.model_copy(update={"enabled": True}))
        async with connection(runtime.pool) as one:
            found = await rehearse(one, runtime.settings, who, known, span)
        return _shown(found)


def _shown(found: Rehearsal) -> TrialView:
    return TrialView(
        tickets=found.tickets,
        items=[_would(ticket, would) for ticket, would in found.would],
        passed_over=dict(found.passed_over.most_common(20)),
        next=cursor(found.next[0], str(found.next[1])) if found.next else None,
    )


def _would(ticket: UUID, would: Would) -> WouldView:
    outcome = would.outcome
    return WouldView(
        ticket=ticket,
        at=would.at,
        trigger=would.trigger,
        changes=_changes(outcome),
        says=[action.do for _, action in outcome.says],
        refused=[ActionView(do=outcome.known.rule.actions[r.action].do, refused=r.reason) for r in outcome.refused],
    )


def _changes(outcome: Outcome) -> dict[str, dict[str, Any]]:
    if outcome.doing is None:
        return {}
    edited = outcome.doing.edited
    changes: dict[str, tuple[Any, Any]] = dict(edited.changes)
    if edited.moved:
        changes["state"] = (edited.before.state, edited.ticket.state)
    return {name: {"was": was, "is": is_} for name, (was, is_) in changes.items()}

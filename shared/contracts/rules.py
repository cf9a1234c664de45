"""Rules: what the desk does by itself, when something happens or nothing does for a while."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from shared.contracts.actions import Minutes, RuleAction
from shared.contracts.conditions import DEPTH_MAX, TESTS_MAX, Condition, depth, tests
from shared.contracts.document import Document, Name
from shared.contracts.fields import Slug, Token
from shared.contracts.ticket_events import State

Plain = Literal[
    "opened",
    "reopened",
    "customer-replied",
    "agent-replied",
    "note-added",
    "assigned",
    "released",
    "priority-changed",
    "intent-changed",
    "language-changed",
    "subject-changed",
    "order-changed",
    "snoozed",
    "snooze-over",
]


class On(Document):
    """Something happened on a ticket."""

    event: Plain


class OnState(Document):
    """The ticket's state moved; `was` and `to` narrow it."""

    event: Literal["state-changed"]
    was: State | None = None
    to: State | None = None


class OnTag(Document):
    """A tag came or went; `any_of` narrows it to these."""

    event: Literal["tagged", "untagged"]
    any_of: Annotated[tuple[Token, ...], Field(max_length=100)] = ()


class OnClock(Document):
    """A share of a clock's target is used up, or it is breached; `clock` narrows it to one kind."""

    event: Literal["sla-warned", "sla-breached"]
    clock: Literal["first_reply", "next_reply", "resolution"] | None = None


class NoReply(Document):
    """Nobody of a side has said anything for so long, while the other side waits."""

    event: Literal["no-reply"]
    by: Literal["customer", "agent"]
    minutes: Minutes
    hours: Literal["calendar", "business"] = "calendar"
    """Business: only the opening hours of the ticket's shop count."""


class InState(Document):
    """The ticket has been in a state for so long."""

    event: Literal["in-state"]
    state: Literal["new", "open", "pending", "on-hold", "solved"]
    minutes: Minutes
    hours: Literal["calendar", "business"] = "calendar"


Trigger = Annotated[On | OnState | OnTag | OnClock | NoReply | InState, Field(discriminator="event")]


class Rule(Document):
    """WHEN one of `when` happens, IF `conditions` hold, THEN `actions`, in their order."""

    name: Name
    enabled: bool = True
    order: Annotated[int, Field(ge=0, le=10_000)] = 100
    """Rules run by order, then by id."""
    stop: bool = False
    """Whether no later rule is looked at for this event, where this one matched."""
    shops: Annotated[tuple[Slug, ...], Field(max_length=100)] = ()
    """Shops it is for; empty: all."""
    when: Annotated[tuple[Trigger, ...], Field(min_length=1, max_length=10)]
    conditions: Condition | None = None
    """Every ticket fits where nothing is said."""
    actions: Annotated[tuple[RuleAction, ...], Field(min_length=1, max_length=20)]

    @model_validator(mode="after")
    def _within_bounds(self) -> "Rule":
        if self.conditions is None:
            return self
        if depth(self.conditions) > DEPTH_MAX:
            raise ValueError(f"conditions are nested {depth(self.conditions)} deep; at most {DEPTH_MAX} can be read")
        if tests(self.conditions) > TESTS_MAX:
            raise ValueError(f"{tests(self.conditions)} tests are too many; at most {TESTS_MAX}, else make two rules")
        return self

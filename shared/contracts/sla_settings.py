"""Settings of what customers are promised: policies with targets for each clock, and goals that are watched."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from shared.contracts.document import Document, Name
from shared.contracts.fields import Slug, Token
from shared.contracts.ticket_events import Priority

Duration = Annotated[int, Field(ge=1, le=366 * 86_400)]
"""Seconds; in the calendar's business time where there is one."""


class SlaTargets(Document):
    """How soon each clock of a priority is due; without a target there is no such clock."""

    first_reply_s: Duration | None = None
    next_reply_s: Duration | None = None
    resolution_s: Duration | None = None

    @model_validator(mode="after")
    def _some(self) -> "SlaTargets":
        if self.first_reply_s is None and self.next_reply_s is None and self.resolution_s is None:
            raise ValueError("give at least one of first_reply_s, next_reply_s, resolution_s")
        return self


class SlaConditions(Document):
    """Which tickets a policy is for: all conditions must hold; an empty list asks for nothing."""

    priorities: Annotated[tuple[Priority, ...], Field(max_length=4)] = ()
    channels: Annotated[tuple[Token, ...], Field(max_length=100)] = ()
    shops: Annotated[tuple[Slug, ...], Field(max_length=100)] = ()
    teams: Annotated[tuple[Slug, ...], Field(max_length=100)] = ()
    tiers: Annotated[tuple[Token, ...], Field(max_length=100)] = ()
    products: Annotated[tuple[Token, ...], Field(max_length=1000)] = ()
    """At least one of them is in the order."""
    order_value_from: Annotated[int, Field(ge=0)] | None = None
    """At least so much, in the smallest unit of the shop's money."""


def _ascending(percents: tuple[int, ...]) -> tuple[int, ...]:
    if list(percents) != sorted(set(percents)):
        raise ValueError("warnings come in ascending order, each share once")
    return percents


def _targets(targets: dict[Priority, SlaTargets]) -> dict[Priority, SlaTargets]:
    if not targets:
        raise ValueError("a policy without a target promises nothing; give at least one priority its targets")
    return targets


class SlaPolicy(Document):
    """What customers may expect: targets by priority, for the tickets that meet the conditions.

    The first policy that fits, by `order`, is that of a cycle when it begins; a change is for later cycles.
    """

    name: Name
    order: Annotated[int, Field(ge=0, le=100_000)] = 100
    when: SlaConditions = Field(default_factory=SlaConditions)
    targets: Annotated[dict[Priority, SlaTargets], AfterValidator(_targets)]
    calendar: Slug | None = None
    """Its business time; without one that of the ticket's shop."""
    pause_on_hold: bool = False
    """Whether the resolution clock rests while a third party's turn is; in pending it always does."""
    grace_s: Annotated[int, Field(ge=0, le=7 * 86_400)] = 900
    """What a raised priority leaves at the least, from the raise on."""
    warn_at: Annotated[
        tuple[Annotated[int, Field(ge=1, le=99)], ...], Field(max_length=10), AfterValidator(_ascending)
    ] = (50, 75, 90)
    """Per cent of a target at which a warning is given."""


class Promise(Document):
    """A watched goal over a cohort: so many per cent of the cases that were opened come so far in time."""

    name: Name
    measure: Literal["answered", "solved"] = "solved"
    within_s: Duration
    """Of every hour, from the case's first message."""
    percent: Annotated[int, Field(ge=1, le=100)]
    channels: Annotated[tuple[Token, ...], Field(max_length=100)] = ()
    shops: Annotated[tuple[Slug, ...], Field(max_length=100)] = ()
    priorities: Annotated[tuple[Priority, ...], Field(max_length=4)] = ()
    window_days: Annotated[int, Field(ge=1, le=366)] = 30

"""Business time that runs, rests and is budgeted: what a clock is made of (definitions.md, "Clocks and calendars")."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

from shared.calendar import Calendar

Kind = Literal["first_reply", "next_reply", "resolution"]


@dataclass(frozen=True, slots=True)
class Targets:
    """Business seconds that each clock of a priority has; None: there is no such clock."""

    first_reply_s: int | None = None
    next_reply_s: int | None = None
    resolution_s: int | None = None

    def of(self, kind: Kind) -> int | None:
        """The target of one clock."""
        found: int | None = getattr(self, f"{kind}_s")
        return found


@dataclass(frozen=True, slots=True)
class Terms:
    """What was valid when a cycle began: a policy and its calendar, each in a version."""

    targets: Mapping[str, Targets] = field(default_factory=dict)
    """By priority."""
    grace_s: int = 0
    """What a raised priority leaves at the least, from the raise on."""
    pause_on_hold: bool = False
    warn_at: tuple[int, ...] = ()
    """Per cent of a target, ascending."""
    policy: str | None = None
    policy_version: int | None = None
    calendar: str | None = None
    """None: every hour counts."""
    calendar_version: int | None = None
    opening: Calendar | None = None
    id: UUID | None = None
    """Under which they are written."""

    def target(self, priority: str, kind: Kind) -> int | None:
        """The business seconds that a clock has at this priority."""
        return self.targets.get(priority, Targets()).of(kind)

    def elapsed_s(self, start: datetime, end: datetime) -> int:
        """Whole seconds of business time."""
        if self.opening is None:
            return max(0, int((end - start).total_seconds()))
        return self.opening.business_seconds(start, end)

    def after(self, start: datetime, seconds: int) -> datetime:
        """When so many seconds of business time have passed."""
        if self.opening is None:
            return start.astimezone(UTC) + timedelta(seconds=max(0, seconds))
        return self.opening.add_business(start, seconds)


@dataclass(slots=True)
class Stopwatch:
    """Runs in stretches until its budget is spent; what is late once stays so, whatever is done to it later."""

    kind: Kind
    cycle: int
    started_at: datetime
    terms: Terms
    budget_s: int | None
    since: datetime | None
    stretches: list[tuple[datetime, datetime]] = field(default_factory=list)
    late_at: datetime | None = None
    """When the budget was spent, once time was seen to go past it."""

    @property
    def spent_s(self) -> int:
        """Business time of the stretches that are over."""
        return sum(self.terms.elapsed_s(*stretch) for stretch in self.stretches)

    @property
    def due_at(self) -> datetime | None:
        """When it is due as it runs now; None while it rests."""
        if self.late_at is not None:
            return self.late_at
        if self.since is None or self.budget_s is None:
            return None
        return self.terms.after(self.since, self.budget_s - self.spent_s)

    def see(self, at: datetime) -> None:
        """Time has come to this moment."""
        due_at = self.due_at
        if due_at is not None and at > due_at:
            self.late_at = due_at

    def rest(self, at: datetime) -> None:
        """Stop the time that runs."""
        self.see(at)
        if self.since is not None and at > self.since:
            self.stretches.append((self.since, at))
        self.since = None

    def run(self, at: datetime) -> None:
        """Let time run."""
        if self.since is None:
            self.since = at

    def elapsed_s(self, at: datetime) -> int:
        """Business time until a moment."""
        return self.spent_s + (self.terms.elapsed_s(self.since, at) if self.since is not None else 0)

    def retarget(self, at: datetime, terms: Terms, budget_s: int | None) -> None:
        """Another priority: a stricter target leaves its grace from now on, and never makes it due later."""
        self.see(at)
        if self.late_at is not None:
            return
        self.terms = terms
        if budget_s is None:
            self.budget_s = None
            return
        fair_s = max(budget_s, self.elapsed_s(at) + terms.grace_s)
        if self.budget_s is None:
            self.budget_s = fair_s
        elif budget_s < self.budget_s:
            self.budget_s = min(self.budget_s, fair_s)
        else:
            self.budget_s = budget_s

    def reterm(self, at: datetime, terms: Terms, budget_s: int | None) -> None:
        """Other terms, by a lead's explicit action: the start stays, and nothing is due before the grace."""
        self.see(at)
        if self.late_at is not None:
            return
        self.terms = terms
        self.budget_s = None if budget_s is None else max(budget_s, self.elapsed_s(at) + terms.grace_s)

"""The clocks of a ticket, worked out from what is known of it (definitions.md, "Clocks and calendars").

Pure: the same evidence gives the same clocks in whatever order it came, and no moment of looking enters them. A reply
clock runs from the oldest unanswered message to a human public reply, and no status stops it; the resolution clock
rests in pending, when solved, and on hold where the policy says so.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.tickets.domain.evidence import Evidence, counted
from services.tickets.domain.stopwatch import Kind, Stopwatch, Terms

Outcome = Literal["runs", "met", "breached", "void"]
DONE = ("solved", "closed")
WHOLE = ("spam", "merged")
"""Why a whole case is void; other reasons void reply clocks alone."""


@dataclass(frozen=True, slots=True)
class Clock:
    """One clock of a cycle or a case; `number` counts those of a kind in its cycle."""

    kind: Kind
    cycle: int
    number: int
    terms: Terms
    budget_s: int
    started_at: datetime
    due_at: datetime | None
    """None while it rests undecided."""
    running_since: datetime | None = None
    spent_s: int = 0
    """Business time before `running_since`."""
    ended_at: datetime | None = None
    elapsed_s: int | None = None
    """Business time it took, where it was stopped."""
    void_reason: str | None = None
    late: bool = False

    @property
    def name(self) -> str:
        """Tells it from the ticket's others."""
        return f"{self.kind}/{self.cycle}/{self.number}"

    @property
    def outcome(self) -> Outcome:
        """What became of it by what is known; `runs` is a breach once `due_at` has passed."""
        if self.late:
            return "breached"
        if self.void_reason is not None:
            return "void"
        return "runs" if self.ended_at is None else "met"


@dataclass(slots=True)
class _Cycle:
    """A cycle while it is read: its reply clock that runs, and those that are over."""

    number: int
    terms: Terms
    answered: bool
    """Whether the first reply is behind it, or the desk began it."""
    waiting: Stopwatch | None = None
    void: tuple[Stopwatch, datetime, str] | None = None
    """What ended without an answer; a later reply, or a way back, takes it up again."""
    over: list[Clock] = field(default_factory=list)

    def hear(self, at: datetime, priority: str) -> None:
        if self.waiting is None:
            self._let_go()
            kind: Kind = "next_reply" if self.answered else "first_reply"
            self.waiting = Stopwatch(kind, self.number, at, self.terms, self.terms.target(priority, kind), at)

    def reply(self, at: datetime) -> None:
        self.resume(("solved",))
        if self.waiting is not None:
            self._end(self.waiting, at, None)
        self.waiting, self.answered = None, True

    def drop(self, at: datetime, reason: str) -> None:
        if self.waiting is not None:
            self.waiting.see(at)
            self.void, self.waiting = (self.waiting, at, reason), None

    def resume(self, reasons: tuple[str, ...]) -> None:
        if self.waiting is None and self.void is not None and self.void[2] in reasons:
            self.waiting, self.void = self.void[0], None

    def clocks(self) -> list[Clock]:
        self._let_go()
        if self.waiting is not None:
            self.over += _shown(self.waiting, len(self._of(self.waiting.kind)) + 1)
            self.waiting = None
        return self.over

    def _let_go(self) -> None:
        if self.void is not None:
            self._end(*self.void)
            self.void = None

    def _end(self, watch: Stopwatch, at: datetime, void_reason: str | None) -> None:
        watch.see(at)
        elapsed_s = watch.elapsed_s(at)
        number = len(self._of(watch.kind)) + 1
        for clock in _shown(watch, number):
            self.over.append(replace(clock, ended_at=at, elapsed_s=elapsed_s, void_reason=void_reason))

    def _of(self, kind: Kind) -> list[Clock]:
        return [clock for clock in self.over if clock.kind == kind]


@dataclass(slots=True)
class _Case:
    """A ticket while its evidence is read."""

    priority: str = "normal"
    state: str = "new"
    cycles: dict[int, _Cycle] = field(default_factory=dict)
    early: dict[int, datetime] = field(default_factory=dict)
    """Messages of a cycle that are older than the one that began it: of a ticket that was merged into this one."""
    resolution: Stopwatch | None = None
    solved_at: datetime | None = None
    void: tuple[datetime, str] | None = None

    def enter(self, state: str, at: datetime) -> None:
        """Another state: the resolution clock rests or runs, and what is solved unanswered waits for nobody."""
        was, self.state = self.state, state
        watch = self.resolution
        if watch is not None and self.void is None:
            rests = state in ("pending", *DONE) or (state == "on-hold" and watch.terms.pause_on_hold)
            (watch.rest if rests else watch.run)(at)
        self.solved_at = (self.solved_at or at) if state in DONE else None
        if state in DONE and was not in DONE:
            for cycle in self.cycles.values():
                cycle.drop(at, "solved")
        elif state not in DONE and self.cycles:
            self.cycles[max(self.cycles)].resume(("solved",))


def clocks(evidence: Iterable[Evidence], terms: Mapping[UUID, Terms]) -> tuple[Clock, ...]:
    """All clocks of a ticket: of its cycles in order, then that of its case."""
    case = _Case()
    for one in counted(evidence):
        _READ[one.what](case, one, terms)
    found = [clock for number in sorted(case.cycles) for clock in case.cycles[number].clocks()]
    return tuple(found + _of_case(case))


def _of_case(case: _Case) -> list[Clock]:
    watch = case.resolution
    if watch is None:
        return []
    ended_at, reason = case.void or (case.solved_at, None)
    elapsed_s = watch.spent_s if ended_at is not None else None
    shown = _shown(watch, 1)
    return [replace(c, ended_at=ended_at, elapsed_s=elapsed_s, void_reason=reason) for c in shown]


def _shown(watch: Stopwatch, number: int) -> list[Clock]:
    if watch.budget_s is None:
        return []
    return [
        Clock(
            kind=watch.kind,
            cycle=watch.cycle,
            number=number,
            terms=watch.terms,
            budget_s=watch.budget_s,
            started_at=watch.started_at,
            due_at=watch.due_at,
            running_since=watch.since,
            spent_s=watch.spent_s,
            late=watch.late_at is not None,
        )
    ]


def _began(case: _Case, one: Evidence, terms: Mapping[UUID, Terms]) -> None:
    valid = terms[one.terms] if one.terms is not None else Terms()
    by_desk = one.subject is None
    case.priority = one.word or case.priority
    case.cycles[one.cycle] = _Cycle(one.cycle, valid, by_desk)
    if case.state in DONE:
        case.enter("open", one.at)
    if not by_desk:
        case.cycles[one.cycle].hear(case.early.pop(one.cycle, one.at), case.priority)
    if case.resolution is None and not by_desk:
        case.resolution = Stopwatch(
            "resolution", one.cycle, one.at, valid, valid.target(case.priority, "resolution"), one.at
        )


def _heard(case: _Case, one: Evidence, terms: Mapping[UUID, Terms]) -> None:
    cycle = case.cycles.get(one.cycle)
    if cycle is None:
        case.early.setdefault(one.cycle, one.at)
        return
    if case.resolution is None:
        valid = cycle.terms
        budget_s = valid.target(case.priority, "resolution")
        case.resolution = Stopwatch("resolution", one.cycle, one.at, valid, budget_s, one.at)
    cycle.hear(one.at, case.priority)
    if case.state in ("pending", "on-hold"):
        case.enter("open", one.at)


def _replied(case: _Case, one: Evidence, terms: Mapping[UUID, Terms]) -> None:
    if one.cycle in case.cycles:
        case.cycles[one.cycle].reply(one.at)


def _void(case: _Case, one: Evidence, terms: Mapping[UUID, Terms]) -> None:
    for cycle in case.cycles.values():
        cycle.drop(one.at, one.word)
    if one.word in WHOLE and case.resolution is not None:
        case.resolution.rest(one.at)
        case.void = (one.at, one.word)


def _counts(case: _Case, one: Evidence, terms: Mapping[UUID, Terms]) -> None:
    case.void = None
    for cycle in case.cycles.values():
        if cycle.void is not None and cycle.void[2] != "solved":
            cycle.resume((cycle.void[2],))
    case.enter(case.state, one.at)


def _moved(case: _Case, one: Evidence, terms: Mapping[UUID, Terms]) -> None:
    case.enter(one.word, one.at)


def _priority(case: _Case, one: Evidence, terms: Mapping[UUID, Terms]) -> None:
    case.priority = one.word
    other = terms[one.terms] if one.terms is not None else None
    for cycle in case.cycles.values():
        cycle.terms = _for_priority(cycle.terms, other)
    for watch in _running(case):
        valid = _for_priority(watch.terms, other)
        watch.retarget(one.at, valid, valid.target(one.word, watch.kind))


def _for_priority(valid: Terms, other: Terms | None) -> Terms:
    """The terms that hold at another priority: the same policy stays in the version it began with."""
    return other if other is not None and other.policy != valid.policy else valid


def _terms(case: _Case, one: Evidence, terms: Mapping[UUID, Terms]) -> None:
    valid = terms[one.terms] if one.terms is not None else Terms()
    for cycle in case.cycles.values():
        cycle.terms = valid
    for watch in _running(case):
        watch.reterm(one.at, valid, valid.target(case.priority, watch.kind))


def _running(case: _Case) -> list[Stopwatch]:
    watches = [cycle.waiting for cycle in case.cycles.values() if cycle.waiting is not None]
    return watches + ([case.resolution] if case.resolution is not None and case.void is None else [])


def _held(case: _Case, one: Evidence, terms: Mapping[UUID, Terms]) -> None:
    """Who had it credits a breach; no clock minds."""


_READ = {
    "began": _began,
    "terms": _terms,
    "priority": _priority,
    "heard": _heard,
    "replied": _replied,
    "void": _void,
    "counts": _counts,
    "held": _held,
    "moved": _moved,
}

"""What others are told of clocks: a share of one is used up, or what it came to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from services.tickets import facts
from services.tickets.domain.clocks import Clock
from services.tickets.domain.evidence import Evidence
from services.tickets.domain.sla import credited, upcoming
from services.tickets.domain.stopwatch import Terms
from services.tickets.domain.telling import News, Told, outcome_of
from services.tickets.domain.ticket import Ticket
from services.tickets.repo.clocks import Row
from shared.bus import Context
from shared.contracts.envelope import Event
from shared.contracts.sla_events import SlaBreached, SlaCorrected, SlaEvent, SlaSettled, SlaWarned
from shared.contracts.ticket_events import TicketEvent
from shared.ids import derived_id

GONE = "no-clock"
ACTOR = "timer/sla"


@dataclass(frozen=True, slots=True)
class Teller:
    """Tells of one ticket's clocks: because of an event of the transaction, or because a timer rang."""

    ctx: Context
    workspace: str
    shop: str | None
    carried: Mapping[str, Any]
    cause: Event[Any] | None = None
    trace: str | None = None

    @staticmethod
    def after(ctx: Context, cause: Event[Any]) -> "Teller":
        """Because of what the transaction told of the ticket."""
        carried = {name: getattr(cause.data, name) for name in TicketEvent.model_fields}
        return Teller(ctx, cause.workspace, cause.shop, carried, cause)

    @staticmethod
    def of(ctx: Context, ticket: Ticket) -> "Teller":
        """Because a timer rang."""
        return Teller(ctx, ticket.workspace, ticket.shop, facts.carried(ticket), trace=ticket.trace)

    def warn(self, clock: Clock, told: Told, rung: datetime) -> Told:
        """The highest share that was used up when the timer rang, where that is news."""
        percent = told.warned
        while (share := upcoming(clock, percent)) is not None and share.percent < 100 and share.at <= rung:
            percent = share.percent
        if percent == told.warned:
            return told
        after = replace(told, warned=percent, version=told.version + 1)
        self._tell(SlaWarned(**self._of(clock), percent=percent), after.version, f"{percent}/{rung.isoformat()}")
        return after

    def decide(
        self, what: News, clock: Clock, told: Told, evidence: Sequence[Evidence], *, rung: datetime | None
    ) -> Told:
        """What a clock came to; a timer that rang (`rung`) makes one that runs a breach."""
        outcome = outcome_of(clock, told)
        if outcome == "runs" and rung is not None:
            outcome = "breached"
        after = Told(outcome, clock.due_at, told.breached or outcome == "breached", told.warned, told.version + 1)
        until = {"breached": clock.due_at, "met": clock.ended_at}.get(outcome)
        said = self._of(clock) | {
            "outcome": outcome,
            "ended_at": clock.ended_at,
            "elapsed_s": clock.elapsed_s,
            "void_reason": clock.void_reason if outcome == "void" else None,
            "credited": credited(evidence, clock, until) if until is not None else None,
        }
        settled: SlaSettled | SlaBreached | SlaCorrected
        if what == "corrected":
            settled = SlaCorrected(**said, was=told.outcome or "runs")
        else:
            settled = SlaBreached(**said) if what == "breached" else SlaSettled(**said)
        self._tell(settled, after.version, f"{after.version}")
        return after

    def gone(self, row: Row, valid: Terms) -> Told:
        """By later evidence there never was such a clock: it is void."""
        after = Told("void", None, row.told.breached, row.told.warned, row.told.version + 1)
        corrected = SlaCorrected(
            **dict(self.carried) | _named(valid),
            clock=self._id(row.name),
            kind=row.kind,
            clock_cycle=row.cycle,
            clock_started_at=row.started_at,
            target_s=row.budget_s,
            outcome="void",
            void_reason=GONE,
            was=row.told.outcome or "runs",
        )
        self._tell(corrected, after.version, f"{after.version}")
        return after

    def _of(self, clock: Clock) -> dict[str, Any]:
        return (
            dict(self.carried)
            | _named(clock.terms)
            | {
                "clock": self._id(clock.name),
                "kind": clock.kind,
                "clock_cycle": clock.cycle,
                "clock_started_at": clock.started_at,
                "clock_due_at": clock.due_at,
                "target_s": clock.budget_s,
            }
        )

    def _id(self, name: str) -> UUID:
        return derived_id(self.carried["ticket"], "clock", name)

    def _tell(self, said: SlaEvent, version: int, moment: str) -> None:
        if self.cause is not None:
            self.ctx.emit(said, cause=self.cause, version=version, shop=self.shop)
            return
        id_ = derived_id(said.clock, said.TYPE, moment)
        self.ctx.begin(
            said, workspace=self.workspace, shop=self.shop, version=version, id=id_, trace=self.trace, actor=ACTOR
        )


def _named(valid: Terms) -> dict[str, Any]:
    return {
        "policy": valid.policy,
        "policy_version": valid.policy_version,
        "calendar": valid.calendar,
        "calendar_version": valid.calendar_version,
    }

"""Which policy a ticket is under, what of a clock is due next, and whose a breach is (definitions.md, KPI 6)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.tickets.domain.clocks import Clock
from services.tickets.domain.evidence import Evidence, counted
from services.tickets.domain.stopwatch import Targets, Terms
from shared.calendar import Calendar
from shared.contracts.sla_settings import SlaConditions, SlaPolicy


@dataclass(frozen=True, slots=True)
class Case:
    """What is known of a ticket where a policy is chosen; what is unknown meets no condition about it."""

    priority: str
    channel: str
    shop: str | None = None
    team: str | None = None
    tier: str | None = None
    order_value: int | None = None
    """In the shop's smallest unit of money."""
    products: frozenset[str] = frozenset()


def choose(policies: Mapping[str, SlaPolicy], case: Case) -> str | None:
    """The id of the first policy that fits, by `order`, then by id."""
    ranked = sorted(policies.items(), key=lambda item: (item[1].order, item[0]))
    return next((id_ for id_, policy in ranked if fits(policy.when, case)), None)


def fits(when: SlaConditions, case: Case) -> bool:
    """Whether a ticket meets all conditions; an empty list asks for nothing."""
    named = (
        (when.priorities, case.priority),
        (when.channels, case.channel),
        (when.shops, case.shop),
        (when.teams, case.team),
        (when.tiers, case.tier),
    )
    return (
        all(not wanted or value in wanted for wanted, value in named)
        and (not when.products or not case.products.isdisjoint(when.products))
        and (
            when.order_value_from is None
            or (case.order_value is not None and case.order_value >= when.order_value_from)
        )
    )


def terms_of(
    policy: SlaPolicy | None,
    calendar: Calendar | None,
    *,
    id: UUID,
    policy_id: str | None = None,
    policy_version: int | None = None,
    calendar_id: str | None = None,
    calendar_version: int | None = None,
) -> Terms:
    """The terms that a policy and a calendar make; without a policy there is only business time."""
    if policy is None:
        return Terms(id=id, calendar=calendar_id, calendar_version=calendar_version, opening=calendar)
    return Terms(
        id=id,
        targets={
            priority: Targets(target.first_reply_s, target.next_reply_s, target.resolution_s)
            for priority, target in policy.targets.items()
        },
        grace_s=policy.grace_s,
        pause_on_hold=policy.pause_on_hold,
        warn_at=policy.warn_at,
        policy=policy_id,
        policy_version=policy_version,
        calendar=calendar_id,
        calendar_version=calendar_version,
        opening=calendar,
    )


@dataclass(frozen=True, slots=True)
class Next:
    """What happens next to a clock that is left alone: a share of its budget is used up, or it is due."""

    at: datetime
    percent: int
    """100: it is due."""


def upcoming(clock: Clock, warned: int) -> Next | None:
    """What is next after the warning of `warned` per cent; None while the clock rests undecided."""
    if clock.due_at is None:
        return None
    since = clock.running_since
    if clock.outcome == "runs" and since is not None:
        for percent in clock.terms.warn_at:
            left_s = clock.budget_s * percent // 100 - clock.spent_s
            if percent > warned and left_s > 0:
                return Next(clock.terms.after(since, left_s), percent)
    return Next(clock.due_at, 100)


def credited(evidence: Iterable[Evidence], clock: Clock, until: datetime) -> str | None:
    """The agent who held the ticket for at least half of the clock's business time until then; None: the queue's."""
    whole_s = clock.terms.elapsed_s(clock.started_at, until)
    held = [one for one in counted(evidence) if one.what == "held"]
    of_agents: dict[str, int] = {}
    for one, ends in zip(held, [*(after.at for after in held[1:]), until], strict=False):
        begins = max(one.at, clock.started_at)
        if one.word and min(ends, until) > begins:
            taken_s = clock.terms.elapsed_s(begins, min(ends, until))
            of_agents[one.word] = of_agents.get(one.word, 0) + taken_s
    return max(_halves(of_agents, whole_s), default=None)


def _halves(of_agents: Mapping[str, int], whole_s: int) -> Sequence[str]:
    most = max(of_agents.values(), default=0)
    return [agent for agent, taken_s in of_agents.items() if taken_s == most and whole_s > 0 and taken_s * 2 >= whole_s]

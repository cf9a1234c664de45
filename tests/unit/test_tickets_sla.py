"""Which policy a ticket is under, what is told of a clock and when, and whose a breach is."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.documents import checked
from services.tickets.domain.clocks import Clock
from services.tickets.domain.sla import Case, choose, credited, upcoming
from services.tickets.domain.stopwatch import Terms
from services.tickets.domain.telling import NOTHING, Told, news, outcome_of, rings_at
from shared.contracts.sla_settings import SlaPolicy
from shared.errors import Invalid
from tests.unit.test_tickets_clocks import OFFICE, TERMS, at, began, of, said

WARNING = replace(TERMS, warn_at=(50, 75, 90))
CLOCK = Clock("first_reply", 1, 1, WARNING, 3600, at(0), at(60), running_since=at(0))
MET = replace(CLOCK, ended_at=at(30), elapsed_s=1800)
LATE = replace(CLOCK, ended_at=at(90), elapsed_s=5400, late=True)
VOID = replace(CLOCK, ended_at=at(20), void_reason="spam")


def policy(order: int = 1, **when: Any) -> SlaPolicy:
    return SlaPolicy.model_validate(
        {"name": "P", "order": order, "when": when, "targets": {"normal": {"first_reply_s": 60}}}
    )


CASE = Case("normal", "postmark", "bikes", "care", "gold", 12_000, frozenset({"bike-1"}))


@pytest.mark.parametrize(
    ("when", "fits"),
    [
        ({}, True),
        ({"priorities": ["normal", "low"]}, True),
        ({"priorities": ["urgent"]}, False),
        ({"channels": ["postmark"]}, True),
        ({"channels": ["telegram"]}, False),
        ({"shops": ["bikes"], "tiers": ["gold"]}, True),
        ({"shops": ["bikes"], "tiers": ["silver"]}, False),
        ({"teams": ["care"]}, True),
        ({"products": ["bike-1", "bike-2"]}, True),
        ({"products": ["bike-3"]}, False),
        ({"order_value_from": 12_000}, True),
        ({"order_value_from": 12_001}, False),
    ],
)
def test_a_policy_is_for_tickets_that_meet_all_its_conditions(when: dict[str, Any], fits: bool) -> None:
    assert choose({"p": policy(**when)}, CASE) == ("p" if fits else None)


def test_what_is_unknown_of_a_ticket_meets_no_condition_about_it() -> None:
    unknown = Case("normal", "postmark")
    for when in ({"teams": ["care"]}, {"tiers": ["gold"]}, {"order_value_from": 0}, {"products": ["bike-1"]}):
        assert choose({"p": policy(**when)}, unknown) is None


def test_the_first_that_fits_is_taken_by_order_then_by_id() -> None:
    found = {"b": policy(1), "a": policy(1), "z": policy(0, priorities=["urgent"])}
    assert choose(found, CASE) == "a"
    assert choose(found, replace(CASE, priority="urgent")) == "z"


TARGETS = {"normal": {"first_reply_s": 60}}


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"targets": {}}, "/targets"),
        ({"targets": {"normal": {}}}, "/targets/normal"),
        ({"targets": {"huge": {"first_reply_s": 60}}}, "/targets/huge"),
        ({"targets": {"normal": {"first_reply_s": 0}}}, "/targets/normal/first_reply_s"),
        ({"targets": {"normal": {"first_reply_s": "soon"}}}, "/targets/normal/first_reply_s"),
        ({"targets": {"normal": {"reply_s": 60}}}, "/targets/normal/reply_s"),
        ({"warn_at": [90, 50]}, "/warn_at"),
        ({"warn_at": [50, 50]}, "/warn_at"),
        ({"warn_at": [100]}, "/warn_at/0"),
        ({"grace_s": -1}, "/grace_s"),
        ({"calendar": "No Slug"}, "/calendar"),
        ({"when": {"priority": ["urgent"]}}, "/when/priority"),
        ({"when": {"order_value_from": -1}}, "/when/order_value_from"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused_at_its_field(wrong: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Invalid) as caught:
        checked("sla", {"name": "P", "targets": TARGETS} | wrong)
    assert [field["pointer"] for field in caught.value.fields] == [pointer]


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [({"percent": 0}, "/percent"), ({"percent": 101}, "/percent"), ({"within_s": 0}, "/within_s"),
     ({"measure": "read"}, "/measure"), ({"window_days": 400}, "/window_days")],
)  # fmt: skip
def test_a_promise_that_makes_no_sense_is_refused_at_its_field(wrong: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Invalid) as caught:
        checked("promise", {"name": "A day", "within_s": 86_400, "percent": 80} | wrong)
    assert [field["pointer"] for field in caught.value.fields] == [pointer]


def test_warnings_come_at_their_shares_of_business_time_then_it_is_due() -> None:
    found, warned = [], 0
    while (following := upcoming(CLOCK, warned)) is not None and following.percent < 100:
        found.append((following.percent, following.at))
        warned = following.percent
    assert found == [(50, at(30)), (75, at(45)), (90, at(54))]
    assert following is not None and following.at == at(60)


def test_what_rested_has_used_up_its_shares_already() -> None:
    rested = replace(CLOCK, spent_s=2800, running_since=at(100), due_at=at(100) + timedelta(seconds=800))
    following = upcoming(rested, 0)
    assert following is not None and following.percent == 90
    assert upcoming(replace(rested, due_at=None, running_since=None), 0) is None


def test_a_clock_that_is_met_is_told_at_once_a_breach_and_a_void_one_when_due() -> None:
    assert news(MET, NOTHING, due=False) == "settled"
    assert [news(clock, NOTHING, due=False) for clock in (CLOCK, LATE, VOID)] == [None, None, None]
    assert [news(clock, NOTHING, due=True) for clock in (CLOCK, LATE, VOID)] == ["breached", "breached", "settled"]
    assert news(replace(VOID, due_at=None), NOTHING, due=False) == "settled"
    assert [rings_at(clock, NOTHING) for clock in (CLOCK, LATE, VOID, MET)] == [at(30), at(60), at(60), None]


def test_what_was_told_late_stays_so_until_evidence_says_otherwise() -> None:
    told = Told("breached", at(60), breached=True, version=1)
    assert outcome_of(CLOCK, told) == "breached"
    assert news(CLOCK, told, due=False) is None
    assert rings_at(CLOCK, told) is None
    assert news(MET, told, due=False) == "corrected"
    assert news(replace(CLOCK, due_at=at(80)), told, due=False) == "corrected"


clocks = st.sampled_from((CLOCK, MET, LATE, VOID, replace(CLOCK, due_at=at(80)), replace(VOID, due_at=None)))


@given(st.lists(st.tuples(clocks, st.booleans()), max_size=12))
def test_a_breach_is_told_once_and_the_last_word_is_what_holds(history: list[tuple[Clock, bool]]) -> None:
    told, words = NOTHING, []
    for clock, due in [*history, (history[-1][0], True)] if history else []:
        what = news(clock, told, due=due)
        if what is not None:
            outcome = outcome_of(clock, told)
            outcome = "breached" if outcome == "runs" and due else outcome
            told = Told(outcome, clock.due_at, told.breached or outcome == "breached", 0, told.version + 1)
            words.append((what, outcome))
    assert [what for what, _ in words].count("breached") <= 1
    assert [what for what, _ in words[1:] if what == "settled"] == []
    if history:
        final = history[-1][0]
        assert (words[-1][1] if words else None) == ("breached" if final.outcome == "runs" else final.outcome)


def held(minutes: float, agent: str) -> Any:
    return said("held", minutes, word=agent)


@pytest.mark.parametrize(
    ("holds", "agent"),
    [
        ([], None),
        ([(10, "ada")], "ada"),
        ([(31, "ada")], None),
        ([(30, "ada")], "ada"),
        ([(0, "ada"), (29, "ben")], "ben"),
        ([(0, "ada"), (20, ""), (40, "ada"), (50, "")], "ada"),
        ([(0, "ada"), (10, ""), (40, "ben")], None),
        ([(0, "ada"), (30, "ben")], "ben"),  # both held it for half: the later name, so that it is always the same
    ],
)
def test_a_breach_is_the_agents_who_held_it_for_half_the_time_else_the_queues(
    holds: list[tuple[float, str]], agent: str | None
) -> None:
    assert credited([*began(), *(held(*one) for one in holds)], CLOCK, at(60)) == agent


def test_nights_in_which_an_agent_held_it_are_not_his() -> None:
    begins = 8 * 60 - 30
    clock = of(*began(begins))["first_reply/1/1"]
    assert clock.terms.opening is OFFICE
    overnight = [held(begins + 20, "ada"), held(24 * 60 + 5, "ben")]
    assert clock.due_at is not None
    assert credited([*began(begins), *overnight], clock, clock.due_at) is None  # 15 and 25 minutes of an hour


def test_terms_of_no_policy_count_every_hour() -> None:
    assert Terms().elapsed_s(at(0), at(10)) == 600
    assert Terms(id=UUID(int=1)).after(at(0), 60) == at(1)

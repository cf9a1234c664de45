"""The clocks of a ticket: when they start, stop, rest, are void and are due (definitions.md)."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tickets.domain.clocks import Clock, clocks
from services.tickets.domain.evidence import Evidence
from services.tickets.domain.stopwatch import Targets, Terms
from shared.calendar import Calendar
from shared.contracts.settings import Calendar as Document

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
OFFICE = Calendar.of(Document(name="Office", week={d: ["09:00-17:00"] for d in ("mon", "tue", "wed", "thu", "fri")}))
NORMAL, URGENT = Targets(3600, 7200, 4 * 3600), Targets(600, 900, 3600)
TERMS = Terms(
    targets={"normal": NORMAL, "urgent": URGENT, "low": Targets(7200, 7200, 8 * 3600)}, grace_s=300, opening=OFFICE
)
ROUND_THE_CLOCK = Terms(targets={"normal": NORMAL}, pause_on_hold=True)
KNOWN = {UUID(int=1): TERMS, UUID(int=2): ROUND_THE_CLOCK}
_ids = count(1)


def at(minutes: float) -> datetime:
    return MONDAY + timedelta(minutes=minutes)


def said(what: Any, minutes: float, **more: Any) -> Evidence:
    number = next(_ids)
    return Evidence(at(minutes), what, uuid5(UUID(int=9), str(number)), **{"cycle": 1, **more})


def began(minutes: float = 0, cycle: int = 1, terms: int = 1, priority: str = "normal") -> list[Evidence]:
    return [said("began", minutes, cycle=cycle, terms=UUID(int=terms), word=priority, subject=UUID(int=7))]


def replied(minutes: float, message: int = 1, version: int = 1, cycle: int = 1) -> Evidence:
    return said("replied", minutes, subject=UUID(int=message), version=version, cycle=cycle)


def failed(minutes: float, message: int = 1, version: int = 2) -> Evidence:
    return said("failed", minutes, subject=UUID(int=message), version=version)


def moved(minutes: float, state: str) -> Evidence:
    return said("moved", minutes, word=state)


def of(*evidence: Evidence) -> dict[str, Clock]:
    return {clock.name: clock for clock in clocks(evidence, KNOWN)}


def outcome(found: dict[str, Clock], name: str) -> tuple[str, Any]:
    clock = found[name]
    shown = clock.due_at if clock.outcome == "runs" else clock.elapsed_s
    return clock.outcome, shown


def test_a_first_message_starts_a_reply_clock_and_that_of_the_case() -> None:
    found = of(*began())
    assert outcome(found, "first_reply/1/1") == ("runs", at(60))
    assert outcome(found, "resolution/1/1") == ("runs", at(240))


def test_a_reply_in_time_meets_and_the_next_message_starts_the_next_clock() -> None:
    found = of(*began(), replied(30), said("heard", 40), said("heard", 50))
    assert outcome(found, "first_reply/1/1") == ("met", 1800)
    assert outcome(found, "next_reply/1/1") == ("runs", at(160))
    assert outcome(of(*began(), replied(30), said("heard", 40), replied(200, 2)), "next_reply/1/1")[0] == "breached"


def test_nights_do_not_count_in_the_policys_calendar() -> None:
    found = of(*began(8 * 60 - 10), replied(24 * 60 + 20))
    assert outcome(found, "first_reply/1/1") == ("met", 1800)


def test_only_the_oldest_unanswered_message_counts_whenever_it_came() -> None:
    assert of(*began(), replied(30), said("heard", 50), said("heard", 40))["next_reply/1/1"].started_at == at(40)


def test_no_status_stops_a_reply_clock() -> None:
    found = of(*began(), moved(5, "open"), moved(10, "pending"), moved(20, "on-hold"), moved(30, "pending"))
    assert outcome(found, "first_reply/1/1") == ("runs", at(60))


def test_solved_without_an_answer_is_void_and_late_stays_late() -> None:
    assert of(*began(), moved(30, "solved"))["first_reply/1/1"].outcome == "void"
    assert of(*began(), moved(61, "solved"))["first_reply/1/1"].outcome == "breached"


def test_solved_and_opened_again_by_hand_hides_nothing() -> None:
    found = of(*began(), moved(30, "solved"), moved(40, "open"))
    assert outcome(found, "first_reply/1/1") == ("runs", at(60))


def test_an_answer_that_solves_meets_though_its_provider_takes_it_a_moment_later() -> None:
    assert outcome(of(*began(), moved(30, "solved"), replied(31)), "first_reply/1/1") == ("met", 31 * 60)


def test_a_solved_unanswered_message_stays_void_when_the_customer_writes_again() -> None:
    found = of(*began(), moved(30, "solved"), *began(50, cycle=2))
    assert found["first_reply/1/1"].outcome == "void"
    assert outcome(found, "first_reply/2/1") == ("runs", at(110))


def test_a_message_accepted_before_the_solve_it_came_after_is_waited_for() -> None:
    found = of(*began(), replied(5), *began(29, cycle=2), moved(30, "solved"), moved(31, "open"))
    assert outcome(found, "first_reply/2/1") == ("runs", at(89))


@pytest.mark.parametrize("reason", ["spam", "merged", "thanks", "withdrawn", "no-reply-needed"])
def test_what_needs_no_reply_is_void_and_counts_again_from_its_start(reason: str) -> None:
    void = said("void", 10, word=reason)
    found = of(*began(), void)
    assert found["first_reply/1/1"].outcome == "void"
    assert found["resolution/1/1"].outcome == ("void" if reason in ("spam", "merged") else "runs")
    again = of(*began(), void, said("counts", 20))
    assert outcome(again, "first_reply/1/1") == ("runs", at(60))
    assert of(*began(), said("void", 61, word=reason))["first_reply/1/1"].outcome == "breached"


def test_a_reply_that_finally_fails_counts_no_longer_and_one_sent_again_does() -> None:
    lost = of(*began(), replied(30), failed(35))
    assert outcome(lost, "first_reply/1/1") == ("runs", at(60))
    assert outcome(of(*began(), replied(30), failed(35), replied(40, version=3)), "first_reply/1/1") == ("met", 2400)
    assert outcome(of(*began(), replied(30), failed(35), replied(50, message=2)), "first_reply/1/1") == ("met", 3000)


def test_a_message_that_is_the_tickets_no_more_is_waited_for_no_more() -> None:
    taken = said("heard", -30, subject=UUID(int=5), version=4)
    given_back = said("unheard", -30, subject=UUID(int=5), version=9)
    asked = (*began(), replied(5), said("heard", 20, subject=UUID(int=6)))
    assert of(*asked, taken)["first_reply/1/1"].started_at == at(-30)
    assert of(*asked, taken, given_back)["first_reply/1/1"].started_at == at(0)
    merged = said("heard", 10, subject=UUID(int=5), version=4)
    assert of(*asked, merged)["next_reply/1/1"].started_at == at(10)
    assert of(*asked, merged, replace(given_back, at=at(10)))["next_reply/1/1"].started_at == at(20)


def test_a_cycle_that_the_desk_began_has_no_first_reply() -> None:
    desk = said("began", 0, terms=UUID(int=1), word="normal")
    found = of(desk, moved(0, "pending"), said("heard", 10))
    assert set(found) == {"next_reply/1/1", "resolution/1/1"}
    assert found["resolution/1/1"].started_at == at(10)


def test_resolution_rests_in_pending_when_solved_and_on_hold_where_the_policy_says_so() -> None:
    waits = (moved(10, "pending"), said("heard", 50), moved(60, "on-hold"), moved(90, "open"))
    assert outcome(of(*began(), *waits), "resolution/1/1") == ("runs", at(240 + 40))
    assert outcome(of(*began(terms=2), *waits), "resolution/1/1") == ("runs", at(240 + 40 + 30))
    assert of(*began(), moved(10, "pending"))["resolution/1/1"].due_at is None


def test_resolution_ends_with_the_last_solve_and_goes_on_where_the_case_does() -> None:
    solved = (*began(), replied(5), moved(60, "solved"))
    assert outcome(of(*solved), "resolution/1/1") == ("met", 3600)
    assert outcome(of(*solved, *began(120, cycle=2)), "resolution/1/1") == ("runs", at(300))
    assert outcome(of(*solved, *began(120, cycle=2), moved(150, "solved")), "resolution/1/1") == ("met", 5400)
    assert outcome(of(*began(), moved(241, "solved")), "resolution/1/1")[0] == "breached"


def test_a_raised_priority_keeps_the_start_and_leaves_the_grace() -> None:
    def due(minutes: float) -> Any:
        return of(*began(), said("priority", minutes, word="urgent"))["first_reply/1/1"].due_at

    assert due(1) == at(10)
    assert due(30) == at(35)
    assert due(58) == at(60)  # never later than it was
    assert of(*began(), said("priority", 61, word="urgent"))["first_reply/1/1"].due_at == at(60)
    assert of(*began(), said("priority", 5, word="low"))["first_reply/1/1"].due_at == at(120)


def test_other_terms_apply_to_what_is_open_from_the_leads_moment_on() -> None:
    given_ = (*began(), replied(5), said("heard", 10))
    found = of(*given_, said("terms", 100, terms=UUID(int=2)))
    assert outcome(found, "first_reply/1/1") == ("met", 300)
    assert outcome(found, "next_reply/1/1") == ("runs", at(130))
    assert found["next_reply/1/1"].terms is ROUND_THE_CLOCK
    assert of(*given_, said("terms", 131, terms=UUID(int=2)))["next_reply/1/1"].terms is TERMS


def test_where_no_target_is_there_is_no_clock() -> None:
    assert of(*began(priority="high")) == {}


states = st.sampled_from(("open", "pending", "on-hold", "solved"))
minutes = st.integers(0, 3 * 24 * 60)
one = st.one_of(
    st.builds(moved, minutes, states),
    st.builds(replied, minutes, st.integers(1, 3), st.integers(1, 4)),
    st.builds(failed, minutes, st.integers(1, 3), st.integers(1, 4)),
    st.builds(lambda m: said("heard", m), minutes),
    st.builds(lambda m: said("counts", m), minutes),
    st.builds(lambda m, w: said("void", m, word=w), minutes, st.sampled_from(("spam", "withdrawn"))),
    st.builds(lambda m, w: said("priority", m, word=w), minutes, st.sampled_from(("urgent", "low", "high"))),
    st.builds(lambda m: said("terms", m, terms=UUID(int=2)), minutes),
)
reopenings = st.lists(st.builds(lambda m: m, minutes), max_size=3).map(
    lambda starts: [e for n, m in enumerate(sorted(starts), start=2) for e in began(m, cycle=n)]
)
histories = st.tuples(st.lists(one, max_size=15), reopenings).map(lambda parts: began() + parts[0] + parts[1])


@given(histories, st.randoms(use_true_random=False))
def test_any_order_of_arrival_gives_what_the_sorted_one_does(history: list[Evidence], chance: random.Random) -> None:
    came = history + chance.sample(history, k=len(history) // 2)  # some of it twice
    chance.shuffle(came)
    assert clocks(came, KNOWN) == clocks(sorted(history, key=lambda e: e.place), KNOWN)


@given(st.lists(st.tuples(minutes, states), max_size=12))
def test_no_sequence_of_status_moves_hides_a_breach(moves: list[tuple[int, str]]) -> None:
    """Whoever was not answered and not let go of before it was due is late, whatever was done to the ticket."""
    evidence = [moved(m + 1, state) for m, state in moves]
    clock = of(*began(), *evidence)["first_reply/1/1"]
    assert clock.due_at == at(60)
    before = sorted((e for e in evidence if e.at <= at(60)), key=lambda e: e.place)
    solved_at_due = bool(before) and before[-1].word == "solved"
    later = [e for e in evidence if e.at > at(60)]
    if not solved_at_due:
        assert clock.outcome == ("breached" if any(e.word == "solved" for e in later) else clock.outcome)
        assert clock.outcome in ("breached", "runs")


@given(st.lists(st.tuples(minutes, states), max_size=12))
def test_resolution_is_the_business_time_in_which_it_was_our_turn(moves: list[tuple[int, str]]) -> None:
    evidence = sorted((moved(m + 1, state) for m, state in moves), key=lambda e: e.place)
    since, state, total = at(0), "open", 0
    for e in [*evidence, moved(5 * 24 * 60, "solved")]:
        total += OFFICE.business_seconds(since, e.at) if state in ("open", "on-hold") else 0
        since, state = e.at, e.word
    clock = of(*began(), *evidence, moved(5 * 24 * 60, "solved"))["resolution/1/1"]
    assert clock.elapsed_s == total
    assert NORMAL.resolution_s is not None
    assert (clock.outcome == "breached") == (total > NORMAL.resolution_s)

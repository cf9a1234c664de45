"""The matching engine: who gets which ticket, and why the others wait."""

from datetime import timedelta

import pytest

from services.routing.domain.engine import Given, NotYet
from tests.unit.routing_floor import LONG_AGO, NOW, crew, only, run, seats, to_whom, waiting

ANNA = {"anna": {}}
BOTH: dict[str, dict[str, object]] = {"anna": {}, "bram": {}}


def reason(decision: Given | NotYet) -> str:
    assert isinstance(decision, NotYet), decision
    return decision.reason


def test_a_ticket_goes_to_the_agent_who_is_there() -> None:
    decision = only(run(crew(**BOTH), seats("bram"), waiting(1)))
    assert isinstance(decision, Given)
    assert decision.agent == "bram"
    assert decision.refusals == (("no-agent-present", 1),)


@pytest.mark.parametrize("presence", ["away", "finishing", "offline"])
def test_nobody_but_the_available_is_asked(presence: str) -> None:
    decision = only(run(crew(**ANNA), seats(anna={"presence": presence}), waiting(1)))
    assert reason(decision) == "no-agent-present"


def test_without_any_agent_the_reason_is_that_nobody_is_present() -> None:
    assert reason(only(run(crew(), {}, waiting(1)))) == "no-agent-present"


def test_an_agent_serves_only_the_shops_he_is_allowed() -> None:
    agents = crew(anna={"shops": ("bells",)})
    assert reason(only(run(agents, seats("anna"), waiting(1, shop="bikes")))) == "no-shop"
    assert isinstance(only(run(agents, seats("anna"), waiting(1, shop="bells"))), Given)


def test_every_hard_skill_has_to_be_there_at_its_level() -> None:
    agents = crew(anna={"skills": {"refunds": 2}}, bram={"skills": {"refunds": 4}})
    there = seats("anna", "bram")
    assert to_whom(run(agents, there, waiting(1, skills=(("refunds", 3),)))) == {1: "bram"}
    assert reason(only(run(agents, there, waiting(1, skills=(("refunds", 5),))))) == "no-skill"
    assert reason(only(run(agents, there, waiting(1, skills=(("legal", 1), ("refunds", 1)))))) == "no-skill"


@pytest.mark.parametrize(
    ("speaks", "asked", "served"),
    [
        (("nl",), "nl", True),
        (("en",), "nl", False),
        (("pt",), "pt-BR", True),
        (("pt-BR",), "pt", True),
        (("zh-Hans",), "zh-Hant", False),
        ((), "nl", True),
    ],
)
def test_a_known_language_asks_for_an_agent_who_has_it(speaks: tuple[str, ...], asked: str, served: bool) -> None:
    decision = only(run(crew(anna={"languages": speaks}), seats("anna"), waiting(1, language=asked)))
    assert isinstance(decision, Given) is served
    if not served:
        assert reason(decision) == "no-language"


def test_load_never_exceeds_capacity() -> None:
    decisions = run(crew(anna={"capacity": 50}), seats("anna"), *(waiting(n, weight=20) for n in range(1, 4)))
    assert to_whom(decisions) == {1: "anna", 2: "anna"}
    assert [left.reason for left in decisions.waiting] == ["no-capacity"]


def test_what_an_agent_has_already_counts() -> None:
    decision = only(run(crew(**ANNA), seats(anna={"load": 90}), waiting(1, weight=20)))
    assert reason(decision) == "no-capacity"


def test_a_channels_cap_limits_whatever_the_capacity() -> None:
    agents = crew(anna={"channel_caps": {"http": 1}})
    decisions = run(agents, seats("anna"), waiting(1), waiting(2), waiting(3, channel="telegram"))
    assert to_whom(decisions) == {1: "anna", 3: "anna"}
    assert [left.reason for left in decisions.waiting] == ["channel-cap"]
    held = seats(anna={"held": {"http": 1}, "load": 20})
    assert reason(only(run(agents, held, waiting(1)))) == "channel-cap"


def test_who_declined_is_not_asked_again_while_another_could_be() -> None:
    assert to_whom(run(crew(**BOTH), seats("anna", "bram"), waiting(1, excluded=("anna",)))) == {1: "bram"}
    busy = seats("anna", bram={"load": 100})
    assert reason(only(run(crew(**BOTH), busy, waiting(1, excluded=("anna",))))) == "all-excluded"


def test_an_exclusion_lapses_where_nobody_else_could_take_the_ticket() -> None:
    assert to_whom(run(crew(**BOTH), seats("anna"), waiting(1, excluded=("anna",)))) == {1: "anna"}


def test_the_first_by_order_of_service_is_served_first() -> None:
    one_place = crew(anna={"capacity": 20})
    old, urgent = waiting(1, waited_s=600), waiting(2, waited_s=5, rank=0)
    assert to_whom(run(one_place, seats("anna"), old, urgent)) == {2: "anna"}
    assert to_whom(run(one_place, seats("anna"), waiting(3, waited_s=5), old)) == {1: "anna"}
    assert to_whom(run(one_place, seats("anna"), waiting(5), waiting(4))) == {4: "anna"}


def test_the_first_who_cannot_be_served_holds_nobody_back() -> None:
    hard = waiting(1, waited_s=600, skills=(("legal", 1),))
    assert to_whom(run(crew(**ANNA), seats("anna"), hard, waiting(2))) == {2: "anna"}


def test_a_ticket_too_heavy_lets_a_lighter_one_pass() -> None:
    decisions = run(crew(anna={"capacity": 30}), seats("anna"), waiting(1, weight=50, waited_s=99), waiting(2))
    assert to_whom(decisions) == {2: "anna"}


def test_the_better_skilled_agent_is_preferred() -> None:
    agents = crew(anna={"skills": {"refunds": 1}}, bram={"skills": {"refunds": 5}})
    decision = only(run(agents, seats("anna", "bram"), waiting(1, skills=(("refunds", 1),))))
    assert isinstance(decision, Given)
    assert (decision.agent, decision.reason) == ("bram", "best-fit")


def test_among_equals_the_longest_idle_is_asked() -> None:
    there = seats("bram", anna={"idle_since": NOW - timedelta(seconds=5)})
    decision = only(run(crew(**BOTH), there, waiting(1)))
    assert isinstance(decision, Given)
    assert (decision.agent, decision.reason) == ("bram", "longest-idle")


def test_the_longest_idle_of_two_long_idle_is_asked() -> None:
    there = seats("bram", anna={"idle_since": LONG_AGO + timedelta(seconds=1)})
    assert to_whom(run(crew(**BOTH), there, waiting(1))) == {1: "bram"}


def test_work_is_spread_over_equals() -> None:
    agents = crew(anna={}, bram={}, cees={})
    decisions = run(agents, seats("anna", "bram", "cees"), *(waiting(n) for n in range(1, 7)))
    assert sorted(to_whom(decisions).values()) == ["anna", "anna", "bram", "bram", "cees", "cees"]


def test_equals_in_everything_are_taken_by_id() -> None:
    assert to_whom(run(crew(**BOTH), seats("bram", "anna"), waiting(1))) == {1: "anna"}


def test_the_rare_skill_stays_free_where_others_can_do_the_work() -> None:
    agents = crew(anna={"skills": {"legal": 5}}, bram={}, cees={})
    assert to_whom(run(agents, seats("anna", "bram", "cees"), waiting(1))) == {1: "bram"}


def test_a_ticket_on_request_stays_until_an_agent_asks() -> None:
    assert reason(only(run(crew(**ANNA), seats("anna"), waiting(1, mode="next")))) == "on-request"


def test_a_ticket_on_request_reserves_nobody() -> None:
    decisions = run(crew(anna={"capacity": 20}), seats("anna"), waiting(1, mode="next", waited_s=900), waiting(2))
    assert to_whom(decisions) == {2: "anna"}


def test_a_decision_says_who_came_near_and_who_was_refused_by_what() -> None:
    agents = crew(anna={}, bram={}, cees={}, dora={}, eva={"shops": ("bells",)}, finn={"capacity": 0}, gijs={})
    there = seats("anna", "bram", "cees", "dora", "eva", "finn", gijs={"presence": "away"})
    decision = only(run(agents, there, waiting(1)))
    assert isinstance(decision, Given)
    assert [candidate.agent for candidate in decision.candidates] == ["anna", "bram", "cees"]
    assert dict(decision.refusals) == {"no-agent-present": 1, "no-shop": 1, "no-capacity": 1}
    assert (decision.load, decision.capacity) == (20, 100)


def test_only_channels_an_agent_takes_now_are_given_to_him() -> None:
    there = seats(anna={"channels": ("telegram",)})
    assert reason(only(run(crew(**ANNA), there, waiting(1)))) == "no-agent-present"
    assert isinstance(only(run(crew(**ANNA), there, waiting(1, channel="telegram"))), Given)

"""What holds for every match, whoever is there and whatever waits."""

import random
from collections import Counter
from datetime import timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from services.routing.domain.crew import Crew, Profile
from services.routing.domain.engine import Decisions, State, in_order, match
from services.routing.domain.floor import Seat, Waiting
from tests.unit.routing_floor import NOW, need

SKILLS = ("refunds", "legal", "nl")
SHOPS = ("bikes", "bells")
CHANNELS = ("http", "mail")

profiles = st.builds(
    dict,
    capacity=st.integers(0, 100),
    skills=st.dictionaries(st.sampled_from(SKILLS), st.integers(1, 5)),
    languages=st.sampled_from(((), ("en",), ("nl", "en"))),
    shops=st.sampled_from(((), ("bikes",), SHOPS)),
    channel_caps=st.dictionaries(st.sampled_from(CHANNELS), st.integers(0, 3)),
)
presences = st.builds(
    dict,
    presence=st.sampled_from(("available", "available", "away", "offline")),
    load=st.integers(0, 60),
    held=st.dictionaries(st.sampled_from(CHANNELS), st.integers(0, 2)),
    idle_since=st.integers(0, 2000).map(lambda s: NOW - timedelta(seconds=s)),
)
wanted = st.builds(
    dict,
    channel=st.sampled_from(CHANNELS),
    shop=st.sampled_from((None, *SHOPS)),
    language=st.sampled_from((None, "en", "nl")),
    skills=st.dictionaries(st.sampled_from(SKILLS), st.integers(1, 5), max_size=2).map(
        lambda s: tuple(sorted(s.items()))
    ),
    weight=st.integers(1, 60),
    mode=st.sampled_from(("push", "offer", "next")),
)
NAMES = [f"agent-{n}" for n in range(6)]


@st.composite
def states(draw: st.DrawFn) -> State:
    """A desk at some moment."""
    names = NAMES[: draw(st.integers(0, len(NAMES)))]
    crew = Crew(Profile(name, **draw(profiles)) for name in names)
    seats = {name: Seat(name, **draw(presences)) for name in names}
    tickets = [
        Waiting(
            UUID(int=number),
            need(**draw(wanted)),
            draw(st.integers(0, 3)),
            NOW - timedelta(seconds=draw(st.integers(0, 50))),
            tuple(draw(st.sets(st.sampled_from(NAMES), max_size=3))),
        )
        for number in range(draw(st.integers(0, 12)))
    ]
    return State(crew, seats, NOW, tickets)


@given(states())
def test_every_ticket_is_either_given_out_or_has_its_reason(state: State) -> None:
    decisions = match(state)
    decided = Counter(one.ticket.id for one in (*decisions.given, *decisions.waiting))
    assert decided == Counter(ticket.id for ticket in state.tickets)
    assert all(one.reason for one in (*decisions.given, *decisions.waiting))


@given(states())
def test_no_agent_is_given_more_than_he_has_room_for(state: State) -> None:
    before = {name: seat.load for name, seat in state.seats.items()}
    held = {name: Counter(seat.held) for name, seat in state.seats.items()}
    for one in match(state).given:
        before[one.agent] += one.ticket.need.weight
        held[one.agent][one.ticket.need.channel] += 1
        profile = state.crew.profiles[state.crew.index[one.agent]]
        assert before[one.agent] <= profile.capacity
        assert one.load == before[one.agent]
        cap = profile.channel_caps.get(one.ticket.need.channel)
        assert cap is None or held[one.agent][one.ticket.need.channel] <= cap


@given(states())
def test_only_the_eligible_are_given_a_ticket(state: State) -> None:
    for one in match(state).given:
        asks = one.ticket.need
        profile = state.crew.profiles[state.crew.index[one.agent]]
        assert state.seats[one.agent].presence == "available"
        assert asks.mode != "next"
        assert asks.shop is None or not profile.shops or asks.shop in profile.shops
        assert asks.language is None or not profile.languages or asks.language in profile.languages
        assert all(profile.skills.get(skill, 0) >= level for skill, level in asks.skills)


@given(states())
def test_nobody_who_waits_could_still_be_served_by_a_free_agent(state: State) -> None:
    """Feasible assignments are made: after the match, nobody has room for what was refused for room alone."""
    decisions = match(state)
    load = {name: seat.load for name, seat in state.seats.items()}
    for one in decisions.given:
        load[one.agent] += one.ticket.need.weight
    for left in decisions.waiting:
        if left.reason != "no-capacity":
            continue
        asks = left.ticket.need
        for profile in state.crew.profiles:
            fits = (
                state.seats[profile.id].presence == "available"
                and (asks.shop is None or not profile.shops or asks.shop in profile.shops)
                and (asks.language is None or not profile.languages or asks.language in profile.languages)
                and all(profile.skills.get(skill, 0) >= level for skill, level in asks.skills)
            )
            assert not fits or load[profile.id] + asks.weight > profile.capacity


@given(states())
def test_service_is_in_order(state: State) -> None:
    decisions = match(state)
    assert [one.ticket for one in decisions.given] == [
        ticket for ticket in in_order(state.tickets) if ticket in {one.ticket for one in decisions.given}
    ]


@given(states())
def test_a_ticket_later_in_order_changes_nothing_for_those_before_it(state: State) -> None:
    ordered = in_order(state.tickets)
    whole = match(state)
    for cut in range(len(ordered)):
        part = match(State(state.crew, state.seats, state.at, ordered[:cut]))
        kept = {ticket.id for ticket in ordered[:cut]}
        assert part.given == tuple(one for one in whole.given if one.ticket.id in kept)


@given(states(), st.randoms(use_true_random=False))
def test_the_same_state_gives_the_same_bytes_in_whatever_order_it_is_read(
    state: State, shuffled: random.Random
) -> None:
    tickets, names = list(state.tickets), list(state.seats)
    profiles_ = list(state.crew.profiles)
    for read in (tickets, names, profiles_):
        shuffled.shuffle(read)
    again = State(Crew(profiles_), {name: state.seats[name] for name in names}, state.at, tickets)
    assert repr(match(again)) == repr(match(state))


@given(states())
def test_the_best_candidate_is_the_one_who_gets_it(state: State) -> None:
    for one in match(state).given:
        scores = [candidate.score for candidate in one.candidates]
        assert one.candidates[0].agent == one.agent
        assert scores == sorted(scores, reverse=True)
        assert 1 <= len(one.candidates) <= 3


@settings(max_examples=60)
@given(states())
def test_the_heaps_choose_as_asking_every_agent_each_time_would(state: State) -> None:
    """Each ticket alone, on the floor as the ones before it left it, gets the same agent."""
    load = {name: seat.load for name, seat in state.seats.items()}
    held = {name: Counter(seat.held) for name, seat in state.seats.items()}
    since = {name: seat.idle_since for name, seat in state.seats.items()}
    whole: Decisions = match(state)
    chosen = {one.ticket.id: one for one in whole.given}
    for ticket in in_order(state.tickets):
        seats = {
            name: Seat(name, seat.presence, seat.channels, load[name], held[name], since[name])
            for name, seat in state.seats.items()
        }
        alone = match(State(state.crew, seats, state.at, [ticket]))
        agents = [one.agent for one in alone.given]
        expected = chosen.get(ticket.id)
        assert agents == ([expected.agent] if expected else [])
        if expected:
            load[expected.agent] += ticket.need.weight
            held[expected.agent][ticket.need.channel] += 1
            since[expected.agent] = expected.at

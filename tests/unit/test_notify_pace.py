"""How fast an account may send, and what its provider's failures do to that."""

import math

from hypothesis import given
from hypothesis import strategies as st

from services.notify.domain import pace as pacing
from services.notify.domain.pace import FRESH, TRIPS_AT, Pace


def room(pace: Pace, rate: float | None = None, in_flight: int = 0) -> int:
    return pacing.room(pace, rate_per_s=rate, at_once=8, in_flight=in_flight)[0]


def test_without_a_limit_only_the_calls_under_way_count() -> None:
    assert (room(FRESH), room(FRESH, in_flight=5), room(FRESH, in_flight=9)) == (8, 3, 0)


def test_a_bucket_holds_a_seconds_worth_and_fills_with_time() -> None:
    free, _, filled = pacing.room(FRESH, rate_per_s=4, at_once=8, in_flight=0)
    assert free == 4
    empty = pacing.spent(filled, 4)
    free, wait_s, _ = pacing.room(empty, rate_per_s=4, at_once=8, in_flight=0)
    assert (free, wait_s) == (0, 0.25)
    assert room(Pace(tokens=0, failures=0, elapsed_s=0.5), rate=4) == 2
    assert room(Pace(tokens=0, failures=0, elapsed_s=1), rate=0.5) == 0
    assert room(Pace(tokens=0, failures=0, elapsed_s=2), rate=0.5) == 1


def test_failures_in_a_row_open_the_circuit_and_one_answer_closes_it() -> None:
    pace = FRESH
    for _ in range(TRIPS_AT - 1):
        pace = pacing.failed(pace, None)
    assert room(pace) == 8
    pace = pacing.failed(pace, None)
    assert (room(pace), pace.open_s) == (0, 1)
    tried = Pace(tokens=pace.tokens, failures=pace.failures)
    assert (room(tried), room(tried, in_flight=1)) == (1, 0)
    assert pacing.failed(tried, None).open_s == 2
    assert room(pacing.answered(tried)) == 8


def test_calls_that_were_under_way_when_it_opened_do_not_count_again() -> None:
    pace = Pace(tokens=math.inf, failures=TRIPS_AT, open_s=1)
    assert pacing.failed(pace, 30) == pace


@given(
    st.floats(min_value=0.1, max_value=50),
    st.lists(st.tuples(st.floats(min_value=0, max_value=3), st.integers(min_value=0, max_value=60)), max_size=40),
)
def test_no_window_has_more_than_its_rate_and_one_burst(rate: float, story: list[tuple[float, int]]) -> None:
    pace, elapsed_s, begun = FRESH, 0.0, 0
    for wait_s, wanted in story:
        elapsed_s += wait_s
        waited = Pace(pace.tokens, 0, elapsed_s=wait_s)
        free, _, filled = pacing.room(waited, rate_per_s=rate, at_once=1000, in_flight=0)
        count = min(free, wanted)
        begun += count
        pace = pacing.spent(filled, count)
    assert begun <= max(1, rate) + elapsed_s * rate + 1e-6

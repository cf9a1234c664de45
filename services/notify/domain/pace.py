"""How fast an account may send: a token bucket for its rate, a circuit for the time its provider is down.

Kept in the database, so that replicas share them and a restart forgets nothing.
"""

import math
from dataclasses import dataclass, replace

TRIPS_AT = 5
"""So many failures in a row open the circuit."""
OPEN_MAX_S = 60.0


@dataclass(frozen=True, slots=True)
class Pace:
    """An account's state as it was read: seconds since it was written, and those for which it still stays open."""

    tokens: float
    failures: int
    open_s: float = 0.0
    elapsed_s: float = 0.0


FRESH = Pace(tokens=math.inf, failures=0)


def room(pace: Pace, *, rate_per_s: float | None, at_once: int, in_flight: int) -> tuple[int, float, Pace]:
    """How many sends may begin now, the seconds until there may be more, and the pace with its bucket filled.

    A bucket holds a second's worth and at least one. An open circuit lets nothing through; after its time a single
    send tries whether the provider is back.
    """
    burst = math.inf if rate_per_s is None else max(1.0, rate_per_s)
    tokens = burst if rate_per_s is None else min(burst, pace.tokens + pace.elapsed_s * rate_per_s)
    filled = replace(pace, tokens=tokens, elapsed_s=0.0)
    if pace.open_s > 0:
        return 0, pace.open_s, filled
    free = min(at_once, 1 if pace.failures >= TRIPS_AT else at_once) - in_flight
    wait_s = math.inf if rate_per_s is None or tokens >= 1 else (1 - tokens) / rate_per_s
    return max(0, min(free, math.floor(tokens) if math.isfinite(tokens) else free)), wait_s, filled


def spent(pace: Pace, count: int) -> Pace:
    """After so many sends have begun."""
    return replace(pace, tokens=pace.tokens - count)


def answered(pace: Pace) -> Pace:
    """The provider answered as it should, if only to refuse: the circuit closes."""
    return replace(pace, failures=0, open_s=0.0)


def failed(pace: Pace, retry_after_s: float | None) -> Pace:
    """It did not. Those that were under way when the circuit opened do not count again."""
    if pace.open_s > 0:
        return pace
    failures = pace.failures + 1
    if failures < TRIPS_AT:
        return replace(pace, failures=failures)
    open_s = max(min(2.0 ** (failures - TRIPS_AT), OPEN_MAX_S), min(retry_after_s or 0.0, OPEN_MAX_S))
    return replace(pace, failures=failures, open_s=open_s)

"""How long a small piece of work takes: the fastest of several runs, since others only ever add to it."""

import time
from collections.abc import Callable


def fastest_us(work: Callable[[], object], runs: int, *, repeats: int = 1) -> float:
    """Microseconds of one piece of work, in the fastest of so many runs of `repeats` each."""
    took = []
    for _ in range(runs):
        begun = time.perf_counter()
        for _ in range(repeats):
            work()
        took.append((time.perf_counter() - begun) / repeats * 1e6)
    return min(took)

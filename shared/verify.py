"""What `switchboard verify` reports: an invariant that does not hold, and where."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import asyncpg


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken invariant; `detail` names what was found, with ids, never content."""

    service: str
    invariant: str
    subject: str
    detail: str


Check = Callable[[asyncpg.Connection], Awaitable[list[Violation]]]
"""Reads one service's schema and gives what is wrong in it."""

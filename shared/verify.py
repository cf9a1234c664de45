"""What `switchboard verify` reports: an invariant that does not hold, and where."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

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

Find = Callable[[asyncpg.Connection, Sequence[UUID]], Awaitable[set[UUID]]]
"""Which of the records with these ids have their effect in this schema; what is not found was lost."""

Holders = Callable[[asyncpg.Connection], Awaitable[dict[UUID, str]]]
"""Who holds each ticket that has a holder, as this service knows it."""

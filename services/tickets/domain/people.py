"""Persons merged and parted again: a forest of pointers, so that undoing a merge gives back exactly what was.

Identities and messages stay with their own person, a *side*; who people see is the side's *root*. Nothing moves but the
pointer, and a ticket is its side's root's: what came since a merge goes, when it is undone, where its identity goes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from shared.errors import Conflict, Invalid

UNDO_FOR = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Side:
    """A person of his own, and whom he was merged into."""

    id: UUID
    merged_into: UUID | None = None
    merged_at: datetime | None = None
    erased: bool = False


Sides = Mapping[UUID, Side]


class MergedAway(Conflict):
    """The person lives on in another one."""

    def __init__(self, side: Side, root: UUID) -> None:
        super().__init__(f"person {side.id} was merged; go on with person {root}", reason="merged_away")


class NotMerged(Conflict):
    """There is no merge to undo."""

    def __init__(self, side: Side) -> None:
        super().__init__(f"person {side.id} is not merged into anybody; there is nothing to undo", reason="not_merged")


class UndoTooLate(Conflict):
    """The time to undo has passed."""

    def __init__(self, merged_at: datetime) -> None:
        super().__init__(
            f"merged at {merged_at.isoformat()}; a merge can be undone for {UNDO_FOR.days} days", reason="undo_too_late"
        )


class Erased(Conflict):
    """Nothing is left of the person that could be merged."""

    def __init__(self, side: Side) -> None:
        super().__init__(f"person {side.id} was erased; there is nothing to merge", reason="erased")


def sides(known: Iterable[Side]) -> dict[UUID, Side]:
    """By their ids."""
    return {side.id: side for side in known}


def root(known: Sides, side: UUID) -> UUID:
    """The person whom people see for this side."""
    while (into := known[side].merged_into) is not None:
        side = into
    return side


def roots(known: Sides) -> dict[UUID, UUID]:
    """The root of each."""
    return {side: root(known, side) for side in known}


def merge(known: Sides, one: UUID, into: UUID, now: datetime) -> dict[UUID, Side]:
    """One person lives on in another; both must be roots, so that no ring can come about.

    Raises Invalid, MergedAway or Erased.
    """
    if one == into:
        raise Invalid("a person cannot be merged with himself; name two persons", reason="same_person")
    for side in (known[one], known[into]):
        if side.erased:
            raise Erased(side)
        if side.merged_into is not None:
            raise MergedAway(side, root(known, side.id))
    return {**known, one: replace(known[one], merged_into=into, merged_at=now)}


def part(known: Sides, one: UUID, now: datetime) -> dict[UUID, Side]:
    """A merge undone: whoever was merged into this side goes with it. Raises NotMerged, UndoTooLate or Erased."""
    side = known[one]
    if side.erased:
        raise Erased(side)
    if side.merged_into is None or side.merged_at is None:
        raise NotMerged(side)
    if now - side.merged_at > UNDO_FOR:
        raise UndoTooLate(side.merged_at)
    return {**known, one: replace(side, merged_into=None, merged_at=None)}

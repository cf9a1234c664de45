"""Persons merged and parted, against a model that copies everything: no pointer, nothing shared."""

from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from services.tickets.domain import people
from services.tickets.domain.people import UNDO_FOR, Erased, MergedAway, NotMerged, Side, UndoTooLate, sides
from shared.errors import Invalid
from tests.factories import START

A, B, C = UUID(int=1), UUID(int=2), UUID(int=3)
KNOWN = sides(Side(id_) for id_ in (A, B, C))


def test_a_merge_undone_leaves_no_trace() -> None:
    assert people.part(people.merge(KNOWN, B, A, START), B, START + UNDO_FOR) == KNOWN


def test_merges_are_undone_in_any_order() -> None:
    chained = people.merge(people.merge(KNOWN, C, B, START), B, A, START)
    assert people.roots(chained) == {A: A, B: A, C: A}
    assert people.roots(people.part(chained, C, START)) == {A: A, B: A, C: C}
    assert people.roots(people.part(chained, B, START)) == {A: A, B: B, C: B}


def test_what_cannot_be_merged_is_refused_with_its_reason() -> None:
    merged = people.merge(KNOWN, B, A, START)
    with pytest.raises(Invalid) as same:
        people.merge(KNOWN, A, A, START)
    assert same.value.reason == "same_person"
    for one, into in ((B, C), (C, B), (A, B)):
        with pytest.raises(MergedAway, match=str(A)):
            people.merge(merged, one, into, START)
    with pytest.raises(Erased):
        people.merge({**KNOWN, B: Side(B, erased=True)}, C, B, START)


def test_what_cannot_be_undone_is_refused_with_its_reason() -> None:
    merged = people.merge(KNOWN, B, A, START)
    with pytest.raises(NotMerged):
        people.part(merged, A, START)
    with pytest.raises(UndoTooLate):
        people.part(merged, B, START + UNDO_FOR + timedelta(seconds=1))


class Merging(RuleBasedStateMachine):
    """Any sequence of merges, undos, new identities and new tickets."""

    people_ = Bundle("people")
    merged = Bundle("merged")

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[UUID, Side] = {}
        self.identities: dict[int, UUID] = {}
        """The side of each, as the database keeps it."""
        self.tickets: dict[int, UUID] = {}
        """The side of each; whose it is follows."""
        self.groups: list[set[UUID]] = []
        """The model: who is one person, as a plain set."""
        self.trees: dict[UUID, set[UUID]] = {}
        """The model: who was in a person when it was merged away, as a copy."""
        self.wrote: dict[int, int] = {}
        """The identity that each ticket came from."""

    def group(self, side: UUID) -> set[UUID]:
        return next(group for group in self.groups if side in group)

    @rule(target=people_)
    def somebody_new_writes(self) -> UUID:
        id_ = UUID(int=len(self.known) + 1)
        self.known[id_] = Side(id_)
        self.groups.append({id_})
        self.identities[len(self.identities)] = id_
        return id_

    @rule(target=merged, one=people_, into=people_)
    def merge(self, one: UUID, into: UUID) -> UUID:
        top, bottom = people.root(self.known, into), people.root(self.known, one)
        if top == bottom:
            with pytest.raises((Invalid, MergedAway)):
                people.merge(self.known, one, into, START)
            return bottom
        self.trees[bottom] = set(self.group(bottom))
        self.known = people.merge(self.known, bottom, top, START)
        self.group(top).update(self.trees[bottom])
        self.groups.remove(self.trees[bottom])
        return bottom

    @rule(one=consumes(merged))
    def undo(self, one: UUID) -> None:
        if self.known[one].merged_into is None:
            with pytest.raises(NotMerged):
                people.part(self.known, one, START)
            return
        whole = self.group(one)
        leaving = self.below(one)
        self.known = people.part(self.known, one, START)
        whole -= leaving
        self.groups.append(leaving)

    def below(self, one: UUID) -> set[UUID]:
        """Whoever was merged into this one and still is."""
        found = {one}
        while more := {side.id for side in self.known.values() if side.merged_into in found} - found:
            found |= more
        return found

    @rule(person=people_)
    def an_identity_is_linked_to_whoever_the_person_is_now(self, person: UUID) -> None:
        self.identities[len(self.identities)] = people.root(self.known, person)

    @rule(choice=st.integers(0, 1000))
    def a_ticket_comes_in_over_some_identity(self, choice: int) -> None:
        if self.identities:
            number = choice % len(self.identities)
            self.wrote[len(self.tickets)] = number
            self.tickets[len(self.tickets)] = self.identities[number]

    @invariant()
    def everybody_is_in_his_group_under_one_root(self) -> None:
        for group in self.groups:
            assert len({people.root(self.known, side) for side in group} & group) == 1
        assert sorted(side for group in self.groups for side in group) == sorted(self.known)

    @invariant()
    def every_ticket_is_with_the_person_who_has_its_identity(self) -> None:
        for ticket, side in self.tickets.items():
            person = people.root(self.known, self.identities[self.wrote[ticket]])
            assert people.root(self.known, side) == person
            assert person in self.group(side)


TestMerging = Merging.TestCase
TestMerging.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)

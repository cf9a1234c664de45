"""How a message stands after what was done to it, in whatever order that came."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tickets.domain.changes import Change, Standing, may, named, stand
from tests.factories import START, message

ADA, BOB = UUID(int=1), UUID(int=2)
FIRST = Standing("teh", ({"name": "a.png"},))


def change(kind: Any, text: str = "", minute: int = 1, number: int = 1, **more: Any) -> Change:
    fields: dict[str, Any] = {"by_desk": False, "person": ADA, "attachments": ()}
    return Change(kind, text=text, at=START + timedelta(minutes=minute), number=number, **{**fields, **more})


def test_an_edit_shows_the_newest_words_and_keeps_the_first() -> None:
    after = stand(FIRST, START, [change("edit", "the", 1), change("edit", "then", 2)])
    assert (after.text, after.edited_at) == ("then", START + timedelta(minutes=2))
    assert [version.text for version in after.versions] == ["teh", "the", "then"]
    assert after.attachments == FIRST.attachments


def test_a_file_that_an_edit_names_again_is_the_one_that_was_fetched() -> None:
    here = {"name": "a.png", "reference": "1", "blob": "main/a"}
    again, other = {"name": "a.png", "reference": "1"}, {"name": "b.png", "reference": "2"}
    edited = change("edit", "the", attachments=(again, other))
    assert stand(Standing("teh", (here,)), START, [edited]).attachments == (here, other)


def test_of_two_edits_of_one_moment_the_later_accepted_counts() -> None:
    assert stand(FIRST, START, [change("edit", "b", 1, 2), change("edit", "a", 1, 1)]).text == "b"


def test_a_withdrawn_message_shows_no_words_whatever_was_edited() -> None:
    after = stand(FIRST, START, [change("withdrawal", minute=3), change("edit", "the", 5)])
    assert (after.text, after.attachments, after.versions) == (None, (), ())
    assert after.withdrawn_at == START + timedelta(minutes=3)


def test_a_reaction_is_kept_until_it_is_taken_back() -> None:
    liked = [change("reaction", "👍", 1), change("reaction", "🎉", 1, person=BOB), change("reaction", "❤", 2)]
    assert [(r.emoji, r.person) for r in stand(FIRST, START, liked).reactions] == [("❤", ADA), ("🎉", BOB)]
    taken_back = [*liked, change("reaction", "", 3)]
    assert [r.emoji for r in stand(FIRST, START, taken_back).reactions] == ["🎉"]


@pytest.mark.parametrize(
    ("kind", "by_desk", "person", "allowed"),
    [
        ("edit", False, ADA, True),
        ("edit", False, BOB, False),
        ("edit", True, ADA, False),
        ("withdrawal", False, BOB, False),
        ("reaction", False, BOB, True),
        ("reaction", True, ADA, True),
    ],
)
def test_only_its_author_edits_or_withdraws_a_customers_message(
    kind: Any, by_desk: bool, person: UUID, allowed: bool
) -> None:
    assert may(change(kind, by_desk=by_desk, person=person), by_desk=False, person=ADA) is allowed


def test_the_desk_changes_its_own_messages_whoever_they_went_to() -> None:
    assert may(change("edit", by_desk=True, person=ADA), by_desk=True, person=BOB)
    assert not may(change("edit", person=ADA), by_desk=True, person=ADA)


def test_what_a_message_does_to_which() -> None:
    assert named(message(edit_of="1").data) == ("edit", "1")
    assert named(message(withdraws="1").data) == ("withdrawal", "1")
    assert named(message(reacts_to="1").data) == ("reaction", "1")
    assert named(message().data) is None


CHANGES = st.lists(
    st.builds(
        change,
        st.sampled_from(["edit", "withdrawal", "reaction"]),
        st.sampled_from(["", "a", "b"]),
        st.integers(1, 3),
        st.integers(1, 10**6),
        by_desk=st.booleans(),
        person=st.sampled_from([ADA, BOB]),
    ),
    max_size=8,
    unique_by=lambda one: one.number,
)


@given(CHANGES, st.randoms())
def test_the_order_in_which_changes_come_says_nothing(changes: list[Change], chance: Any) -> None:
    shuffled = list(changes)
    chance.shuffle(shuffled)
    assert set(stand(FIRST, START, shuffled).reactions) == set(stand(FIRST, START, changes).reactions)
    assert stand(FIRST, START, shuffled).text == stand(FIRST, START, changes).text
    assert stand(FIRST, START, shuffled).versions == stand(FIRST, START, changes).versions

"""The same thing happening again gets the same id; different things get different ones."""

from uuid import UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from shared.ids import NAMESPACE, derived_id, inbound_id, new_id

PART = st.text(st.characters(exclude_characters="\x1f", exclude_categories=["Cs"]), max_size=20)


@given(parts=st.tuples(PART, PART, PART, PART))
def test_a_providers_retry_has_the_id_of_the_first_delivery(parts: tuple[str, str, str, str]) -> None:
    assert inbound_id(*parts) == inbound_id(*parts)


@given(one=st.tuples(PART, PART, PART, PART), other=st.tuples(PART, PART, PART, PART))
def test_different_messages_have_different_ids(
    one: tuple[str, str, str, str], other: tuple[str, str, str, str]
) -> None:
    assert (inbound_id(*one) == inbound_id(*other)) == (one == other)


@given(cause=st.uuids(), type_=PART, subject=PART, ordinals=st.lists(st.integers(0, 100), unique=True))
def test_what_one_record_causes_is_told_apart_by_ordinal(
    cause: UUID, type_: str, subject: str, ordinals: list[int]
) -> None:
    ids = [derived_id(cause, type_, subject, ordinal) for ordinal in ordinals]
    assert len(set(ids)) == len(ordinals)
    assert ids == [derived_id(cause, type_, subject, ordinal) for ordinal in ordinals]


@given(cause=st.uuids(), parts=st.tuples(PART, PART, PART, PART))
def test_they_are_uuids_of_version_5(cause: UUID, parts: tuple[str, str, str, str]) -> None:
    assert inbound_id(*parts) == uuid5(NAMESPACE, "\x1f".join(("inbound", *parts)))
    assert derived_id(cause, *parts[:2], 3) == uuid5(cause, f"{parts[0]}\x1f{parts[1]}\x1f3")


def test_new_ids_are_uuid_7_and_grow_with_time() -> None:
    made = [new_id() for _ in range(1000)]
    assert len(set(made)) == len(made)
    assert {(one.version, one.variant) for one in made} == {(7, "specified in RFC 4122")}
    stamps = [one.int >> 80 for one in made]
    assert stamps == sorted(stamps)

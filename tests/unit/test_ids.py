"""Identifiers, without anything running."""

from uuid import UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from shared.ids import NAMESPACE, derived_id, inbound_id, new_id


@given(st.uuids(), st.text(st.characters(exclude_categories=["Cs"])), st.integers(0, 9))
def test_a_derived_id_is_a_uuid_of_version_5(cause: UUID, subject: str, ordinal: int) -> None:
    assert derived_id(cause, "switchboard.x.v1", subject, ordinal) == uuid5(
        cause, f"switchboard.x.v1\x1f{subject}\x1f{ordinal}"
    )


def test_an_inbound_id_is_made_of_workspace_channel_account_and_natural_id() -> None:
    name = "\x1f".join(("inbound", "main", "telegram", "bot", "7:1"))
    assert inbound_id("main", "telegram", "bot", "7:1") == uuid5(NAMESPACE, name)


def test_new_ids_are_of_version_7_and_grow() -> None:
    made = [new_id() for _ in range(3)]
    assert {(id_.version, id_.variant) for id_ in made} == {(7, "specified in RFC 4122")}
    assert [id_.int >> 80 for id_ in made] == sorted(id_.int >> 80 for id_ in made)

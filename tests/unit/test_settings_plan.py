"""A plan of changes: the order that works, the diff that is shown, the warnings that stay."""

from itertools import permutations

from shared.contracts.settings import KINDS
from switchboard.settings_plan import ORDER, Change, place, shown, unresolved


def test_every_kind_has_its_place_in_the_order() -> None:
    assert set(ORDER) == set(KINDS)


def test_what_is_referred_to_is_applied_before_what_refers_to_it() -> None:
    for first, then in (
        ("shop", "account"),
        ("skill", "agent"),
        ("team", "agent"),
        ("shop", "agent"),
        ("skill", "routing"),
    ):
        assert place(first) < place(then)


def test_the_order_does_not_depend_on_the_file() -> None:
    for kinds in permutations(("account", "shop", "agent")):
        assert sorted(kinds, key=place) == ["shop", "agent", "account"]


def test_a_change_is_shown_line_by_line() -> None:
    change = Change("shop", "north", "update", 3, {"name": "North", "zone": "UTC"}, {"name": "Noord", "zone": "UTC"})
    assert shown(change).plain.splitlines() == [
        "~ shop north  (version 3)",
        "    -name: North",
        "    +name: Noord",
        "     zone: UTC",
    ]


def test_a_new_document_is_shown_whole_and_one_to_delete_too() -> None:
    created = shown(Change("shop", "north", "create", 0, None, {"name": "North"})).plain
    deleted = shown(Change("shop", "north", "delete", 2, {"name": "North"}, None)).plain
    assert created.splitlines() == ["+ shop north", "    +name: North"]
    assert deleted.splitlines() == ["- shop north  (version 2)", "    -name: North"]


def test_a_reference_to_what_the_same_file_brings_is_no_warning() -> None:
    team = Change("team", "first", "create", after={"name": "First"})
    agent = Change(
        "agent",
        "ada",
        "create",
        after={"name": "Ada"},
        warnings=(
            "/team: there is no team first yet; what needs it waits",
            "/shops/0: there is no shop north yet; what needs it waits",
        ),
    )
    assert [warning for _, warning in unresolved([team, agent])] == [
        "/shops/0: there is no shop north yet; what needs it waits"
    ]

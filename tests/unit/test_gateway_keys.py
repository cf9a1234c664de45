"""API keys: what one looks like, what is kept of it, and which cannot be."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from services.gateway import keys
from services.gateway.caller import Standing
from shared.errors import Invalid, Unauthenticated
from shared.identity import Role


def test_a_fresh_key_proves_itself_by_what_is_kept_of_it() -> None:
    fresh = keys.fresh()
    id_, text = keys.id_of(f"Bearer {fresh.text}")
    assert id_ == fresh.id
    assert keys.proves(text, fresh.hash)
    assert fresh.text.encode() not in fresh.hash


def test_two_keys_have_nothing_in_common() -> None:
    one, other = keys.fresh(), keys.fresh()
    assert one.id != other.id
    assert not keys.proves(one.text, other.hash)


def test_another_secret_behind_a_known_id_proves_nothing() -> None:
    fresh = keys.fresh()
    forged = f"sb_{fresh.id}_{'0' * 64}"
    assert not keys.proves(forged, fresh.hash)


def test_a_fresh_key_is_not_shown_by_accident() -> None:
    fresh = keys.fresh()
    assert fresh.text not in repr(fresh)
    assert fresh.text not in f"{fresh}"


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "Basic c2I6eA==", "Bearer sb_x_y", "Bearer " + "sb_" * 500, "bearer tok\u00e9n"],
)
def test_what_is_no_key_of_ours_is_refused_without_asking_anybody(header: str | None) -> None:
    with pytest.raises(Unauthenticated) as caught:
        keys.id_of(header)
    assert "sb_x_y" not in str(caught.value)


@pytest.mark.parametrize(
    ("role", "workspace", "agent", "shops", "wrong"),
    [
        ("installation", "main", None, (), "/role"),
        ("admin", None, None, (), "/role"),
        ("agent", "main", None, (), "/agent"),
        ("integrator", "main", "ada", (), "/agent"),
        ("installation", None, "ada", (), "/agent"),
        ("admin", "main", None, ("north",), "/shops"),
    ],
)
def test_a_key_that_cannot_be_is_refused_with_the_field(
    role: Role, workspace: str | None, agent: str | None, shops: tuple[str, ...], wrong: str
) -> None:
    with pytest.raises(Invalid) as caught:
        keys.require_sound(role, workspace, agent, shops)
    assert wrong in [field["pointer"] for field in caught.value.fields]


@pytest.mark.parametrize(
    ("role", "workspace", "agent", "shops"),
    [
        ("installation", None, None, ()),
        ("admin", "main", None, ()),
        ("lead", "main", "ada", ()),
        ("agent", "main", "ada", ("north",)),
        ("integrator", "main", None, ("north",)),
    ],
)
def test_a_key_that_can_be_is_taken(
    role: Role, workspace: str | None, agent: str | None, shops: tuple[str, ...]
) -> None:
    keys.require_sound(role, workspace, agent, shops)


def test_a_workspaces_key_stays_in_its_workspace_whatever_was_chosen() -> None:
    key = keys.Key("0" * 16, "main", "agent", "ada", ("north",), "", datetime(2026, 1, 1, tzinfo=UTC))
    who = Standing.of_key(key).identity("other")
    assert (who.workspace, who.agent, who.shops, who.principal) == ("main", "ada", ("north",), f"key/{'0' * 16}")
    installation = Standing.of_key(replace(key, workspace=None, role="installation"))
    assert installation.identity("other").workspace == "other"

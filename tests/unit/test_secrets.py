"""Secrets of accounts: what was sealed opens again with the key, and nothing else tells what it is."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.settings import Secret
from shared.errors import Invalid, StoreUnavailable
from shared.secrets import open_secret, seal

KEY = "an installation key of good length"


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=8, max_size=200))
def test_a_sealed_secret_opens_to_what_was_sealed(value: str) -> None:
    sealed = seal(value, KEY)
    assert sealed.value is None
    assert value not in (sealed.sealed or "")
    assert open_secret(sealed, KEY) == value


def test_after_a_rotation_old_secrets_open_and_new_ones_are_sealed_with_the_new_key() -> None:
    old = seal("the old webhook secret", "old key")
    new = seal("the new webhook secret", "new key,old key")
    assert open_secret(old, "new key,old key") == "the old webhook secret"
    assert open_secret(new, "new key") == "the new webhook secret"


def test_a_secret_of_another_installation_does_not_open_and_the_error_holds_neither_token_nor_key() -> None:
    sealed = seal("the webhook secret", "another key")
    with pytest.raises(StoreUnavailable) as caught:
        open_secret(sealed, KEY)
    assert "SWITCHBOARD_KEY" in str(caught.value)
    assert KEY not in str(caught.value)
    assert (sealed.sealed or "") not in str(caught.value)


def test_without_an_installation_key_nothing_is_sealed() -> None:
    with pytest.raises(StoreUnavailable, match="SWITCHBOARD_KEY is not set"):
        seal("the webhook secret", "")


def test_a_secret_is_read_from_the_variable_it_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_WEBHOOK_SECRET", "from the environment")
    assert open_secret(Secret(env="SHOP_WEBHOOK_SECRET"), KEY) == "from the environment"


def test_an_unset_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOP_WEBHOOK_SECRET", raising=False)
    with pytest.raises(StoreUnavailable, match="SHOP_WEBHOOK_SECRET is not set"):
        open_secret(Secret(env="SHOP_WEBHOOK_SECRET"), KEY)


def test_our_own_variables_are_nobodys_webhook_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWITCHBOARD_KEY", KEY)
    with pytest.raises(Invalid, match="belongs to Switchboard"):
        open_secret(Secret(env="SWITCHBOARD_KEY"), KEY)


def test_a_secret_is_read_from_a_file_without_its_last_line_break(tmp_path: Path) -> None:
    file = tmp_path / "webhook"
    file.write_text("from a mounted file\n")
    assert open_secret(Secret(file=str(file)), KEY) == "from a mounted file"


def test_a_missing_file_is_named_and_may_appear_later(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="missing is not readable"):
        open_secret(Secret(file=str(tmp_path / "missing")), KEY)


@pytest.mark.parametrize("content", [b"x" * 5000, b"\xff\xfe\xfa secret"])
def test_a_file_that_is_no_secret_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "webhook"
    file.write_bytes(content)
    with pytest.raises(Invalid):
        open_secret(Secret(file=str(file)), KEY)


def test_a_secret_in_plain_text_is_not_used_until_the_gateway_has_sealed_it() -> None:
    with pytest.raises(Invalid, match="never sealed") as caught:
        open_secret(Secret(value="plain text secret"), KEY)
    assert "plain text secret" not in str(caught.value)

"""Which account a webhook's address names, and with which secrets."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from services.ingest.accounts import Accounts
from services.ingest.config import Config
from shared.bus import SettingsReader
from shared.contracts.envelope import Event
from shared.contracts.settings import SettingChanged
from shared.errors import StoreUnavailable, Unauthenticated
from shared.ids import new_id
from shared.secrets import seal

KEY = "an-installation-key-for-tests-only"


class Desk:
    """Settings as ingest has read them."""

    def __init__(self, *, reread_s: float = 60) -> None:
        self.settings = SettingsReader(Config(), "ingest")
        self.settings._read_to_end.set()
        self.accounts = Accounts(self.settings, KEY, reread_s=reread_s)
        self.version = 0

    def save(self, *, deleted: bool = False, **document: Any) -> None:
        """A new version of the account `form`."""
        self.version += 1
        data = SettingChanged(kind="account", document_id="form", document=document, deleted=deleted)
        now = datetime(2026, 1, 2, tzinfo=UTC)
        self.settings.apply(Event(new_id(), "gateway", now, "main", data, version=self.version))


def sealed(*secrets: str) -> dict[str, Any]:
    return {
        "channel": "http",
        "shop": "bikes",
        "secrets": [seal(secret, KEY).model_dump(exclude_none=True) for secret in secrets],
    }


def test_an_account_is_opened_with_its_workspace_shop_and_secrets_newest_first() -> None:
    desk = Desk()
    desk.save(**sealed("the-new-one", "the-old-one"))
    account = desk.accounts.open("http", "form")
    assert (account.workspace, account.shop, account.id) == ("main", "bikes", "form")
    assert account.secrets == ("the-new-one", "the-old-one")
    assert "the-new-one" not in repr(account)


def test_a_new_version_is_used_at_once() -> None:
    desk = Desk()
    desk.save(**sealed("the-first-one"))
    desk.accounts.open("http", "form")
    desk.save(**sealed("the-second-one"))
    assert desk.accounts.open("http", "form").secrets == ("the-second-one",)


def test_an_unchanged_account_is_opened_once() -> None:
    desk = Desk()
    desk.save(**sealed("the-only-one"))
    assert desk.accounts.open("http", "form") is desk.accounts.open("http", "form")


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"deleted": True}, "unknown_account"),
        (sealed("a-secret") | {"channel": "telegram"}, "unknown_account"),
        (sealed("a-secret") | {"enabled": False}, "account_disabled"),
    ],
    ids=["deleted", "of another channel", "off"],
)
def test_an_account_that_takes_nothing_is_refused(document: dict[str, Any], reason: str) -> None:
    desk = Desk()
    desk.save(**sealed("a-secret"))
    desk.accounts.open("http", "form")
    desk.save(**document)
    with pytest.raises(Unauthenticated) as refused:
        desk.accounts.open("http", "form")
    assert refused.value.reason == reason


def test_before_the_settings_are_read_nobody_is_called_unknown() -> None:
    desk = Desk()
    desk.settings._read_to_end.clear()
    with pytest.raises(StoreUnavailable):
        desk.accounts.open("http", "form")


def test_a_secret_in_a_file_is_read_again_and_the_others_work_while_it_is_away(tmp_path: Path) -> None:
    desk = Desk(reread_s=-1)
    file = tmp_path / "secret"
    file.write_text("from-the-file\n")
    desk.save(**sealed("sealed-one") | {"secrets": [{"file": str(file)}, *sealed("sealed-one")["secrets"]]})
    assert desk.accounts.open("http", "form").secrets == ("from-the-file", "sealed-one")
    file.write_text("changed-in-place\n")
    assert desk.accounts.open("http", "form").secrets == ("changed-in-place", "sealed-one")
    file.unlink()
    assert desk.accounts.open("http", "form").secrets == ("sealed-one",)


def test_an_account_whose_secret_does_not_open_may_open_later() -> None:
    desk = Desk()
    foreign = seal("a-secret", "another-installations-key").model_dump(exclude_none=True)
    desk.save(channel="http", shop="bikes", secrets=[foreign])
    with pytest.raises(StoreUnavailable) as away:
        desk.accounts.open("http", "form")
    assert away.value.reason == "secret_unavailable"

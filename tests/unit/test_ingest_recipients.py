"""Which accounts an address belongs to."""

from uuid import uuid4

import pytest

from services.ingest.mail.recipients import Recipients
from shared.bus import SettingsReader
from shared.config import ServiceConfig
from shared.contracts.envelope import Event
from shared.contracts.settings import SettingChanged
from shared.errors import MayPass, NotFound
from tests.unit.channel_requests import NOW


class Settings(SettingsReader):
    """Read whole already."""

    def __init__(self) -> None:
        super().__init__(ServiceConfig(), "ingest")

    def ready(self) -> bool:
        return True

    def save(self, kind: str, id_: str, document: dict[str, object], workspace: str = "main", version: int = 1) -> None:
        data = SettingChanged(kind=kind, document_id=id_, document=document)
        event = Event(id=uuid4(), source="test", time=NOW, workspace=workspace, version=version, data=data)
        self.apply(event)


def account(addresses: str, **more: object) -> dict[str, object]:
    return {"channel": "mail", "shop": "bikes", "options": {"addresses": addresses}} | more


@pytest.fixture
def settings() -> Settings:
    made = Settings()
    for workspace in ("main", "other"):
        made.save("workspace", workspace, {"name": workspace}, workspace)
    made.save("account", "care", account("Care@Bikes.example, help@bikes.example"))
    made.save("account", "both", account("help@bikes.example"))
    made.save("account", "off", account("off@bikes.example", enabled=False))
    made.save("account", "form", account("form@bikes.example", channel="http"))
    return made


def ids(settings: Settings, address: str) -> list[str]:
    return [box.id for box in Recipients(settings, "k" * 32, reread_s=2).of(address)]


@pytest.mark.parametrize("address", ["care@bikes.example", "CARE+order-7@bikes.EXAMPLE", '"care"@bikes.example.'])
def test_case_and_what_stands_behind_a_plus_say_nothing(settings: Settings, address: str) -> None:
    assert ids(settings, address) == ["care"]


def test_an_address_may_belong_to_several_accounts(settings: Settings) -> None:
    assert ids(settings, "help@bikes.example") == ["care", "both"]


@pytest.mark.parametrize("address", ["", "care", "@", "x@bikes.example", "form@bikes.example", "care@bells.example"])
def test_nobody_has_any_other_address(settings: Settings, address: str) -> None:
    with pytest.raises(NotFound):
        ids(settings, address)


def test_who_is_switched_off_may_come_back(settings: Settings) -> None:
    with pytest.raises(MayPass):
        ids(settings, "off@bikes.example")


def test_no_workspace_gets_the_mail_of_another(settings: Settings) -> None:
    settings.save("account", "taker", account("care@bikes.example"), "other")
    with pytest.raises(MayPass):
        ids(settings, "care@bikes.example")


def test_a_changed_account_counts_at_once(settings: Settings) -> None:
    recipients = Recipients(settings, "k" * 32, reread_s=2)
    assert recipients.of("care@bikes.example")
    settings.save("account", "care", account("new@bikes.example"), version=2)
    assert recipients.of("new@bikes.example")
    with pytest.raises(NotFound):
        recipients.of("care@bikes.example")

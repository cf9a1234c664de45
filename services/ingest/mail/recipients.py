"""Which accounts a mail is for: each has addresses of its own, and what stands behind a plus is the account's too."""

from dataclasses import dataclass

from services.ingest.compose import Arrival
from shared.accounts import OpenAccounts
from shared.bus import SettingsReader
from shared.channels import CHANNELS
from shared.channels.base import Request
from shared.contracts.settings import Account
from shared.errors import MayPass, NotFound

MAIL_CHANNELS = frozenset(name for name, channel in CHANNELS.items() if channel.takes_mail)
ENVELOPE_TO = "envelope-to"
ENVELOPE_FROM = "envelope-from"


@dataclass(frozen=True, slots=True)
class Box:
    """An account that mail may come in over."""

    workspace: str
    id: str
    document: Account


class Recipients:
    """Finds the accounts of an address; what it knows is made anew after an account changed."""

    def __init__(self, settings: SettingsReader, key: str, *, reread_s: float) -> None:
        self._settings = settings
        self._opened = OpenAccounts(key, reread_s=reread_s)
        self._by_address: dict[str, list[Box]] | None = None
        settings.on_change(self._changed)

    def _changed(self, _workspace: str, kind: str, _id: str) -> None:
        if kind == "account":
            self._by_address = None

    def of(self, address: str) -> list[Box]:
        """The accounts of this address, all of one workspace.

        Raises NotFound where nobody has it, MayPass where it cannot be said now.
        """
        if not self._settings.ready():
            raise MayPass("the settings are not read yet", reason="starting")
        if self._by_address is None:
            self._by_address = indexed(boxes(self._settings))
        found = next((those for way in ways(address) if (those := self._by_address.get(way))), [])
        if not found:
            raise NotFound("nobody here has this address", reason="unknown_recipient")
        if len({box.workspace for box in found}) > 1:
            raise MayPass("two workspaces claim this address; one has to let it go", reason="claimed_twice")
        enabled = [box for box in found if box.document.enabled]
        if not enabled:
            raise MayPass("the account of this address is switched off", reason="account_disabled")
        return enabled

    def arrival(self, box: Box, request: Request, trace: str) -> Arrival:
        """A mail that came for the account."""
        opened = self._opened.open(box.workspace, box.id, box.document)
        return Arrival(CHANNELS[box.document.channel], opened.context, request, trace)


def boxes(settings: SettingsReader) -> list[Box]:
    """Every account that mail may come in over."""
    return [
        Box(workspace, id_, document)
        for workspace in settings.workspaces()
        for id_, document in settings.all("account", workspace).items()
        if isinstance(document, Account) and document.channel in MAIL_CHANNELS
    ]


def indexed(found: list[Box]) -> dict[str, list[Box]]:
    """Accounts by the addresses in their option `addresses`."""
    by_address: dict[str, list[Box]] = {}
    for box in found:
        for given in box.document.options.get("addresses", "").split(","):
            if "@" in given:
                by_address.setdefault(ways(given)[0], []).append(box)
    return by_address


def ways(address: str) -> tuple[str, ...]:
    """How an address may be listed: as it is, and without what stands behind the plus; case says nothing."""
    local, _, domain = address.strip().casefold().rpartition("@")
    if len(local) > 1 and local[0] == local[-1] == '"':
        local = local[1:-1]
    domain = domain.removesuffix(".")
    return f"{local}@{domain}", f"{local.partition('+')[0]}@{domain}"

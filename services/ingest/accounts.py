"""The accounts that requests name, ready to verify them."""

from typing import cast

from shared.accounts import OpenAccounts
from shared.bus import SettingsReader
from shared.channels.base import AccountContext
from shared.contracts.settings import Account
from shared.errors import StoreUnavailable, Unauthenticated


class Accounts:
    """Finds accounts by the id that stands in a webhook's address."""

    def __init__(self, settings: SettingsReader, key: str, *, reread_s: float) -> None:
        self._settings = settings
        self._opened = OpenAccounts(key, reread_s=reread_s)

    def open(self, channel: str, account_id: str) -> AccountContext:
        """The account of this channel, ready to verify a request.

        Raises Unauthenticated where there is none (401 and never 403: a provider that gives up on 403 would lose
        what comes before the account is set right), StoreUnavailable where it cannot be known or opened now.
        """
        found = self._settings.find("account", account_id)
        if found is None:
            self._opened.forget(account_id)
            if not self._settings.ready():
                raise StoreUnavailable("the settings are not read yet; try again shortly", reason="starting")
            raise Unauthenticated("there is no such account; check the address", reason="unknown_account")
        workspace, document = found[0], cast("Account", found[1])
        opened = self._opened.open(workspace, account_id, document)
        if not opened.context.secrets:
            raise StoreUnavailable(
                "the account has no secret that opens, so no request to it can be proved",
                reason="secret_unavailable",
            ) from opened.failed
        if document.channel != channel:
            raise Unauthenticated(
                f"this is no account of the channel {channel}; check the address",
                reason="unknown_account",
            )
        if not document.enabled:
            raise Unauthenticated("the account is switched off", reason="account_disabled")
        return opened.context

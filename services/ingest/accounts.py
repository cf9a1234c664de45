"""The accounts that requests name, with their secrets opened once per version and not once per request."""

import logging
import time
from dataclasses import dataclass
from typing import cast

from shared.bus import SettingsReader
from shared.channels.base import AccountContext
from shared.contracts.settings import Account
from shared.errors import StoreUnavailable, SwitchboardError, Unauthenticated
from shared.secrets import open_secret

log = logging.getLogger(__name__)

COMPLAIN_S = 60


@dataclass(frozen=True, slots=True)
class _Opened:
    document: Account
    context: AccountContext
    until: float


class Accounts:
    """Opens accounts; what is kept of one is used while its document is the same."""

    def __init__(self, settings: SettingsReader, key: str, *, reread_s: float) -> None:
        self._settings = settings
        self._key = key
        self._reread_s = reread_s
        self._opened: dict[str, _Opened] = {}
        self._complained: dict[str, float] = {}

    def open(self, channel: str, account_id: str) -> AccountContext:
        """The account of this channel, ready to verify a request.

        Raises Unauthenticated where there is none (401 and never 403: a provider that gives up on 403 would lose
        what comes before the account is set right), StoreUnavailable where it cannot be known or opened now.
        """
        found = self._settings.find("account", account_id)
        if found is None:
            self._opened.pop(account_id, None)
            if not self._settings.ready():
                raise StoreUnavailable("the settings are not read yet; try again shortly", reason="starting")
            raise Unauthenticated("there is no such account; check the address", reason="unknown_account")
        workspace, document = found[0], cast("Account", found[1])
        kept = self._opened.get(account_id)
        if kept is None or kept.document is not document or time.monotonic() > kept.until:
            kept = self._opened[account_id] = self._open(workspace, account_id, document)
        if document.channel != channel:
            raise Unauthenticated(
                f"this is no account of the channel {channel}; check the address",
                reason="unknown_account",
            )
        if not document.enabled:
            raise Unauthenticated("the account is switched off", reason="account_disabled")
        return kept.context

    def _open(self, workspace: str, account_id: str, document: Account) -> _Opened:
        """The document with its secrets; one that cannot be opened is passed over while another one can."""
        secrets, failed = [], None
        for secret in document.secrets:
            try:
                secrets.append(open_secret(secret, self._key))
            except SwitchboardError as error:
                failed = error
                self._complain(account_id, error)
        if not secrets:
            raise StoreUnavailable(
                "the account has no secret that opens, so no request to it can be proved",
                reason="secret_unavailable",
            ) from failed
        sealed = failed is None and all(secret.sealed is not None for secret in document.secrets)
        until = float("inf") if sealed else time.monotonic() + self._reread_s
        context = AccountContext(
            workspace=workspace,
            shop=document.shop,
            id=account_id,
            secrets=tuple(secrets),
            options=document.options,
        )
        return _Opened(document, context, until)

    def _complain(self, account_id: str, error: SwitchboardError) -> None:
        """Say it loudly, and again every minute, however many requests come."""
        now = time.monotonic()
        if now - self._complained.get(account_id, -COMPLAIN_S) >= COMPLAIN_S:
            self._complained[account_id] = now
            log.error(
                "a secret of an account does not open",
                extra={"account": account_id, "reason": error.reason, "error": str(error)},
            )

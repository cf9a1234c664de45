"""Accounts with their secrets opened once per version and not once per message, for whoever receives or sends."""

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass

from shared.channels.base import AccountContext
from shared.contracts.settings import Account, Secret
from shared.errors import SwitchboardError
from shared.secrets import open_secret

log = logging.getLogger(__name__)

COMPLAIN_S = 60


@dataclass(frozen=True, slots=True)
class Opened:
    """An account with what opens of its secrets; `failed` is why one of them does not."""

    document: Account
    context: AccountContext
    failed: SwitchboardError | None
    until: float


class OpenAccounts:
    """Opens accounts; what is kept of one is used while its document is the same.

    A secret that stands in a file or a variable is read again after `reread_s`, so that it can be rotated in place, and
    one that does not open with every request, so that it works as soon as it is there.
    `credentials` are opened only for who sends.
    """

    def __init__(self, key: str, *, reread_s: float, credentials: bool = False) -> None:
        self._key = key
        self._reread_s = reread_s
        self._credentials = credentials
        self._opened: dict[str, Opened] = {}
        self._complained: dict[str, float] = {}

    def open(self, workspace: str, account_id: str, document: Account) -> Opened:
        """The account as this version of its document has it; a secret that does not open is passed over."""
        kept = self._opened.get(account_id)
        if kept is None or kept.document is not document or time.monotonic() > kept.until:
            kept = self._opened[account_id] = self._open(workspace, account_id, document)
        return kept

    def forget(self, account_id: str) -> None:
        """There is no such account any more."""
        self._opened.pop(account_id, None)

    def _open(self, workspace: str, account_id: str, document: Account) -> Opened:
        failed: list[SwitchboardError] = []
        context = AccountContext(
            workspace=workspace,
            shop=document.shop,
            id=account_id,
            secrets=self._texts(account_id, document.secrets, failed),
            options=document.options,
            credentials=self._texts(account_id, document.credentials if self._credentials else (), failed),
        )
        given = (*document.secrets, *document.credentials)
        sealed = not failed and all(secret.sealed is not None for secret in given)
        until = float("inf") if sealed else time.monotonic() + (0 if failed else self._reread_s)
        return Opened(document, context, failed[-1] if failed else None, until)

    def _texts(self, account_id: str, secrets: Iterable[Secret], failed: list[SwitchboardError]) -> tuple[str, ...]:
        texts = []
        for secret in secrets:
            try:
                texts.append(open_secret(secret, self._key))
            except SwitchboardError as error:
                failed.append(error)
                self._complain(account_id, error)
        return tuple(texts)

    def _complain(self, account_id: str, error: SwitchboardError) -> None:
        """Say it loudly, and again every minute, however many messages come."""
        now = time.monotonic()
        if now - self._complained.get(account_id, -COMPLAIN_S) >= COMPLAIN_S:
            self._complained[account_id] = now
            log.error(
                "a secret of an account does not open",
                extra={"account": account_id, "reason": error.reason, "error": str(error)},
            )

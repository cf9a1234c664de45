"""One try: the answer made into requests, one of them sent within the lease, and what came of it."""

import asyncio
import logging
import time
import traceback
from dataclasses import dataclass
from datetime import datetime

from services.notify.config import Config
from services.notify.domain.send import Send
from services.notify.windows import fitting
from shared.accounts import OpenAccounts
from shared.blobs import BlobStore
from shared.bus import SettingsReader
from shared.channels import CHANNELS
from shared.channels.base import MIB, AccountContext, Channel
from shared.channels.outgoing.clients import Clients
from shared.channels.outgoing.outcomes import Accepted, Outcome, Rejected, Rendered, TryLater, Unsure
from shared.clock import Clock
from shared.contracts.inbound_messages import Attachment
from shared.contracts.outbound_commands import SendMessage
from shared.contracts.settings import Account
from shared.errors import Invalid, NotFound, StoreUnavailable
from shared.telemetry import metrics, trace

log = logging.getLogger(__name__)

TEXT_MAX_BYTES = 4 * MIB
FILES_MAX_BYTES = 25 * MIB
"""Of all files of an answer: few mail servers take more."""


@dataclass(frozen=True, slots=True)
class NotBegun:
    """The lease was too old to begin a call under it: nothing happened."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a claimed row, when, and whether it was the last of the requests it becomes."""

    send: Send
    outcome: Outcome | NotBegun
    at: datetime
    last: bool = True


class Calls:
    """Makes calls; each account has its own connections."""

    def __init__(self, config: Config, settings: SettingsReader, clock: Clock) -> None:
        self._config = config
        self._settings = settings
        self._clock = clock
        self._blobs = BlobStore(config.blobs)
        self._opened = OpenAccounts(config.key.get_secret_value(), reread_s=config.secrets_reread_s, credentials=True)
        self._clients = Clients(
            allow_private=config.allow_private_urls, at_once=config.send_at_once, timeout_s=config.call_timeout_s
        )

    def account(self, workspace: str, channel: str, account_id: str) -> AccountContext | None:
        """The account, where it can send now; what is unknown, switched off or has another channel waits."""
        document = self._settings.get("account", workspace, account_id)
        if not isinstance(document, Account) or not document.enabled or document.channel != channel:
            return None
        return self._opened.open(workspace, account_id, document).context

    async def make(self, send: Send, account: AccountContext, claimed_at: float) -> Tried:
        """Try a claimed row; `claimed_at` is a monotonic moment before its lease began. Raises nothing."""
        channel = CHANNELS[send.channel]
        with trace.span(f"send {channel.name}", send.trace):
            started = time.perf_counter()
            outcome, last = await self._outcome(channel, send, account, claimed_at)
        metrics.SEND_SECONDS.labels(channel.name).observe(time.perf_counter() - started)
        metrics.SENDS.labels(channel.name, type(outcome).__name__.lower()).inc()
        return Tried(send, outcome, self._clock(), last)

    async def _outcome(
        self, channel: Channel, send: Send, account: AccountContext, claimed_at: float
    ) -> tuple[Outcome | NotBegun, bool]:
        try:
            requests = await self._render(channel, send, account)
        except (Invalid, NotFound) as error:
            return Rejected("content-gone" if isinstance(error, NotFound) else _word(error.reason)), True
        except StoreUnavailable:
            return TryLater("content-unavailable"), True
        except Exception as error:  # noqa: BLE001 - a bug in a channel must not stop the others
            _log_bug("a channel could not render", channel, error)
            return TryLater("bug"), True
        last = send.part >= len(requests) - 1
        if time.monotonic() - claimed_at > self._config.send_lease_s / 2:
            return NotBegun(), last
        return await self._call(channel, requests[send.part], account), last

    async def _call(self, channel: Channel, request: Rendered, account: AccountContext) -> Outcome:
        client = self._clients.of(account.workspace, account.id)
        try:
            async with asyncio.timeout(self._config.send_lease_s / 2):  # a channel keeps its own time, which is less
                outcome = await channel.send(request, account, client)
        except Exception as error:  # noqa: BLE001 - a bug in a channel must not send twice
            _log_bug("a channel failed to send", channel, error)
            return Unsure("bug")
        if isinstance(outcome, Accepted):
            metrics.SEND_SEGMENTS.labels(channel.name).inc(request.segments)
        return outcome

    async def _render(self, channel: Channel, send: Send, account: AccountContext) -> tuple[Rendered, ...]:
        if send.content is None:
            raise Invalid("the person was erased", reason="erased")
        answer = SendMessage.model_validate_json(send.content)
        if answer.text_blob is not None:
            whole, _ = await self._blobs.beginning(answer.text_blob, at_most=TEXT_MAX_BYTES)
            answer = answer.model_copy(update={"text": whole.decode("utf-8", "replace"), "text_blob": None})
        answer = fitting(answer, channel.outgoing, account.options, self._clock())
        if answer.attachments:
            answer = answer.model_copy(update={"attachments": await self._with_content(answer.attachments)})
        return channel.render(answer, account)

    async def _with_content(self, files: tuple[Attachment, ...]) -> tuple[Attachment, ...]:
        """The files with their bytes; raises Invalid where they are more than any channel takes."""
        if sum(file.size or 0 for file in files) > FILES_MAX_BYTES:
            raise Invalid(f"an answer carries at most {FILES_MAX_BYTES // MIB} MiB of files", reason="files_too_large")
        filled = []
        for file in files:
            content, _ = await self._blobs.beginning(file.blob or "", at_most=FILES_MAX_BYTES)
            filled.append(file.model_copy(update={"content": content}))
        return tuple(filled)

    async def close(self) -> None:
        """Let go of all connections."""
        await self._clients.close()


def _log_bug(what: str, channel: Channel, error: Exception) -> None:
    """Where it happened, without the error's text: that may quote a customer or a secret."""
    where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    log.error(what, extra={"channel": channel.name, "error": type(error).__name__, "at": where[-5:]})


def _word(reason: str) -> str:
    """A reason as the registry's words are written."""
    return reason.replace("_", "-")

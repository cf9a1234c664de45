"""Reading one mailbox: what is new goes to the bus, and only then the mailbox counts as read that far."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from services.ingest.compose import Arrival
from services.ingest.keep import Keeper
from services.ingest.mail.imap import WINDOW, Failed, Mailbox, Rejected, Server, server_of
from services.ingest.mail.session import MAIL_MAX_BYTES
from services.ingest.repo.mailboxes import Cursor
from shared.channels import CHANNELS
from shared.channels.base import MIB, AccountContext, Request
from shared.channels.outgoing.addresses import Addresses
from shared.clock import Clock
from shared.errors import Invalid, SwitchboardError, TooLarge
from shared.telemetry import metrics, trace

log = logging.getLogger(__name__)

T = TypeVar("T")
BATCH = 100
BATCH_BYTES = 8 * MIB
SIZES_AT_ONCE = 500
KEEP_TIMEOUT_S = 10
PAUSE_MAX_S = 60


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading needs beside the account."""

    keeper: Keeper
    addresses: Addresses
    clock: Clock
    pause_s: float
    tries: int


class Reader:
    """Reads the mailbox of one account."""

    def __init__(
        self,
        channel: str,
        account: Callable[[], AccountContext],
        reading: Reading,
        *,
        cursor: Callable[[str], Awaitable[Cursor | None]],
        advance: Callable[[str, Cursor], Awaitable[None]],
    ) -> None:
        self._channel = CHANNELS[channel]
        self._open = account
        self._account = account()
        self._reading = reading
        self._cursor = cursor
        self._advance = advance
        self._tries: Counter[int] = Counter()
        self._one_by_one = False
        self._read_some = False

    async def run(self) -> None:
        """Read until cancelled; whatever fails is tried again, after at most a minute."""
        pause_s = 0.5
        while True:
            thread = ThreadPoolExecutor(1, "mailbox")
            try:
                await self._session(thread)
            except (Failed, SwitchboardError, OSError) as error:
                reason = error.reason if isinstance(error, SwitchboardError) else type(error).__name__.lower()
                metrics.MAILBOX_FAILURES.labels(self._channel.name, reason).inc()
                said = {"account": self._account.id, "reason": reason, "error": str(error)}
                log.warning("a mailbox cannot be read now", extra=said)
            finally:
                thread.shutdown(wait=False)
            pause_s = min(pause_s * 2, PAUSE_MAX_S) if not self._read_some else 0.5
            await asyncio.sleep(pause_s)

    async def _session(self, thread: ThreadPoolExecutor) -> None:
        """One connection, as long as it holds."""
        self._read_some = False
        self._account = self._open()  # its password may stand in a file that changed
        server = server_of(self._account.options, self._account.credentials)
        addresses = await self._reading.addresses.of(server.host, server.port)
        opening = asyncio.get_running_loop().run_in_executor(thread, Mailbox, server, addresses)
        try:
            mailbox = await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_opened)
            raise
        try:
            while True:
                await self._round(_Threaded(mailbox, thread), server)
                await asyncio.sleep(self._reading.pause_s)
        finally:
            mailbox.close()

    async def _round(self, mailbox: "_Threaded", server: Server) -> None:
        """Read what is new."""
        validity, following = await mailbox.ask(mailbox.box.look)
        cursor = await self._cursor(server.name)
        if cursor is None or cursor.uid_validity != validity:
            cursor = Cursor(validity, 0)
            self._tries.clear()
        first = cursor.last_uid + 1
        while following is None or first < following:
            last = min(first + WINDOW, following) - 1 if following else None
            uids = await mailbox.ask(mailbox.box.search, first, last, _since(self._account))
            for start in range(0, len(uids), SIZES_AT_ONCE):
                await self._read(mailbox, server, validity, uids[start : start + SIZES_AT_ONCE])
            if last is None:
                break
            first = last + 1
        self._one_by_one = False
        self._read_some = True

    async def _read(self, mailbox: "_Threaded", server: Server, validity: int, uids: Sequence[int]) -> None:
        sizes = await mailbox.ask(mailbox.box.sizes, uids)
        for batch in batches(uids, sizes, at_most=1 if self._one_by_one else BATCH):
            arrivals = await self._arrivals(mailbox, batch, sizes)
            if arrivals:
                await self._reading.keeper.keep(arrivals, timeout_s=KEEP_TIMEOUT_S)
            await self._advance(server.name, Cursor(validity, batch[-1]))
            self._read_some = True

    async def _arrivals(self, mailbox: "_Threaded", batch: Sequence[int], sizes: dict[int, int]) -> list[Arrival]:
        """The mails of a batch; what is gone meanwhile is left out, what cannot be fetched is passed over at last."""
        wanted = [uid for uid in batch if uid in sizes]
        alone = wanted[0] if len(wanted) == 1 else 0
        if self._tries[alone] >= self._reading.tries:
            said = f"the mail with the UID {alone} cannot be fetched; it is still in the mailbox"
            return [self._arrival(said.encode(), Invalid(said, reason="not_fetched"))]
        try:
            if sizes.get(alone, 0) > MAIL_MAX_BYTES:
                headers = await mailbox.ask(mailbox.box.beginning, alone)
                said = f"the mail has {sizes[alone]} bytes, more than {MAIL_MAX_BYTES}; it is still in the mailbox"
                return [self._arrival(headers, TooLarge(said))]
            found = await mailbox.ask(mailbox.box.fetch, wanted) if wanted else {}
            await self._check_missing(mailbox, set(wanted) - set(found))
        except Failed:
            self._one_by_one = True
            if alone:
                self._tries[alone] += 1
            raise
        return [self._arrival(found[uid]) for uid in batch if uid in found]

    async def _check_missing(self, mailbox: "_Threaded", missing: set[int]) -> None:
        """What is not there any more may be missing; raises Rejected where the server leaves a mail out."""
        still = await mailbox.ask(mailbox.box.sizes, sorted(missing)) if missing else {}
        if still:
            raise Rejected("the server leaves mails out")

    def _arrival(self, content: bytes, passed_over: SwitchboardError | None = None) -> Arrival:
        with trace.span(f"accept {self._channel.name}") as current:
            request = Request(headers={}, body=content, received_at=self._reading.clock())
            return Arrival(self._channel, self._account, request, current, passed_over)


@dataclass(frozen=True, slots=True)
class _Threaded:
    """A mailbox, asked in its own thread."""

    box: Mailbox
    thread: ThreadPoolExecutor

    async def ask(self, call: Callable[..., T], *arguments: object) -> T:
        """Call it there; whoever does not wait for the answer ends the connection."""
        asked = asyncio.get_running_loop().run_in_executor(self.thread, call, *arguments)
        try:
            return await asked
        except asyncio.CancelledError:
            self.box.close()
            raise


def _close_opened(opening: "asyncio.Future[Mailbox]") -> None:
    with suppress(asyncio.CancelledError):
        if opening.exception() is None:
            opening.result().close()


def _since(account: AccountContext) -> date | None:
    """Mails that came before this day are left where they are."""
    given = account.options.get("imap_since", "")
    try:
        return date.fromisoformat(given) if given else None
    except ValueError:
        raise Invalid("imap_since is a day such as 2026-01-31", reason="bad_imap_options") from None


def batches(uids: Sequence[int], sizes: dict[int, int], *, at_most: int) -> Iterator[list[int]]:
    """UIDs in their order, so many and so large together; one that is too large stands alone."""
    batch: list[int] = []
    held = 0
    for uid in uids:
        size = sizes.get(uid, 0)
        if batch and (len(batch) >= at_most or held + size > BATCH_BYTES or size > MAIL_MAX_BYTES):
            yield batch
            batch, held = [], 0
        batch.append(uid)
        held += size
        if size > MAIL_MAX_BYTES:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch

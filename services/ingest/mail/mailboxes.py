"""Which process reads which mailbox: one of all replicas, as long as its session with the database stands."""

import asyncio
import logging
from dataclasses import dataclass

import asyncpg

from services.ingest.config import Config
from services.ingest.keep import Keeper
from services.ingest.mail.mailbox import Reader, Reading
from services.ingest.mail.recipients import Box, boxes
from services.ingest.repo import mailboxes as repo
from services.ingest.repo.mailboxes import Cursor
from shared.accounts import OpenAccounts
from shared.blobs import BlobStore
from shared.channels.base import AccountContext
from shared.channels.outgoing.addresses import Addresses
from shared.db.pool import server_settings
from shared.service import Runtime
from shared.telemetry import metrics

log = logging.getLogger(__name__)

LOOK_S = 1
"""How often changed accounts, and mailboxes that another replica let go of, are looked for."""


async def read_mailboxes(runtime: Runtime) -> None:
    """Read mailboxes until cancelled; where no account has one, nothing is opened."""
    await runtime.settings.wait_ready()
    while True:
        if _wanted(runtime):
            await _share(runtime)
        await asyncio.sleep(LOOK_S)


async def _share(runtime: Runtime) -> None:
    """Read our share of the mailboxes, until there are none."""
    service = runtime.service
    settings = server_settings(service.name)
    connection = await asyncpg.connect(service.dsn(runtime.config), timeout=5, server_settings=settings)
    shift = Shift(runtime, connection)
    try:
        while _wanted(runtime):
            await shift.look()
            await asyncio.sleep(LOOK_S)
    finally:
        await shift.stop()
        connection.terminate()


def _wanted(runtime: Runtime) -> dict[str, Box]:
    found = (box for box in boxes(runtime.settings) if box.document.enabled)
    return {box.id: box for box in found if box.document.options.get("imap_host")}


@dataclass(frozen=True, slots=True)
class _Running:
    box: Box
    task: asyncio.Task[None]


class Shift:
    """The mailboxes of this process, over one session: who loses the session can advance nothing either."""

    def __init__(self, runtime: Runtime, connection: asyncpg.Connection) -> None:
        config = runtime.config
        assert isinstance(config, Config)
        blobs = BlobStore(config.blobs, timeout_s=config.blobs_timeout_s)
        self._runtime = runtime
        self._connection = connection
        self._asking = asyncio.Lock()
        self._running: dict[str, _Running] = {}
        key = config.key.get_secret_value()
        self._opened = OpenAccounts(key, reread_s=config.secrets_reread_s, credentials=True)
        self._reading = Reading(
            keeper=Keeper(blobs, lambda: runtime.producer),
            addresses=Addresses(allow_private=config.allow_private_urls),
            clock=runtime.clock,
            pause_s=config.imap_poll_s,
            tries=config.imap_tries,
        )

    async def look(self) -> None:
        """Begin with what is ours to read, and end what is not; raises where the session is lost."""
        wanted = _wanted(self._runtime)
        for running in list(self._running.values()):
            if running.task.done() or wanted.get(running.box.id) != running.box:
                await self._end(running)
        for box in wanted.values():
            if box.id not in self._running:
                async with self._asking:
                    ours = await repo.claim(self._connection, box.workspace, box.id)
                if ours:
                    self._running[box.id] = _Running(box, asyncio.create_task(self._reader(box).run()))
        async with self._asking:
            await self._connection.execute("select 1")
        metrics.MAILBOXES.set(len(self._running))

    async def stop(self) -> None:
        """End all."""
        for running in self._running.values():
            running.task.cancel()
        await asyncio.gather(*(running.task for running in self._running.values()), return_exceptions=True)
        self._running.clear()
        metrics.MAILBOXES.set(0)

    async def _end(self, running: _Running) -> None:
        """End one; whoever failed in a way that nobody foresaw begins again."""
        del self._running[running.box.id]
        running.task.cancel()
        (error,) = await asyncio.gather(running.task, return_exceptions=True)
        if isinstance(error, Exception):
            log.error("reading a mailbox failed", extra={"account": running.box.id, "error": type(error).__name__})
        async with self._asking:
            await repo.let_go(self._connection, running.box.workspace, running.box.id)

    def _reader(self, box: Box) -> Reader:
        async def cursor(mailbox: str) -> Cursor | None:
            async with self._asking:
                return await repo.cursor(self._connection, box.workspace, box.id, mailbox)

        async def advance(mailbox: str, to: Cursor) -> None:
            async with self._asking:
                await repo.advance(self._connection, box.workspace, box.id, mailbox, to)

        def account() -> AccountContext:
            return self._opened.open(box.workspace, box.id, box.document).context

        return Reader(box.document.channel, account, self._reading, cursor=cursor, advance=advance)

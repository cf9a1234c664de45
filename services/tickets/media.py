"""Customers' files that lie with their providers: fetched soon after the message, since they lie there for days."""

import asyncio
import logging
from collections.abc import Iterable

import asyncpg

from services.tickets.config import Config
from services.tickets.repo import media
from services.tickets.repo.media import Claimed, Wanted
from shared.accounts import OpenAccounts
from shared.blobs import BlobStore, person_prefix
from shared.bus import Context
from shared.channels import CHANNELS
from shared.channels.outgoing.clients import Clients
from shared.channels.outgoing.outcomes import Fetch, Fetched, Rejected, TryLater
from shared.contracts.envelope import Event
from shared.contracts.inbound_messages import MessageReceived
from shared.contracts.settings import Account
from shared.db.pool import may_pass, transaction
from shared.errors import StoreUnavailable
from shared.service import Runtime
from shared.wake import Wake

log = logging.getLogger(__name__)

WAKE = Wake()
BACKOFF_MOST_S = 600.0


async def want(tx: asyncpg.Connection, ctx: Context, events: Iterable[Event[MessageReceived]]) -> None:
    """Have the files of these messages and edits fetched, once they are kept."""
    files = [file for event in events for file in _wanted(event)]
    if files:
        await media.want(tx, files)
        ctx.after_commit(WAKE.now)


def _wanted(event: Event[MessageReceived]) -> list[Wanted]:
    """The message's files that its channel can fetch."""
    said = event.data
    channel = CHANNELS.get(said.channel)
    if channel is None or channel.fetch is None:
        return []
    prefix = person_prefix(event.workspace, said.sender.kind, said.sender.scope, said.sender.value)
    return [
        Wanted(event.workspace, event.id, number, said.channel, said.account, prefix)
        for number, file in enumerate(said.attachments)
        if file.reference and file.blob is None
    ]


async def fetch_media(runtime: Runtime) -> None:
    """Fetch for as long as the service runs; several replicas share the work."""
    await runtime.settings.wait_ready()
    config = runtime.config
    assert isinstance(config, Config)
    fetching = Fetching(runtime, config)
    try:
        while True:
            if not await fetching.turn():
                await WAKE.wait(config.media_poll_s)
    finally:
        await fetching.close()


class Fetching:
    """One process's tries."""

    def __init__(self, runtime: Runtime, config: Config) -> None:
        self._runtime = runtime
        self._config = config
        self._blobs = BlobStore(config.blobs)
        self._accounts = OpenAccounts(config.key.get_secret_value(), reread_s=config.secrets_reread_s, credentials=True)
        self._clients = Clients(
            allow_private=config.allow_private_urls,
            at_once=config.media_at_once,
            timeout_s=config.media_lease_s / 8,  # two requests and the writing of the file fit in half a lease
        )

    async def turn(self) -> int:
        """Claim what is due, and try it; gives how much it was."""
        async with transaction(self._runtime.pool) as tx:
            claimed = await media.claim(tx, self._config.media_at_once, self._config.media_lease_s)
        await asyncio.gather(*(self._settle(one) for one in claimed))
        return len(claimed)

    async def _settle(self, one: Claimed) -> None:
        try:
            async with asyncio.timeout(self._config.media_lease_s / 2):
                await self._record(one, await self._fetch(one))
        except Exception as error:
            if not (may_pass(error) or isinstance(error, StoreUnavailable)):
                log.exception("a file could not be fetched", extra={"channel": one.wanted.channel})

    async def _fetch(self, one: Claimed) -> Fetch:
        name = one.wanted
        channel = CHANNELS.get(name.channel)
        document = self._runtime.settings.get("account", name.workspace, name.account)
        if one.file is None or channel is None or channel.fetch is None:
            return Rejected("gone")
        if not isinstance(document, Account) or not document.enabled:
            return TryLater("no-account")
        account = self._accounts.open(name.workspace, name.account, document).context
        return await channel.fetch(one.file, account, self._clients.of(name.workspace, name.account))

    async def _record(self, one: Claimed, fetched: Fetch) -> None:
        name = one.wanted
        if isinstance(fetched, TryLater) and one.age_s < self._config.media_give_up_s:
            wait_s = max(fetched.retry_after_s or 0, min(2.0**one.attempts, BACKOFF_MOST_S))
            async with transaction(self._runtime.pool) as tx:
                await media.later(tx, name, wait_s)
            return
        key = f"{name.prefix}/{name.message}/file-{name.number}"
        facts: dict[str, object] = {"missing": "" if isinstance(fetched, Fetched) else fetched.reason}
        if isinstance(fetched, Fetched):
            await self._blobs.put([(key, fetched.content)])
            facts = {"blob": key, "size": len(fetched.content)}
            if fetched.media_type and one.file and one.file.media_type == "application/octet-stream":
                facts["media_type"] = fetched.media_type[:200]
        async with transaction(self._runtime.pool) as tx:
            await media.settle(tx, name, facts)
            kept = await media.stands(tx, name, key)
        if not kept:
            await self._blobs.delete([key])

    async def close(self) -> None:
        """Let go of all connections."""
        await self._clients.close()

"""The sender's loop: record what tries came to, claim what may go now, and call (architecture.md §6, Notify).

A turn is one transaction: outcomes in, claims out. Between claim and outcome no transaction is open, and each account
has its own room, so that a slow provider delays only itself. While a turn runs more tries end; they are recorded
together by the next one.
"""

import asyncio
import logging
import math
import random
import time
from collections import Counter

import asyncpg

from services.notify.calls import Calls, Tried
from services.notify.config import Config
from services.notify.domain import pace as pacing
from services.notify.domain.pace import Pace
from services.notify.domain.send import Send
from services.notify.outcomes import close_overdue, judge, record_outcomes
from services.notify.own_log import OwnLog
from services.notify.repo import paces, queue, receipts, watermarks
from services.notify.repo.queue import Account
from services.notify.wake import WAKE
from shared.bus import Context
from shared.channels import CHANNELS
from shared.channels.base import AccountContext
from shared.channels.outgoing.outcomes import Unsure
from shared.contracts.delivery_events import DeliveryChanged
from shared.db.pool import may_pass
from shared.service import Runtime

log = logging.getLogger(__name__)

DELIVERY = DeliveryChanged.TOPIC
AT_ONCE = 200
"""Most rows that one turn claims, or takes back from the dead."""
CLEANING_S = 600
RATE = "rate_per_s"
"""The account's option that limits how many requests a second it sends."""


async def send_messages(runtime: Runtime) -> None:
    """Send for as long as the service runs; several replicas share the work."""
    await runtime.settings.wait_ready()
    config = runtime.config
    assert isinstance(config, Config)
    sender = Sender(runtime, config)
    try:
        while True:
            await WAKE.wait(await _turn(sender, config))
    finally:
        await sender.finish()


async def _turn(sender: "Sender", config: Config) -> float:
    """A turn; while the database is away, what tries came to is kept in hand."""
    try:
        return await sender.turn()
    except Exception as error:
        if not may_pass(error):
            raise
        log.warning("the ledger is away; trying again", extra={"error": f"{type(error).__name__}: {error}"})
        return config.send_poll_s


class Sender:
    """One process's tries."""

    def __init__(self, runtime: Runtime, config: Config) -> None:
        self._runtime = runtime
        self._config = config
        self._calls = Calls(config, runtime.settings, runtime.clock)
        self._own_log = OwnLog(runtime.consumer(DELIVERY), f"{runtime.service.name}.{DELIVERY}")
        self._under_way: dict[asyncio.Task[Tried], Account] = {}
        self._ended: list[Tried] = []
        self._looked = -math.inf
        self._cleaned = time.monotonic()

    async def turn(self) -> float:
        """Record, claim, call; gives the seconds until the next turn is worth while unless somebody wakes us."""
        claimed_at = time.monotonic()
        ended = list(self._ended)
        async with self._runtime.work() as (tx, ctx):
            may_send = await self._own_log.read(tx) and not self._runtime.draining
            heads = {head.account: head.due_s for head in await queue.heads(tx)} if may_send else {}
            able = {account: opened for account in heads if (opened := self._able(account)) is not None}
            due = {account for account in able if heads[account] <= 0}
            known = await paces.lock(tx, due | {_account(tried.send) for tried in ended})
            await record_outcomes(tx, ctx, ended, self._config.patience, random.random)
            known = {account: judge(pace, ended, account) for account, pace in known.items()}
            if may_send:
                await self._look(tx, ctx)
            rooms, wait_s = self._rooms(known, able, due)
            claimed = await queue.claim(tx, rooms, self._config.send_lease_s)
            repeated = self._own_log.repeated(claimed)
            await paces.save(tx, _spent(known, claimed))
        del self._ended[: len(ended)]
        self._own_log.remember(claimed)
        for send in claimed:
            if send in repeated:
                self._ended.append(Tried(send, Unsure("restored"), self._runtime.clock()))
                WAKE.now()
            else:
                self._start(send, able[_account(send)], claimed_at)
        soon = [due_s for account, due_s in heads.items() if due_s > 0 and account in able]
        return min([self._config.send_poll_s, wait_s, *soon])

    def _able(self, account: Account) -> AccountContext | None:
        """The account, where it and its channel are there to send."""
        workspace, channel, id_ = account
        return self._calls.account(workspace, channel, id_) if channel in CHANNELS else None

    def _rooms(
        self, known: dict[Account, Pace], able: dict[Account, AccountContext], due: set[Account]
    ) -> tuple[list[tuple[Account, int]], float]:
        """How many rows of each account may be claimed, and the seconds until an account that waits may go on."""
        rooms, wait_s, left = [], math.inf, AT_ONCE
        under_way = list(self._under_way.values())
        for account in sorted(due):
            rate = _rate(able[account])
            free, account_wait_s, known[account] = pacing.room(
                known[account],
                rate_per_s=rate,
                at_once=self._config.send_at_once,
                in_flight=under_way.count(account),
            )
            wait_s = min(wait_s, account_wait_s)
            if min(free, left) > 0:
                rooms.append((account, min(free, left)))
                left -= min(free, left)
        return rooms, wait_s

    async def _look(self, tx: asyncpg.Connection, ctx: Context) -> None:
        """From time to time: rows whose holder died, rows nobody could send, words on what never was ours."""
        now = time.monotonic()
        if now - self._looked < self._config.send_poll_s:
            return
        self._looked = now
        patience = self._config.patience
        await close_overdue(tx, ctx, patience, random.random, AT_ONCE)
        if now - self._cleaned > CLEANING_S:
            self._cleaned = now
            await receipts.forget(tx, days=self._config.receipts_kept_days, most=AT_ONCE)
            await watermarks.forget(tx, days=self._config.receipts_kept_days, most=AT_ONCE)

    def _start(self, send: Send, account: AccountContext, claimed_at: float) -> None:
        task = asyncio.get_running_loop().create_task(self._calls.make(send, account, claimed_at))
        self._under_way[task] = _account(send)
        task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[Tried]) -> None:
        del self._under_way[task]
        if not task.cancelled():
            self._ended.append(task.result())
            WAKE.now()

    async def finish(self) -> None:
        """Begin nothing, let the calls under way end and record them; then let go of all connections."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=self._config.call_timeout_s + 1)
        for task in self._under_way:
            task.cancel()
        if self._ended:
            await _turn(self, self._config)
        await self._calls.close()


def _account(send: Send) -> Account:
    return send.workspace, send.channel, send.account


def _rate(account: AccountContext) -> float | None:
    """The account's limit, where it names one that makes sense."""
    try:
        rate = float(account.options.get(RATE, ""))
    except ValueError:
        return None
    return rate if 0 < rate < math.inf else None


def _spent(known: dict[Account, Pace], claimed: list[Send]) -> dict[Account, Pace]:
    """The paces after these claims."""
    counts = Counter(map(_account, claimed))
    return {account: pacing.spent(pace, counts[account]) for account, pace in known.items()}

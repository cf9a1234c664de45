"""What tries came to, written into the ledger; and rows that nobody came back for."""

from collections.abc import Callable, Sequence
from datetime import datetime

import asyncpg

from services.notify import facts
from services.notify.calls import NotBegun, Tried
from services.notify.domain import pace as pacing
from services.notify.domain import send as rules
from services.notify.domain.pace import Pace
from services.notify.domain.send import Patience, Send
from services.notify.recording import apply_waiting
from services.notify.repo import queue, sends
from services.notify.repo.queue import Account
from shared.bus import Context
from shared.channels import CHANNELS
from shared.channels.outgoing.outcomes import Accepted, Rejected, TryLater, Unsure

Chance = Callable[[], float]
LAPSED = "no-outcome"
TOO_OLD = "too-old"


async def record_outcomes(
    tx: asyncpg.Connection, ctx: Context, ended: Sequence[Tried], patience: Patience, chance: Chance
) -> None:
    """Write what tries came to; what providers have said of those messages before is applied too."""
    if not ended:
        return
    rows = await sends.lock(tx, [(tried.send.workspace, tried.send.message) for tried in ended])
    before = dict(rows)
    for tried in ended:
        key = (tried.send.workspace, tried.send.message)
        rows[key] = _concluded(rows[key], tried, patience, chance())
    facts.tell_all(ctx, [(before[key], row) for key, row in rows.items()])
    await sends.save(tx, [row for key, row in rows.items() if row is not before[key]])
    await apply_waiting(tx, rows, ctx)


def _concluded(row: Send, tried: Tried, patience: Patience, chance: float) -> Send:
    """The row after the try; where another try holds it by now, it is that one's outcome that counts.

    That the provider has it stays true even where the row knows nothing of the try.
    """
    outcome, at = tried.outcome, tried.at
    if row.claim != tried.send.claim:
        if isinstance(outcome, Accepted) and row.part == tried.send.part and row.step != "sending":
            return rules.accepted(row, at, outcome.provider_id, last=tried.last)
        return row
    match outcome:
        case Accepted(provider_id):
            after = rules.accepted(row, at, provider_id, last=tried.last)
        case Rejected(reason):
            after = rules.rejected(row, at, reason)
        case TryLater(reason, after_s):
            after = rules.try_later(row, at, reason, retry_after_s=after_s, patience=patience, chance=chance)
        case Unsure(reason):
            after = _doubtful(row, at, reason, patience, chance)
        case NotBegun():
            after = rules.put_back(row)
    return after


def _doubtful(row: Send, at: datetime, reason: str, patience: Patience, chance: float) -> Send:
    """Nobody knows: repeated where the far end knows a repetition, else shown to a person."""
    channel = CHANNELS.get(row.channel)
    if channel is not None and channel.outgoing.idempotent:
        return rules.doubted(row, at, reason, patience=patience, chance=chance)
    return rules.unsure(row, at, reason, patience=patience)


def judge(pace: Pace, ended: Sequence[Tried], account: Account) -> Pace:
    """The account's pace after what its tries came to."""
    for tried in ended:
        if (tried.send.workspace, tried.send.channel, tried.send.account) != account:
            continue
        outcome = tried.outcome
        if isinstance(outcome, Accepted | Rejected):
            pace = pacing.answered(pace)
        elif not isinstance(outcome, NotBegun):
            pace = pacing.failed(pace, outcome.retry_after_s if isinstance(outcome, TryLater) else None)
    return pace


async def close_overdue(tx: asyncpg.Connection, ctx: Context, patience: Patience, chance: Chance, most: int) -> None:
    """Rows whose lease has lapsed are unknown; rows that nobody could send for too long have failed."""
    dead = [(row, _doubtful(row, ctx.now, LAPSED, patience, chance())) for row in await queue.lapsed(tx, most)]
    old = [
        (row, rules.given_up(row, ctx.now, row.reason or TOO_OLD, patience=patience))
        for row in await queue.too_old(tx, patience.give_up_s, most)
    ]
    changes = dead + old
    facts.tell_all(ctx, changes)
    await sends.save(tx, [after for _, after in changes])

"""Putting commands into the ledger, and applying to rows what providers have said of them."""

from collections.abc import Sequence
from dataclasses import replace

import asyncpg

from services.notify import facts
from services.notify.domain import send as rules
from services.notify.domain.send import Send
from services.notify.repo import erasure, receipts, sends, told, watermarks
from services.notify.repo.receipts import Kept, Name
from services.notify.repo.sends import Fresh, Key
from shared.bus import Context
from shared.channels import CHANNELS
from shared.contracts.envelope import Event
from shared.contracts.outbound_commands import SendMessage

ERASED = "erased"


async def record(tx: asyncpg.Connection, batch: Sequence[Event[SendMessage]], ctx: Context) -> None:
    """Put commands into the ledger and say that they are queued; what came for them before is applied.

    A command of an erased person that was asked for before the erasure is put down as failed, without its content. One
    of which we had told before the database was restored comes to where it was.
    """
    people = [(event.workspace, event.data.person) for event in batch]
    buried = await erasure.tombstones(tx, people)
    dropped = {
        event.id
        for event, person in zip(batch, people, strict=True)
        if person in buried and event.time <= buried[person]
    }
    put = await sends.put(tx, [_fresh(event, ctx, dropped=event.id in dropped) for event in batch])
    new = {(event.workspace, event.data.message): event for event in reversed(batch)}
    rows = await sends.lock(tx, sorted(put))
    known = await told.take(tx, sorted(put))
    for key, row in rows.items():
        if key in known:
            continue
        before = replace(row, state="queued", version=1, reason=None)
        facts.tell(ctx, None, before, new[key])
        facts.tell(ctx, before, row, new[key])
    taught = {key: rules.taught(rows[key], word) for key, word in known.items()}
    await sends.save(tx, list(taught.values()))
    rows.update(taught)
    await apply_waiting(tx, rows, ctx)


def _fresh(event: Event[SendMessage], ctx: Context, *, dropped: bool) -> Fresh:
    said = event.data
    return Fresh(
        workspace=event.workspace,
        message=said.message,
        command=event.id,
        ticket=said.ticket,
        person=said.person,
        shop=event.shop,
        channel=said.channel,
        account=said.account,
        recipient="" if dropped else said.recipient.value,
        content=None if dropped else said.model_dump_json(exclude_none=True).encode(),
        state="failed" if dropped else "queued",
        step="done" if dropped else "queued",
        version=2 if dropped else 1,
        reason=ERASED if dropped else None,
        changed_at=ctx.now,
        correlation=event.correlation or event.id,
        trace=event.trace,
        conversation=None if dropped else _conversation(event, ctx),
    )


def _conversation(event: Event[SendMessage], ctx: Context) -> str | None:
    """The recipient's name in the ledger that stays, where the channel tells what he has read."""
    said = event.data
    if not _tells_reading(said.channel):
        return None
    return conversations(ctx, event.workspace, said.channel, said.account, said.recipient.value)[0]


def conversations(ctx: Context, workspace: str, channel: str, account: str, recipient: str) -> Sequence[str]:
    """What the ledger may call the messages to a recipient, the newest first."""
    return facts.provider_names(ctx).all(workspace, channel, account, "recipient", recipient)


def _tells_reading(channel: str) -> bool:
    return channel in CHANNELS and CHANNELS[channel].outgoing.read_receipts


async def apply_waiting(tx: asyncpg.Connection, rows: dict[Key, Send], ctx: Context) -> None:
    """Apply what providers have said of these rows before they were recorded; the last thing in a transaction."""
    named: dict[Name, Key] = {}
    for key, row in rows.items():
        place = (row.workspace, row.channel, row.account)
        named[(*place, str(row.message))] = key
        if row.provider_id is not None:
            named[(*place, row.provider_id)] = key
    await apply(tx, [(named[word.name], word) for word in await receipts.take(tx, sorted(named))], rows, ctx)
    await apply(tx, await watermarks.passed(tx, [key for key in rows if _tells_reading(rows[key].channel)]), rows, ctx)


async def apply(tx: asyncpg.Connection, words: Sequence[tuple[Key, Kept]], rows: dict[Key, Send], ctx: Context) -> None:
    """Apply these words to locked rows, tell what changed, and write it."""
    now = dict(rows)
    for key, word in words:
        after = rules.received(now[key], word.state, word.at, word.reason)
        facts.tell(ctx, now[key], after)
        now[key] = after
    await sends.save(tx, [row for key, row in now.items() if row is not rows[key]])
    rows.update(now)

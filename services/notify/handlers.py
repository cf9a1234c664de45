"""Events in: what to send, whom it reaches, what providers say of it, and who must be forgotten."""

import zlib
from collections.abc import Sequence

import asyncpg

from services.notify import facts
from services.notify.domain import send as rules
from services.notify.own_log import on_told
from services.notify.recording import ERASED, apply, conversations, record
from services.notify.repo import contacts, erasure, receipts, sends, watermarks
from services.notify.repo.receipts import NAMELESS, Kept
from services.notify.repo.watermarks import Mark
from services.notify.wake import WAKE
from shared.bus import Context, Handler
from shared.bus.interest import reads
from shared.contracts.contacts import ContactChanged
from shared.contracts.delivery_events import DeliveryChanged
from shared.contracts.envelope import Event
from shared.contracts.inbound_receipts import ReceiptReceived
from shared.contracts.outbound_commands import SendMessage
from shared.contracts.privacy_events import ErasureDone, ErasureRequested
from shared.errors import MayPass

SERVICE = "notify"


async def on_command(tx: asyncpg.Connection, batch: Sequence[Event[SendMessage]], ctx: Context) -> None:
    """Put each command into the ledger; the sender is woken once it stands there."""
    await record(tx, batch, ctx)
    ctx.after_commit(WAKE.now)


async def on_receipt(tx: asyncpg.Connection, batch: Sequence[Event[ReceiptReceived]], ctx: Context) -> None:
    """Move messages up by what their providers say; a word on a message that is not recorded yet waits for it."""
    marks = [event for event in batch if event.data.through is not None]
    await _on_marks(tx, marks, ctx)
    words = [_word(event) for event in batch if event.data.through is None]
    found = await receipts.find(tx, [word.name for word in words])
    rows = await sends.lock(tx, list(found.values()))
    await apply(tx, [(found[word.name], word) for word in words if word.name in found], rows, ctx)
    ctx.after_commit(WAKE.now)  # what was waiting behind such a message may go now
    early = [word for word in words if word.name not in found]
    if not early:
        return
    await receipts.wait_for_recorders(tx)
    if await receipts.find(tx, [word.name for word in early]):
        raise MayPass("a send was recorded while its receipt was being kept; both are seen the next time")
    await receipts.keep(tx, early)


async def _on_marks(tx: asyncpg.Connection, batch: Sequence[Event[ReceiptReceived]], ctx: Context) -> None:
    """Move up everything that was sent to a customer up to a moment; what is recorded later finds the mark."""
    marks = [_mark(event, ctx) for event in batch]
    if not marks:
        return
    found = await watermarks.reached(tx, marks)
    rows = await sends.lock(tx, [key for _, key in found])
    words = [(key, Kept(NAMELESS, mark.state, mark.id, mark.at, None, mark.trace)) for mark, key in found]
    await apply(tx, words, rows, ctx)
    await receipts.wait_for_recorders(tx)
    if await watermarks.reached(tx, marks):
        raise MayPass("a send was recorded while a word on it was being kept; both are seen the next time")
    await watermarks.keep(tx, marks)


def _mark(event: Event[ReceiptReceived], ctx: Context) -> Mark:
    said = event.data
    place = (event.workspace, said.channel, said.account)
    names = conversations(ctx, *place, said.recipient or "")
    return Mark(*place, names, said.state, said.through or said.at, event.id, said.at, event.trace)


def _word(event: Event[ReceiptReceived]) -> Kept:
    said = event.data
    name = (event.workspace, said.channel, said.account, said.provider_id)
    return Kept(name, said.state, event.id, said.at, said.reason, event.trace)


async def on_contact(tx: asyncpg.Connection, batch: Sequence[Event[ContactChanged]], ctx: Context) -> None:
    """Copy people in their newest version."""
    await contacts.copy(tx, batch)


@reads(ErasureRequested)
async def on_erasure(tx: asyncpg.Connection, batch: Sequence[Event[ErasureRequested]], ctx: Context) -> None:
    """Forget people: what waits for them is not sent, what was sent keeps its ids and states; then say so."""
    people = sorted({(event.workspace, event.data.person) for event in batch})
    await erasure.bury(tx, [((e.workspace, e.data.person), e.data.before, e.data.request) for e in batch])
    rows = await sends.lock(tx, await erasure.sends_of(tx, people))
    stopped = [(row, rules.rejected(row, ctx.now, ERASED)) for row in rows.values() if row.step == "queued"]
    facts.tell_all(ctx, stopped)
    await sends.save(tx, [after for _, after in stopped])
    await erasure.blank(tx, people)
    for event in batch:
        done = ErasureDone(person=event.data.person, request=event.data.request, service=SERVICE)
        ctx.emit(done, cause=event, ordinal=zlib.crc32(SERVICE.encode()))  # each service's word has an id of its own


HANDLERS: dict[str, Handler] = {
    SendMessage.TOPIC: on_command,
    ReceiptReceived.TOPIC: on_receipt,
    ContactChanged.TOPIC: on_contact,
    ErasureRequested.TOPIC: on_erasure,
    DeliveryChanged.TOPIC: on_told,
}

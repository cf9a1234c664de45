"""Messages that arrive late from people who were erased: accounted for, and not kept (definitions.md, "Lost")."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import asyncpg

from services.tickets.erasure import BLOBS_TIMEOUT_S, tombstones
from services.tickets.repo import erasure, people
from services.tickets.repo.people import Address, Person
from shared.blobs import BlobStore
from shared.bus import Context
from shared.contracts.envelope import Event
from shared.contracts.inbound_messages import MessageReceived

Inbound = Event[MessageReceived]


def buried_as(batch: Sequence[Inbound], ctx: Context) -> list[tuple[str, str]]:
    """What each sender's tombstone would be called, with the workspace."""
    names, senders = tombstones(ctx.config), {_address(event) for event in batch}
    return sorted((workspace, hmac) for workspace, *identity in senders for hmac in names.all(*identity))


async def drop_late(
    tx: asyncpg.Connection,
    batch: Sequence[Inbound],
    known: Mapping[Address, Person],
    buried: Mapping[tuple[str, str], datetime],
    ctx: Context,
) -> list[Inbound]:
    """Account for messages that erased people had written before, delete their files, and keep the others."""
    if not buried:
        return list(batch)
    names = tombstones(ctx.config)
    kept: list[Inbound] = []
    late: list[Inbound] = []
    for event in batch:
        sender = event.data.sender
        hmacs = names.all(sender.kind, sender.scope, sender.value)
        moments = [buried[event.workspace, hmac] for hmac in hmacs if (event.workspace, hmac) in buried]
        (late if any(event.data.accepted_at < moment for moment in moments) else kept).append(event)
    staying = {_address(event) for event in kept}
    await people.unmake(tx, {a: known[a] for e in late if (a := _address(e)) not in staying and known[a].new})
    await erasure.came_late(tx, sorted({(event.workspace, event.id) for event in late}))
    await _delete_files(late, ctx)
    return kept


async def _delete_files(late: Sequence[Inbound], ctx: Context) -> None:
    """They were written after the moment up to which the person's other files were deleted."""
    keys = [file.blob for event in late for file in event.data.attachments if file.blob is not None]
    keys += [event.data.text_blob for event in late if event.data.text_blob is not None]
    if keys:
        assert ctx.config is not None
        await BlobStore(ctx.config.blobs, timeout_s=BLOBS_TIMEOUT_S).delete(sorted(set(keys)))


def _address(event: Inbound) -> Address:
    sender = event.data.sender
    return (event.workspace, sender.kind, sender.scope, sender.value)

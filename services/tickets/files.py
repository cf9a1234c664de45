"""Files of agents: brought before the answer that they go out with, and forgotten where none comes."""

import asyncio
import hashlib
from datetime import timedelta

from services.tickets.answers import NoAddress
from services.tickets.domain.ticket import Ticket
from services.tickets.repo import answers, files
from services.tickets.repo.files import Upload
from shared.blobs import BlobStore, person_prefix
from shared.db.pool import transaction
from shared.ids import derived_id
from shared.service import Runtime

KEPT = timedelta(days=1)
"""A draft waits this long for its files."""
EVERY_S = 600
AT_ONCE = 100


async def bring(
    runtime: Runtime, blobs: BlobStore, ticket: Ticket, *, name: str, media_type: str, content: bytes
) -> Upload:
    """Keep a file for an answer on this ticket; it lies where the customer's own content does, and goes with it.

    The row comes before the blob, so that a blob whose writer died has somebody who deletes it.
    """
    async with transaction(runtime.pool) as tx:
        key = (ticket.workspace, ticket.id)
        address = (await answers.addresses(tx, [key])).get(key)
        if address is None:
            raise NoAddress(ticket)
        digest = hashlib.sha256(content).hexdigest()
        id_ = derived_id(ticket.id, "file", f"{name}\x1f{media_type}\x1f{digest}")
        prefix = person_prefix(ticket.workspace, address.kind, address.scope, address.value)
        blob = f"{prefix}/{ticket.id}/{id_}"
        upload = Upload(ticket.workspace, id_, ticket.id, name, media_type, len(content), blob)
        await files.bring(tx, upload)
    await blobs.put([(upload.blob, content)])
    async with transaction(runtime.pool) as tx:
        await files.stored(tx, upload)
    return upload


async def forget_files(runtime: Runtime) -> None:
    """Forget files that went out with no answer, for as long as the service runs."""
    blobs = BlobStore(runtime.config.blobs)
    while True:
        forgotten = await _forget(runtime, blobs)
        if forgotten == 0:
            await asyncio.sleep(EVERY_S)


async def _forget(runtime: Runtime, blobs: BlobStore) -> int:
    """Blobs go before their rows are gone for good, so that a kill leaves none behind."""
    async with transaction(runtime.pool) as tx:
        keys = await files.forget_unused(tx, KEPT, AT_ONCE)
        await blobs.delete(keys)
    return len(keys)

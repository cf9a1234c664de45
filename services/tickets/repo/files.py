"""Files: those that agents bring for answers, and those that stand on messages."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import asyncpg

from services.tickets.repo.answers import Key

_BRING = """
    insert into uploads(workspace, id, ticket, name, media_type, size, blob) values ($1, $2, $3, $4, $5, $6, $7)
    on conflict (workspace, id) do update set at = now() where not uploads.used
"""
_STORED = "update uploads set stored = true where workspace = $1 and id = $2"
_FIND = """
    select workspace, id, ticket, name, media_type, size, blob from uploads
    join unnest($1::text[], $2::uuid[]) as u(workspace, id) using (workspace, id)
    where stored order by workspace, id for update of uploads
"""
_USE = """
    update uploads set used = true from unnest($1::text[], $2::uuid[]) as u(workspace, id)
    where uploads.workspace = u.workspace and uploads.id = u.id
"""
_UNUSED = """
    delete from uploads where (workspace, id) in (
        select workspace, id from uploads where not used and at < now() - $1::interval
        order by at limit $2 for update skip locked)
    returning blob
"""
_OF_MESSAGE = """
    select id::text as id, case when note then 'note' else 'message' end as what, author, person, body, body_blob,
        attachments::text as attachments, accepted_at as at
    from messages where workspace = $1 and ticket = $2 and id = $3 and copy_of is null
"""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that an agent has brought for an answer on a ticket."""

    workspace: str
    id: UUID
    ticket: UUID
    name: str
    media_type: str
    size: int
    """Bytes."""
    blob: str


async def bring(tx: asyncpg.Connection, upload: Upload) -> None:
    """Note that a file is coming; the same file again is the same."""
    await tx.execute(
        _BRING,
        upload.workspace,
        upload.id,
        upload.ticket,
        upload.name,
        upload.media_type,
        upload.size,
        upload.blob,
    )


async def stored(tx: asyncpg.Connection, upload: Upload) -> None:
    """Its content is in the blob store."""
    await tx.execute(_STORED, upload.workspace, upload.id)


async def find(tx: asyncpg.Connection, keys: Collection[Key]) -> dict[Key, Upload]:
    """These files, locked, where they are stored."""
    if not keys:
        return {}
    rows = await tx.fetch(_FIND, [key[0] for key in keys], [key[1] for key in keys])
    return {(row["workspace"], row["id"]): Upload(*row.values()) for row in rows}


async def use(tx: asyncpg.Connection, uploads: Sequence[Upload]) -> None:
    """They go out with answers, so they stay."""
    if uploads:
        await tx.execute(_USE, [upload.workspace for upload in uploads], [upload.id for upload in uploads])


async def forget_unused(tx: asyncpg.Connection, after: timedelta, most: int) -> list[str]:
    """Forget files that nobody sent; gives the keys of their blobs."""
    return [row["blob"] for row in await tx.fetch(_UNUSED, after, most)]


async def of_message(
    connection: asyncpg.Connection, workspace: str, ticket: UUID, message: UUID
) -> asyncpg.Record | None:
    """The row of a message on that ticket, as `timeline.standing` takes it, with the key of its whole text."""
    return await connection.fetchrow(_OF_MESSAGE, workspace, ticket, message)

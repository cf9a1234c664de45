"""Files that are still to be fetched: rows with a moment when they are due, claimed by whoever comes first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg
import orjson

from shared.contracts.inbound_messages import Attachment

_WANT = """
    insert into media(workspace, message, number, channel, account, prefix)
    select * from unnest($1::text[], $2::uuid[], $3::int[], $4::text[], $5::text[], $6::text[]) on conflict do nothing
"""
_CLAIM = """
    with due as (
        select workspace, message, number from media where due_at <= now()
        order by due_at limit $1 for update skip locked
    )
    update media set attempts = attempts + 1, due_at = now() + $2::float8 * interval '1 second'
    from due
        left join messages m on m.workspace = due.workspace and m.id = due.message
        left join changes c on c.workspace = due.workspace and c.id = due.message
    where (media.workspace, media.message, media.number) = (due.workspace, due.message, due.number)
    returning media.workspace, media.message, media.number, media.channel, media.account, media.prefix, media.attempts,
        extract(epoch from now() - media.added_at)::float8 as age_s,
        coalesce(m.attachments, c.attachments) -> media.number as file
"""
_DONE = "delete from media where workspace = $1 and message = $2 and number = $3 returning true"
_LATER = """
    update media set due_at = now() + $4::float8 * interval '1 second'
    where workspace = $1 and message = $2 and number = $3
"""
_FILE = """
    with of_message as (
        update messages
        set attachments = jsonb_set(attachments, array[$3::int::text], attachments -> $3::int || $4::jsonb)
        where workspace = $1 and id = $2 and attachments -> $3::int is not null
    )
    update changes
    set attachments = jsonb_set(attachments, array[$3::int::text], attachments -> $3::int || $4::jsonb)
    where workspace = $1 and id = $2 and attachments -> $3::int is not null
"""
_STANDS = """
    select id from messages where workspace = $1 and id = $2 and attachments -> $3::int ->> 'blob' = $4
    union all
    select id from changes where workspace = $1 and id = $2 and attachments -> $3::int ->> 'blob' = $4
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file of a message that lies with its provider; `prefix` is where its person's content lies with us."""

    workspace: str
    message: UUID
    """The message, or the edit that brought the file."""
    number: int
    """Its place among the message's attachments."""
    channel: str
    account: str
    prefix: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """A wanted file under lease."""

    wanted: Wanted
    attempts: int
    age_s: float
    file: Attachment | None
    """As the message names it; None where its person was erased meanwhile."""


async def want(tx: asyncpg.Connection, files: Sequence[Wanted]) -> None:
    """Files that are to be fetched; the same again is the same."""
    if files:
        rows = [(f.workspace, f.message, f.number, f.channel, f.account, f.prefix) for f in files]
        await tx.execute(_WANT, *(list(column) for column in zip(*rows, strict=True)))


async def claim(tx: asyncpg.Connection, most: int, lease_s: float) -> list[Claimed]:
    """Files that are due, each for one try within the lease."""
    rows = await tx.fetch(_CLAIM, most, lease_s)
    return [_claimed(row) for row in rows]


def _claimed(row: asyncpg.Record) -> Claimed:
    wanted = Wanted(*(row[name] for name in ("workspace", "message", "number", "channel", "account", "prefix")))
    file = Attachment.model_validate(orjson.loads(row["file"])) if row["file"] is not None else None
    return Claimed(wanted, row["attempts"], row["age_s"], file)


async def settle(tx: asyncpg.Connection, file: Wanted, facts: Mapping[str, object]) -> None:
    """The try has ended for good: note these facts beside the file's others, once."""
    if await tx.fetchval(_DONE, file.workspace, file.message, file.number):
        await tx.execute(_FILE, file.workspace, file.message, file.number, orjson.dumps(facts).decode())


async def stands(tx: asyncpg.Connection, file: Wanted, blob: str) -> bool:
    """Whether the file stands on its message under this key; not so where its person was erased meanwhile."""
    return await tx.fetchval(_STANDS, file.workspace, file.message, file.number, blob) is not None


async def later(tx: asyncpg.Connection, file: Wanted, wait_s: float) -> None:
    """Another try after so many seconds."""
    await tx.execute(_LATER, file.workspace, file.message, file.number, wait_s)

"""The ledger's rows: put down once, locked, and written back as sets."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from services.notify.domain.send import Send

Key = tuple[str, UUID]
"""Workspace and message."""

COLUMNS = """
    s.workspace, s.message, s.ticket, s.person, s.shop, s.channel, s.account, s.recipient, s.content, s.state, s.step,
    s.version, s.attempts, s.part, s.doubtful, s.provider_id, s.names, s.reason, s.changed_at, s.claim,
    s.correlation, s.trace, extract(epoch from now() - s.queued_at)::float8 as age_s
"""
_PUT = """
    insert into sends(workspace, message, command, ticket, person, shop, channel, account, recipient, content, state,
                      step, version, reason, changed_at, correlation, trace, conversation)
    select * from unnest($1::text[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::text[],
                         $8::text[], $9::text[], $10::bytea[], $11::text[], $12::text[], $13::int[], $14::text[],
                         $15::timestamptz[], $16::uuid[], $17::text[], $18::text[])
    on conflict do nothing
    returning workspace, message
"""
_LOCK = f"""
    select {COLUMNS} from sends s
    join unnest($1::text[], $2::uuid[]) as u(workspace, message) using (workspace, message)
    order by s.workspace, s.message for update of s
"""
_SAVE = """
    update sends s set
        recipient = u.recipient, content = u.content, state = u.state, step = u.step, version = u.version,
        attempts = u.attempts, part = u.part, doubtful = u.doubtful, provider_id = u.provider_id,
        names = string_to_array(u.names, E'\\x1f'), reason = u.reason,
        changed_at = u.changed_at, claim = u.claim, lease_until = null,
        next_at = case when u.step = 'queued' then now() + make_interval(secs => u.wait_s) else s.next_at end,
        queued_at = case when s.step = 'unsure' and u.step = 'queued' then now() else s.queued_at end,
        hold_until = case when u.step = 'unsure' then now() + make_interval(secs => u.hold_s) end
    from unnest($1::text[], $2::uuid[], $3::text[], $4::bytea[], $5::text[], $6::text[], $7::int[], $8::int[],
                $9::int[], $10::bool[], $11::text[], $12::text[], $13::timestamptz[], $14::uuid[], $15::float8[],
                $16::float8[], $17::text[])
        as u(workspace, message, recipient, content, state, step, version, attempts, part, doubtful, provider_id,
             reason, changed_at, claim, wait_s, hold_s, names)
    where s.workspace = u.workspace and s.message = u.message
"""


@dataclass(frozen=True, slots=True)
class Fresh:
    """A command as it is put down; `content` None where the person was erased."""

    workspace: str
    message: UUID
    command: UUID
    ticket: UUID
    person: UUID
    shop: str | None
    channel: str
    account: str
    recipient: str
    content: bytes | None
    state: str
    step: str
    version: int
    reason: str | None
    changed_at: datetime
    correlation: UUID | None
    trace: str | None
    conversation: str | None = None


def read(row: asyncpg.Record) -> Send:
    """A row as the domain knows it."""
    return Send(**{**row, "names": tuple(row["names"])})


async def put(tx: asyncpg.Connection, fresh: Sequence[Fresh]) -> set[Key]:
    """Put commands into the ledger; gives those that were not there. One send per message, for ever."""
    if not fresh:
        return set()
    rows = await tx.fetch(_PUT, *map(list, zip(*map(astuple, fresh), strict=True)))
    return {(row["workspace"], row["message"]) for row in rows}


async def lock(tx: asyncpg.Connection, keys: Sequence[Key]) -> dict[Key, Send]:
    """These rows, locked in order."""
    ordered = sorted(set(keys))
    rows = await tx.fetch(_LOCK, [key[0] for key in ordered], [key[1] for key in ordered]) if ordered else []
    return {(row["workspace"], row["message"]): read(row) for row in rows}


async def save(tx: asyncpg.Connection, sends: Sequence[Send]) -> None:
    """Write rows back; each is locked."""
    rows = [
        (
            *(s.workspace, s.message, s.recipient, s.content, s.state, s.step, s.version, s.attempts, s.part),
            *(s.doubtful, s.provider_id, s.reason, s.changed_at, s.claim, float(s.wait_s), float(s.hold_s)),
            "\x1f".join(s.names),
        )
        for s in sends
    ]
    if rows:
        await tx.execute(_SAVE, *map(list, zip(*rows, strict=True)))


async def commanded(connection: asyncpg.Connection, ids: Sequence[UUID]) -> set[UUID]:
    """Which of these commands stand in the ledger."""
    rows = await connection.fetch("select command from sends where command = any($1)", list(ids))
    return {row["command"] for row in rows}

"""SQL of mailboxes: who reads which, and how far each was read."""

from dataclasses import dataclass

import asyncpg

_CLAIM = "select pg_try_advisory_lock(hashtextextended('ingest.mailbox/' || $1 || '/' || $2, 5))"
_LET_GO = "select pg_advisory_unlock(hashtextextended('ingest.mailbox/' || $1 || '/' || $2, 5))"
_ADVANCE = """
    insert into mailboxes(workspace, account, mailbox, uid_validity, last_uid) values ($1, $2, $3, $4, $5)
    on conflict (workspace, account) do update
    set mailbox = excluded.mailbox, uid_validity = excluded.uid_validity, last_uid = excluded.last_uid, read_at = now()
"""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Everything of this validity (RFC 3501 §2.3.1.1) up to this UID was read."""

    uid_validity: int
    last_uid: int


async def claim(connection: asyncpg.Connection, workspace: str, account: str) -> bool:
    """Whether this session alone reads the mailbox; so until it lets go or ends."""
    return bool(await connection.fetchval(_CLAIM, workspace, account))


async def let_go(connection: asyncpg.Connection, workspace: str, account: str) -> None:
    """Another one may read the mailbox."""
    await connection.execute(_LET_GO, workspace, account)


async def cursor(connection: asyncpg.Connection, workspace: str, account: str, mailbox: str) -> Cursor | None:
    """How far this mailbox was read; None where the account had another one, or none."""
    row = await connection.fetchrow(
        "select uid_validity, last_uid from mailboxes where workspace = $1 and account = $2 and mailbox = $3",
        workspace,
        account,
        mailbox,
    )
    return Cursor(row["uid_validity"], row["last_uid"]) if row else None


async def advance(connection: asyncpg.Connection, workspace: str, account: str, mailbox: str, to: Cursor) -> None:
    """The mailbox was read up to there."""
    await connection.execute(_ADVANCE, workspace, account, mailbox, to.uid_validity, to.last_uid)

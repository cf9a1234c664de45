"""What our own log says of messages: it teaches a database that was restored to an earlier state.

What is about commands that are not in the ledger yet waits here for them. Whoever puts commands down and whoever keeps
such words meet under the lock of `receipts`.
"""

from collections.abc import Mapping, Sequence

import asyncpg

from services.notify.domain.send import Told
from services.notify.repo.receipts import RECORDING
from services.notify.repo.sends import Key

_VERSIONS = """
    select s.workspace, s.message, s.version from sends s
    join unnest($1::text[], $2::uuid[]) as u(workspace, message) using (workspace, message)
"""
_KEEP = """
    insert into told as t (workspace, message, version, state, at, reason, attempts)
    select * from unnest($1::text[], $2::uuid[], $3::int[], $4::text[], $5::timestamptz[], $6::text[], $7::int[])
    on conflict (workspace, message) do update set
        version = excluded.version, state = excluded.state, at = excluded.at, reason = excluded.reason,
        attempts = excluded.attempts
    where excluded.version > t.version
"""
_TAKE = """
    delete from told t using unnest($1::text[], $2::uuid[]) as u(workspace, message)
    where t.workspace = u.workspace and t.message = u.message
    returning t.workspace, t.message, t.version, t.state, t.at, t.reason, t.attempts
"""


async def versions(tx: asyncpg.Connection, keys: Sequence[Key]) -> dict[Key, int]:
    """The versions that the ledger has of these messages, not locked."""
    rows = await tx.fetch(_VERSIONS, [key[0] for key in keys], [key[1] for key in keys])
    return {(row["workspace"], row["message"]): row["version"] for row in rows}


async def keep(tx: asyncpg.Connection, words: Mapping[Key, Told]) -> None:
    """Keep these until their commands are put down. Call `wait_for_recorders` and `versions` before."""
    rows = [(*key, w.version, w.state, w.at, w.reason, w.attempts) for key, w in sorted(words.items())]
    await tx.execute(_KEEP, *map(list, zip(*rows, strict=True)))


async def take(tx: asyncpg.Connection, keys: Sequence[Key]) -> dict[Key, Told]:
    """What we had told of messages that this transaction has put down."""
    if not keys:
        return {}
    await tx.execute(RECORDING)
    rows = await tx.fetch(_TAKE, [key[0] for key in keys], [key[1] for key in keys])
    return {
        (row["workspace"], row["message"]): Told(
            row["version"], row["state"], row["at"], row["reason"], row["attempts"]
        )
        for row in rows
    }

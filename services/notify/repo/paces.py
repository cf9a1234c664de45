"""How fast each account may send, shared by all replicas."""

from collections.abc import Iterable, Mapping

import asyncpg

from services.notify.domain.pace import FRESH, Pace
from services.notify.repo.queue import Account

_MAKE = """
    insert into paces(workspace, channel, account, tokens, failures, open_until, at)
    select *, $4::float8, $5::int, now(), now() from unnest($1::text[], $2::text[], $3::text[])
    on conflict do nothing
"""
_LOCK = """
    select p.workspace, p.channel, p.account, p.tokens, p.failures,
        greatest(extract(epoch from p.open_until - now()), 0)::float8 as open_s,
        greatest(extract(epoch from now() - p.at), 0)::float8 as elapsed_s
    from paces p join unnest($1::text[], $2::text[], $3::text[]) as u(workspace, channel, account)
        using (workspace, channel, account)
    order by p.workspace, p.channel, p.account for update of p
"""
_SAVE = """
    update paces p set tokens = u.tokens, failures = u.failures, at = now(),
        open_until = now() + make_interval(secs => u.open_s)
    from unnest($1::text[], $2::text[], $3::text[], $4::float8[], $5::int[], $6::float8[])
        as u(workspace, channel, account, tokens, failures, open_s)
    where (p.workspace, p.channel, p.account) = (u.workspace, u.channel, u.account)
"""


async def lock(tx: asyncpg.Connection, accounts: Iterable[Account]) -> dict[Account, Pace]:
    """The paces of these accounts, locked in order; a new account begins fresh."""
    columns = _columns(sorted(set(accounts)))
    if not columns[0]:
        return {}
    rows = await tx.fetch(_LOCK, *columns)
    if len(rows) < len(columns[0]):
        await tx.execute(_MAKE, *columns, FRESH.tokens, FRESH.failures)
        rows = await tx.fetch(_LOCK, *columns)
    return {
        (row["workspace"], row["channel"], row["account"]): Pace(
            row["tokens"], row["failures"], row["open_s"], row["elapsed_s"]
        )
        for row in rows
    }


async def save(tx: asyncpg.Connection, paces: Mapping[Account, Pace]) -> None:
    """Write paces back; each is locked, and its bucket filled up to now."""
    if paces:
        values = list(paces.values())
        tokens, failures = [pace.tokens for pace in values], [pace.failures for pace in values]
        await tx.execute(_SAVE, *_columns(list(paces)), tokens, failures, [pace.open_s for pace in values])


def _columns(accounts: list[Account]) -> list[list[str]]:
    return [[account[place] for account in accounts] for place in range(3)]

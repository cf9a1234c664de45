"""How far a promise is kept: a cohort of tickets, counted (definitions.md, KPI 6)."""

from dataclasses import dataclass
from datetime import timedelta

import asyncpg

from shared.contracts.sla_settings import Promise
from shared.identity import Identity

# A machine's message that joined nothing stands on a ticket that was solved as it was opened: that is no case.
_COHORT = """
    select count(*) as all, count(*) filter (where kept) as kept,
        count(*) filter (where state not in ('solved', 'closed')) as unsolved
    from (
        select t.state, case $5::text
            when 'solved' then t.cycle = 1 and t.solved_at <= t.opened_at + $3::interval
            else exists (
                select from messages m
                where m.workspace = t.workspace and m.ticket = t.id and m.cycle = 1
                    and m.replied_at <= t.opened_at + $3::interval)
            end as kept
        from tickets t
        where t.workspace = $1 and t.opened_at > now() - $2::interval - $3::interval
            and t.opened_at <= now() - $3::interval
            and not t.spam and t.merged_into is null and t.clock <> 'agent-began'
            and not (t.cycle = 1 and t.solved_at is not distinct from t.opened_at)
            and ($4::text[] = '{}' or t.shop = any($4)) and ($6::text[] = '{}' or t.channel = any($6))
            and ($7::text[] = '{}' or t.priority = any($7)) and ($8::text[] = '{}' or t.shop = any($8))
    ) as cohort
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """Of `all` cases whose time has passed, `kept` came so far in time; `unsolved` are not solved to this day."""

    all: int
    kept: int
    unsolved: int


async def kept(connection: asyncpg.Connection, who: Identity, promise: Promise) -> Kept:
    """Count the cases that were opened in the promise's window, which ends where their time has just passed."""
    row = await connection.fetchrow(
        _COHORT,
        who.workspace,
        timedelta(days=promise.window_days),
        timedelta(seconds=promise.within_s),
        list(promise.shops),
        promise.measure,
        list(promise.channels),
        list(promise.priorities),
        list(who.shops),
    )
    assert row is not None
    return Kept(row["all"], row["kept"], row["unsolved"])

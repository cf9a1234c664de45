"""How tickets, replies and cycles stand, worked out from their facts: the same in whatever order these came."""

from collections.abc import Iterable, Sequence

import asyncpg

from services.metrics.domain.facts import ClockFact, Fact, ReplyFact, TicketFact

TABLES = ("tickets", "newest_replies", "cycles", "newest_clocks")
VIEWS = ("standing_replies",)

_TICKETS = """
    insert into tickets as t (workspace, ticket, version, event, at, shop, channel, state, cycle, cycle_started_at)
    select distinct on (f.workspace, f.ticket)
        f.workspace, f.ticket, f.version, f.event, f.at, f.shop, f.channel, f.state, f.cycle, f.cycle_started_at
    from unnest($1::text[], $2::uuid[], $3::int[], $4::uuid[]) as k(workspace, ticket, version, event)
    join ticket_facts f on f.workspace = k.workspace and f.ticket = k.ticket
        and f.version = k.version and f.event = k.event
    order by f.workspace, f.ticket, f.version desc, f.at desc, f.event desc
    on conflict (workspace, ticket) do update set version = excluded.version, event = excluded.event,
        at = excluded.at, shop = excluded.shop, channel = excluded.channel, state = excluded.state,
        cycle = excluded.cycle, cycle_started_at = excluded.cycle_started_at
    where (excluded.version, excluded.at, excluded.event) > (t.version, t.at, t.event)
"""
_REPLIES = """
    insert into newest_replies as n
    select distinct on (f.workspace, f.message)
        f.workspace, f.message, f.version, f.event, f.failed, f.at, f.ticket, f.cycle, f.shop, f.channel, f.agent,
        f.team, f.since_start_s, f.business_since_start_s
    from unnest($1::text[], $2::uuid[], $3::int[], $4::uuid[]) as k(workspace, message, version, event)
    join replies f on f.workspace = k.workspace and f.message = k.message
        and f.version = k.version and f.event = k.event
    order by f.workspace, f.message, f.version desc, f.at desc, f.event desc
    on conflict (workspace, message) do update set version = excluded.version, event = excluded.event,
        failed = excluded.failed, at = excluded.at, ticket = excluded.ticket, cycle = excluded.cycle,
        shop = excluded.shop, channel = excluded.channel, agent = excluded.agent, team = excluded.team,
        since_start_s = excluded.since_start_s, business_since_start_s = excluded.business_since_start_s
    where (excluded.version, excluded.at, excluded.event) > (n.version, n.at, n.event)
"""
_CLOCKS = """
    insert into newest_clocks as n
    select distinct on (f.workspace, f.clock)
        f.workspace, f.clock, f.version, f.event, f.at, f.ticket, f.kind, f.shop, f.channel, f.agent, f.outcome,
        f.decided_at
    from unnest($1::text[], $2::uuid[], $3::int[], $4::uuid[]) as k(workspace, clock, version, event)
    join clock_facts f on f.workspace = k.workspace and f.clock = k.clock and f.version = k.version
        and f.event = k.event
    where f.outcome is not null
    order by f.workspace, f.clock, f.version desc, f.at desc, f.event desc
    on conflict (workspace, clock) do update set version = excluded.version, event = excluded.event, at = excluded.at,
        ticket = excluded.ticket, kind = excluded.kind, shop = excluded.shop, channel = excluded.channel,
        agent = excluded.agent, outcome = excluded.outcome, decided_at = excluded.decided_at
    where (excluded.version, excluded.at, excluded.event) > (n.version, n.at, n.event)
"""
# Of the facts of a cycle that come after the last one in which it was our, the customer's or a third party's turn, the
# first is its end. Where it has no reply, it is void since the first fact that says so and that nothing undid; where
# its clock began anew after that, it began then.
WORKED_OUT = """
    select b.workspace, b.ticket, b.cycle, coalesce(began.at, b.at) as started_at, b.shop, b.channel, b.person,
        e.at as ended_at, r.at as replied_at, r.message, r.agent, r.team, r.since_start_s as calendar_s,
        r.business_since_start_s as business_s, v.at as voided_at
    from (
        select distinct on (f.workspace, f.ticket, f.cycle) f.* from keys k
        join ticket_facts f on f.workspace = k.workspace and f.ticket = k.ticket and f.cycle = k.cycle
        where f.what in ('opened', 'reopened')
        order by f.workspace, f.ticket, f.cycle, f.version desc, f.at desc, f.event desc
    ) as b
    left join lateral (
        select s.* from standing_replies s
        where s.workspace = b.workspace and s.ticket = b.ticket and s.cycle = b.cycle order by s.at, s.message limit 1
    ) as r on true
    left join lateral (
        select f.at from ticket_facts f
        where f.workspace = b.workspace and f.ticket = b.ticket and f.cycle = b.cycle
            and f.state in ('solved', 'closed')
            and not exists (
                select from ticket_facts later
                where later.workspace = f.workspace and later.ticket = f.ticket and later.cycle = f.cycle
                    and later.state not in ('solved', 'closed')
                    and (later.version, later.at, later.event) > (f.version, f.at, f.event))
        order by f.version, f.at, f.event limit 1
    ) as e on true
    left join lateral (
        select f.at from ticket_facts f
        where f.workspace = b.workspace and f.ticket = b.ticket and f.cycle = b.cycle
            and f.reason = 'void' and f.what <> 'state'
            and not exists (
                select from ticket_facts later
                where later.workspace = f.workspace and later.ticket = f.ticket and later.cycle = f.cycle
                    and (later.what = 'changed' and later.reason = 'runs' or later.what = 'counted'
                        or later.what = 'message' and later.author = 'customer' and not later.automatic)
                    and (later.version, later.at, later.event) > (f.version, f.at, f.event))
        order by f.version, f.at, f.event limit 1
    ) as v on r.at is null
    left join lateral (
        select max(f.cycle_started_at) as at from ticket_facts f
        where f.workspace = b.workspace and f.ticket = b.ticket and f.cycle = b.cycle
            and (r.at is null or f.cycle_started_at <= r.at)
    ) as began on true
    where b.author = 'customer' and (b.state <> 'solved' or exists (
        select from ticket_facts c
        where c.workspace = b.workspace and c.ticket = b.ticket and c.what = 'counted' and c.message = b.message))
"""
_CYCLES = f"""
    with keys as materialized (
        select * from unnest($1::text[], $2::uuid[], $3::int[]) as k(workspace, ticket, cycle)
        union
        select r.workspace, r.ticket, r.cycle from unnest($4::text[], $5::uuid[]) as m(workspace, message)
        join replies r on r.workspace = m.workspace and r.message = m.message
    )
    insert into cycles as c {WORKED_OUT} order by 1, 2, 3
    on conflict (workspace, ticket, cycle) do update set started_at = excluded.started_at, shop = excluded.shop,
        channel = excluded.channel, person = excluded.person, ended_at = excluded.ended_at,
        replied_at = excluded.replied_at, message = excluded.message, agent = excluded.agent, team = excluded.team,
        calendar_s = excluded.calendar_s, business_s = excluded.business_s,
        voided_at = excluded.voided_at
    where c is distinct from excluded
"""


async def work_out(tx: asyncpg.Connection, batch: Sequence[Fact]) -> None:
    """Let everything that these facts are about, and that are inserted, stand as all facts so far say."""
    about = [one for one in batch if isinstance(one, TicketFact)]
    if about:
        await tx.execute(_TICKETS, *_columns(((f.workspace, f.ticket, f.version, f.event) for f in about), 4))
    answers = [one for one in batch if isinstance(one, ReplyFact)]
    if answers:
        await tx.execute(_REPLIES, *_columns(((f.workspace, f.message, f.version, f.event) for f in answers), 4))
    clocks = [one for one in batch if isinstance(one, ClockFact)]
    if clocks:
        await tx.execute(_CLOCKS, *_columns(((f.workspace, f.clock, f.version, f.event) for f in clocks), 4))
    if about or answers:
        touched = _columns(((f.workspace, f.ticket, f.cycle) for f in about), 3)
        await tx.execute(_CYCLES, *touched, *_columns(((f.workspace, f.message) for f in answers), 2))


def _columns(rows: Iterable[tuple[object, ...]], width: int) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]

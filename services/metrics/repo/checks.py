"""Invariants of this schema, for `switchboard verify`."""

import asyncpg

from services.metrics.repo.standing import WORKED_OUT
from shared.verify import Violation

_MOST = 100

_INVARIANTS = {
    "a ticket stands as its newest fact says": """
        select f.workspace || '/' || f.ticket as subject,
            coalesce('kept: version ' || t.version || ' ' || t.state, 'not kept')
                || ', fact: version ' || f.version || ' ' || f.state as detail
        from (
            select distinct on (workspace, ticket) workspace, ticket, version, event, state, cycle
            from ticket_facts order by workspace, ticket, version desc, at desc, event desc
        ) as f left join tickets t on t.workspace = f.workspace and t.ticket = f.ticket
        where t.event is null or (t.version, t.event, t.state, t.cycle) <> (f.version, f.event, f.state, f.cycle)
    """,
    "a cycle stands as its facts say": f"""
        with keys as (select distinct workspace, ticket, cycle from ticket_facts)
        select coalesce(c.workspace, w.workspace) || '/' || coalesce(c.ticket, w.ticket) as subject,
            'cycle ' || coalesce(c.cycle, w.cycle) || ' is kept otherwise' as detail
        from cycles c full join ({WORKED_OUT}) as w
            on w.workspace = c.workspace and w.ticket = c.ticket and w.cycle = c.cycle
        where c.* is distinct from w.*
    """,
    "a reply stands as its newest fact says": """
        select f.workspace || '/' || f.message as subject, 'fact: version ' || f.version as detail
        from (
            select distinct on (workspace, message) workspace, message, version, event, failed
            from replies order by workspace, message, version desc, at desc, event desc
        ) as f left join newest_replies n on n.workspace = f.workspace and n.message = f.message
        where (n.version, n.event, n.failed) is distinct from (f.version, f.event, f.failed)
    """,
    "a ticket's facts begin with its opening": """
        select t.workspace || '/' || t.ticket as subject, 'no fact of its opening' as detail
        from tickets t where not exists (
            select from ticket_facts f where f.workspace = t.workspace and f.ticket = t.ticket and f.what = 'opened')
    """,
    "a cycle begins once": """
        select workspace || '/' || ticket as subject, 'cycle ' || cycle || ' began ' || count(*) || ' times' as detail
        from ticket_facts where what in ('opened', 'reopened')
        group by workspace, ticket, cycle having count(*) > 1
    """,
    "a reply answers a cycle that began": """
        select r.workspace || '/' || r.message as subject, 'cycle ' || r.cycle || ' of ' || r.ticket as detail
        from replies r where not exists (
            select from ticket_facts f
            where f.workspace = r.workspace and f.ticket = r.ticket and f.cycle = r.cycle
                and f.what in ('opened', 'reopened'))
    """,
    "a reply's seconds are those since its cycle began": """
        select r.workspace || '/' || r.message as subject,
            r.since_start_s || ' s, ' || r.business_since_start_s || ' s of business, from ' || f.at || ' to ' || r.at
                as detail
        from replies r join ticket_facts f on f.workspace = r.workspace and f.ticket = r.ticket and f.cycle = r.cycle
            and f.what in ('opened', 'reopened')
        where not r.failed and (
            r.business_since_start_s not between 0 and greatest(0, r.since_start_s)
            or not exists (
                select from ticket_facts s
                where s.workspace = r.workspace and s.ticket = r.ticket and s.cycle = r.cycle
                    and abs(r.since_start_s - greatest(0, extract(epoch from r.at - s.cycle_started_at))) <= 1))
    """,
    "a message is one ticket's": """
        select workspace || '/' || message as subject, count(distinct ticket) || ' tickets' as detail
        from ticket_facts where message is not null
        group by workspace, message having count(distinct ticket) > 1
    """,
    "no event waits in the outbox for long": """
        select id::text as subject, topic || ' since ' || at as detail
        from outbox where at < now() - interval '1 minute'
    """,
}


async def check_facts(connection: asyncpg.Connection) -> list[Violation]:
    """What does not hold, at most 100 of each invariant."""
    found = []
    for invariant, sql in _INVARIANTS.items():
        rows = await connection.fetch(f"{sql} limit {_MOST}")
        found += [Violation("metrics", invariant, row["subject"], row["detail"]) for row in rows]
    return found

"""Routing's invariants over its own schema, for `switchboard verify` (definitions.md, "Routing", Invariants)."""

from uuid import UUID

import asyncpg

from shared.verify import Violation

_MOST = 100

_INVARIANTS = {
    "a ticket is waiting, offered, held or done, never two": """
        select workspace || '/' || id as subject,
            place || ' with agent ' || coalesce(agent, 'none') || ', offer ' || coalesce(offer::text, 'none')
                || ', lease until ' || coalesce(lease_until::text, 'none') as detail
        from tickets
        where case place
            when 'waiting' then agent is not null or offer is not null or lease_until is not null or not live
            when 'offered' then agent is null or offer is null or lease_until is null or not live
            when 'held' then agent is null or lease_until is not null or mode is null
            else agent is not null or offer is not null or lease_until is not null or live
        end
    """,
    "an offer is asked of one agent for one ticket": """
        select workspace || '/' || offer as subject, count(*) || ' tickets share it' as detail
        from tickets where offer is not null group by workspace, offer having count(*) > 1
    """,
    "load is the sum of weights of tickets where it is our turn": """
        select coalesce(l.workspace, t.workspace) || '/' || coalesce(l.agent, t.agent) as subject,
            coalesce(l.channel, t.channel) || ': kept ' || coalesce(l.tickets, 0) || ' tickets of weight '
                || coalesce(l.weight, 0) || ', there are ' || coalesce(t.tickets, 0) || ' of ' || coalesce(t.weight, 0)
                as detail
        from loads l full join (
            select workspace, agent, channel, count(*) as tickets, sum(weight) as weight
            from tickets where agent is not null and live group by workspace, agent, channel
        ) t on t.workspace = l.workspace and t.agent = l.agent and t.channel = l.channel
        where coalesce(l.tickets, 0) <> coalesce(t.tickets, 0) or coalesce(l.weight, 0) <> coalesce(t.weight, 0)
    """,
    "no push or offer lifts a load over capacity": """
        select workspace || '/' || ticket as subject,
            outcome || ' to ' || agent || ' made his load ' || load || ' of ' || capacity as detail
        from decisions where load > capacity and outcome in ('offered', 'assigned')
    """,
    "every enqueue ends in exactly one of assigned, withdrawn, closed": """
        select d.workspace || '/' || d.ticket as subject,
            'enqueue ' || d.enqueue || ' ended ' || count(*) || ' times' as detail
        from decisions d where d.outcome in ('assigned', 'withdrawn', 'closed')
        group by d.workspace, d.ticket, d.enqueue having count(*) > 1
        union all
        select t.workspace || '/' || t.id, 'enqueue ' || n || ' of ' || t.enqueue || ' has no end'
        from tickets t cross join lateral generate_series(1, t.enqueue) n
        where (n < t.enqueue or t.place in ('held', 'done')) and not exists (
            select from decisions d where d.workspace = t.workspace and d.ticket = t.id and d.enqueue = n
                and d.outcome in ('assigned', 'withdrawn', 'closed')
        )
        union all
        select t.workspace || '/' || t.id, 'enqueue ' || t.enqueue || ' has ended, and the ticket is ' || t.place
        from tickets t join decisions d on d.workspace = t.workspace and d.ticket = t.id and d.enqueue = t.enqueue
            and d.outcome in ('assigned', 'withdrawn', 'closed')
        where t.place in ('waiting', 'offered')
    """,
    "every decision is explained": """
        select t.workspace || '/' || t.id as subject, t.place || ' by ' || t.agent || ', no decision says why' as detail
        from tickets t where t.place in ('offered', 'held') and not exists (
            select from decisions d where d.workspace = t.workspace and d.ticket = t.id and d.agent = t.agent
                and d.outcome in ('offered', 'assigned')
        )
    """,
    "the original enqueue time survives": """
        select workspace || '/' || id as subject, place || ' without the time it was enqueued' as detail
        from tickets where enqueue > 0 and enqueued_at is null
    """,
    "a lease that has ended is ended": """
        select workspace || '/' || id as subject, 'offered to ' || agent || ' until ' || lease_until as detail
        from tickets where place = 'offered' and lease_until < now() - interval '1 minute'
    """,
    "what is new in the queue is matched": """
        select w.workspace as subject, 'marked, and tickets have waited without a reason since ' || min(t.enqueued_at)
            as detail
        from workspaces w join tickets t on t.workspace = w.workspace and t.place = 'waiting'
            and t.waiting_reason is null and t.enqueued_at < now() - interval '1 minute'
        where w.dirty or w.news group by w.workspace
    """,
    "no event waits in the outbox for long": """
        select id::text as subject, topic || ' since ' || at as detail
        from outbox where at < now() - interval '1 minute'
    """,
}


async def check_routing(connection: asyncpg.Connection) -> list[Violation]:
    """What does not hold, at most 100 of each invariant."""
    found = []
    for invariant, sql in _INVARIANTS.items():
        rows = await connection.fetch(f"{sql} limit {_MOST}")
        found += [Violation("routing", invariant, row["subject"], row["detail"]) for row in rows]
    return found


async def holders(connection: asyncpg.Connection) -> dict[UUID, str]:
    """Who holds each ticket."""
    rows = await connection.fetch("select id, agent from tickets where place = 'held'")
    return {row["id"]: row["agent"] for row in rows}

"""Invariants of this schema, for `switchboard verify`."""

from uuid import UUID

import asyncpg

from shared.verify import Violation

_MOST = 100

_INVARIANTS = {
    "every message stands on a ticket": """
        select m.workspace || '/' || m.id as subject, 'ticket ' || m.ticket || ' is not there' as detail
        from messages m left join tickets t on t.workspace = m.workspace and t.id = m.ticket where t.id is null
    """,
    "a provider's message is kept once": """
        select workspace || '/' || channel || '/' || account as subject,
            count(*) || ' messages share a natural id' as detail
        from messages where edit_of is null
        group by workspace, channel, account, natural_id having count(*) > 1
    """,
    "every identity belongs to a person": """
        select i.workspace || '/' || i.kind as subject, 'person ' || i.person || ' is not there' as detail
        from identities i left join persons p on p.workspace = i.workspace and p.id = i.person where p.id is null
    """,
    "every ticket has a first message": """
        select t.workspace || '/' || t.id as subject, 'no message' as detail
        from tickets t where not exists (select from messages m where m.workspace = t.workspace and m.ticket = t.id)
    """,
    "a held ticket is not new": """
        select workspace || '/' || id as subject, 'held by ' || assignee || ' in state new' as detail
        from tickets where assignee is not null and state = 'new'
    """,
    "a solved ticket knows when": """
        select workspace || '/' || id as subject, state || ' without solved_at' as detail
        from tickets where (state = 'solved') and solved_at is null
    """,
    "a ticket is in a state of the life cycle": """
        select workspace || '/' || id as subject, 'state ' || state as detail
        from tickets where state not in ('new', 'open', 'pending', 'on-hold', 'solved', 'closed')
    """,
    "a solved or closed ticket has no holder": """
        select workspace || '/' || id as subject, state || ', held by ' || assignee as detail
        from tickets where state in ('solved', 'closed') and assignee is not null
    """,
    "a ticket counts its changes": """
        select t.workspace || '/' || t.id as subject, 'version ' || t.version || ', last change ' || c.last as detail
        from tickets t join (
            select workspace, ticket, max(version) as last from (
                select workspace, ticket, version from messages
                union all
                select workspace, ticket, version from happenings
            ) as each group by workspace, ticket
        ) as c on c.workspace = t.workspace and c.ticket = t.id
        where t.version < c.last
    """,
    "no two changes of a ticket share a version": """
        select workspace || '/' || ticket as subject, count(*) || ' changes at version ' || version as detail
        from (
            select workspace, ticket, version from messages where copy_of is null and version > 0
            union all
            select workspace, ticket, version from happenings
        ) as each group by workspace, ticket, version having count(*) > 1
    """,
    "a cycle begins with a customer's message": """
        select t.workspace || '/' || t.id as subject, 'cycle ' || t.cycle || ', but not as many began' as detail
        from tickets t join messages m on m.workspace = t.workspace and m.ticket = t.id
        where m.copy_of is null
        group by t.workspace, t.id, t.cycle
        having count(*) filter (where m.did in ('opened', 'reopened')) <> t.cycle and min(m.version) > 0
    """,
    "routing's early decisions are followed once their tickets are here": """
        select e.workspace || '/' || e.ticket as subject, 'version ' || e.version || ' still waits' as detail
        from early_routing e join tickets t on t.workspace = e.workspace and t.id = e.ticket
    """,
    "no event waits in the outbox for long": """
        select id::text as subject, topic || ' since ' || at as detail
        from outbox where at < now() - interval '1 minute'
    """,
}


async def check_tickets(connection: asyncpg.Connection) -> list[Violation]:
    """What does not hold, at most 100 of each invariant."""
    found = []
    for invariant, sql in _INVARIANTS.items():
        rows = await connection.fetch(f"{sql} limit {_MOST}")
        found += [Violation("tickets", invariant, row["subject"], row["detail"]) for row in rows]
    return found


async def holders(connection: asyncpg.Connection) -> dict[UUID, str]:
    """Who holds each ticket."""
    rows = await connection.fetch("select id, assignee from tickets where assignee is not null")
    return {row["id"]: row["assignee"] for row in rows}

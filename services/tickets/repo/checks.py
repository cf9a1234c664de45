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
        from messages
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
    "a ticket with a clock that is to be looked at has its timer": """
        select c.workspace || '/' || c.ticket as subject, 'a clock rings at ' || min(c.next_at) as detail
        from clocks c where c.next_at is not null group by c.workspace, c.ticket having not exists (
            select from timers t where t.workspace = c.workspace and t.ticket = c.ticket and t.kind = 'sla'
                and t.due_at = min(c.next_at))
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
                union all
                select workspace, ticket, version from changes where ticket is not null
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
            union all
            select workspace, ticket, version from changes where ticket is not null
        ) as each group by workspace, ticket, version having count(*) > 1
    """,
    "a cycle begins with a customer's message": """
        select t.workspace || '/' || t.id as subject, 'cycle ' || t.cycle || ', but not as many began' as detail
        from tickets t join messages m on m.workspace = t.workspace and m.ticket = t.id
        where m.copy_of is null and not exists (
            select from messages s where s.workspace = t.workspace and s.split_from = t.id)
        group by t.workspace, t.id, t.cycle
        having count(*) filter (where m.did in ('opened', 'reopened')) <> t.cycle and min(m.version) > 0
    """,
    "routing's early decisions are followed once their tickets are here": """
        select e.workspace || '/' || e.ticket as subject, 'version ' || e.version || ' still waits' as detail
        from early_routing e join tickets t on t.workspace = e.workspace and t.id = e.ticket
    """,
    "how far a message came is a state of deliveries, and only ours have one": """
        select workspace || '/' || id as subject, author || ', ' || coalesce(delivery, 'none') as detail
        from messages
        where (delivery is not null) <> (author <> 'customer' and not note)
            or delivery not in ('queued', 'unknown', 'sent', 'delivered', 'read', 'failed')
    """,
    "a reply counts where the provider has it": """
        select workspace || '/' || id as subject, coalesce(delivery, 'none') || ', replied at ' || replied_at as detail
        from messages where replied_at is not null and (written_by is null or note or delivery = 'failed')
    """,
    "notify has spoken of every answer": """
        select workspace || '/' || id as subject, 'written at ' || accepted_at as detail
        from messages where delivery = 'queued' and delivery_version = 0 and accepted_at < now() - interval '1 minute'
    """,
    "early words on answers are followed once those are here": """
        select e.workspace || '/' || e.message as subject, 'version ' || e.version || ' still waits' as detail
        from early_deliveries e join messages m on m.workspace = e.workspace and m.id = e.message
    """,
    "an erased person has no identity": """
        select p.workspace || '/' || p.id as subject, i.kind as detail
        from persons p join identities i on i.workspace = p.workspace and i.person = p.id where p.erased
    """,
    "of an erased person only ids, states and times are kept": """
        select m.workspace || '/' || m.id as subject, 'written ' || m.accepted_at || ', erased ' || e.before as detail
        from erasures e join messages m on m.workspace = e.workspace and m.person = e.person
        where 'tickets' = any(e.done) and m.accepted_at < e.before
            and (m.body <> '' or m.subject is not null or m.sender_value is not null or m.attachments <> '[]'
                or m.quoted is not null or m.copied <> '[]')
        union all
        select c.workspace || '/' || c.id, 'change of ' || c.accepted_at || ', erased ' || e.before
        from erasures e join changes c on c.workspace = e.workspace and c.person = e.person
        where 'tickets' = any(e.done) and c.accepted_at < e.before and (c.body <> '' or c.attachments <> '[]')
    """,
    "whoever was merged leads to somebody who was not": """
        select p.workspace || '/' || p.id as subject, 'root ' || coalesce(p.root::text, 'none') as detail
        from persons p left join persons r on r.workspace = p.workspace and r.id = p.root
        where (p.merged_into is null) <> (p.root is null)
            or p.root is not null and (r.id is null or r.merged_into is not null)
    """,
    "a ticket is with the person who has its requester": """
        select t.workspace || '/' || t.id as subject, t.person || ', not ' || coalesce(s.root, s.id) as detail
        from tickets t join persons s on s.workspace = t.workspace and s.id = coalesce(t.side, t.person)
        where t.person <> coalesce(s.root, s.id)
    """,
    "a ticket that was merged is closed, counts in no clock, and leads to one that is there": """
        select t.workspace || '/' || t.id as subject, t.state || ', ' || t.clock as detail
        from tickets t left join tickets i on i.workspace = t.workspace and i.id = t.merged_into
        where t.merged_into is not null and (t.state <> 'closed' or t.clock <> 'void' or i.id is null)
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

"""Invariants of this schema, for `switchboard verify`."""

import asyncpg

from shared.verify import Violation

_MOST = 100

_INVARIANTS = {
    "a message is in a state of the ledger": """
        select workspace || '/' || message as subject, 'state ' || state || ', step ' || step as detail
        from sends where state not in ('queued', 'unknown', 'sent', 'delivered', 'read', 'failed')
            or step not in ('queued', 'sending', 'unsure', 'done')
    """,
    "state and step agree": """
        select workspace || '/' || message as subject, 'state ' || state || ', step ' || step as detail
        from sends where (step = 'done') <> (state in ('sent', 'delivered', 'read', 'failed'))
            or (step = 'unsure') <> (state = 'unknown')
    """,
    "a conversation sends one message at a time": """
        select workspace || '/' || min(message::text) as subject, count(*) || ' are under way' as detail
        from sends where step = 'sending' group by workspace, channel, account, recipient having count(*) > 1
    """,
    "what is under way has a lease, and what is not has none": """
        select workspace || '/' || message as subject, 'step ' || step as detail
        from sends where (step = 'sending') <> (lease_until is not null)
            or (step = 'sending' and lease_until < now() - interval '1 minute')
    """,
    "an unknown outcome holds its conversation only for a time": """
        select workspace || '/' || message as subject, 'no end' as detail
        from sends where step = 'unsure' and hold_until is null
    """,
    "what is done keeps no content": """
        select workspace || '/' || message as subject, 'step done' as detail
        from sends where step = 'done' and (content is not null or recipient <> '')
    """,
    "no receipt waits for a send that is recorded": """
        select r.workspace || '/' || r.channel || '/' || r.account as subject, r.state || ' of ' || s.message as detail
        from receipts r join sends s on (s.workspace, s.channel, s.account) = (r.workspace, r.channel, r.account)
            and (s.provider_id = r.provider_id or s.message::text = r.provider_id)
    """,
    "one who was erased is not known": """
        select e.workspace || '/' || e.person as subject, 'still has a contact or a row with content' as detail
        from erased e
        where exists (select from contacts c
                      where c.workspace = e.workspace and c.person = e.person and not c.erased)
            or exists (select from sends s
                       where s.workspace = e.workspace and s.person = e.person and s.content is not null
                           and s.queued_at < e.before)
    """,
    "no event waits in the outbox for long": """
        select id::text as subject, topic || ' since ' || at as detail
        from outbox where at < now() - interval '1 minute'
    """,
}


async def check_sends(connection: asyncpg.Connection) -> list[Violation]:
    """What does not hold, at most 100 of each invariant."""
    found = []
    for invariant, sql in _INVARIANTS.items():
        rows = await connection.fetch(f"{sql} limit {_MOST}")
        found += [Violation("notify", invariant, row["subject"], row["detail"]) for row in rows]
    return found

"""What the messages of a ticket tell about its clocks, where no evidence was kept when they came."""

from collections.abc import Sequence

import asyncpg

from services.tickets.domain.evidence import Evidence, What
from services.tickets.domain.ticket import Ticket
from services.tickets.repo.clocks import Key
from shared.ids import derived_id

_SAID = """
    select m.workspace, m.ticket, m.id, m.author = 'customer' as heard,
        case when m.author = 'customer' then m.accepted_at else m.replied_at end as at, m.delivery_version
    from messages m join unnest($1::text[], $2::uuid[], $3::int[], $4::timestamptz[])
        as u(workspace, ticket, cycle, began) using (workspace, ticket)
    where m.copy_of is null and not m.note and case when m.author = 'customer'
        then m.automatic is null and m.accepted_at > u.began else m.replied_at is not null and m.cycle = u.cycle end
"""


async def told(tx: asyncpg.Connection, tickets: Sequence[Ticket]) -> dict[Key, list[Evidence]]:
    """The evidence of each ticket's present cycle, under no terms; a ticket on which only machines wrote has none."""
    spoken = [ticket for ticket in tickets if ticket.state != "closed" and ticket.clock != "void"]
    found = {(ticket.workspace, ticket.id): [_began(ticket), _stands(ticket)] for ticket in spoken}
    columns = ([t.workspace for t in spoken], [t.id for t in spoken], [t.cycle for t in spoken])
    cycles = {(ticket.workspace, ticket.id): ticket.cycle for ticket in spoken}
    rows = await tx.fetch(_SAID, *columns, [t.cycle_started_at for t in spoken]) if spoken else ()
    for row in rows:
        key, what = (row["workspace"], row["ticket"]), _what(row)
        found[key].append(
            Evidence(
                at=row["at"],
                what=what,
                id=derived_id(row["id"], "evidence", what),
                version=row["delivery_version"],
                cycle=cycles[key],
                subject=row["id"],
            )
        )
    return found


def _what(row: asyncpg.Record) -> What:
    return "heard" if row["heard"] else "replied"


def _began(ticket: Ticket) -> Evidence:
    return Evidence(
        at=ticket.cycle_started_at,
        what="began",
        id=derived_id(ticket.id, "evidence", f"began/{ticket.cycle}"),
        cycle=ticket.cycle,
        word=ticket.priority,
        subject=None if ticket.clock == "agent-began" else ticket.id,
    )


def _stands(ticket: Ticket) -> Evidence:
    """The state, since the last time that somebody was active."""
    id_ = derived_id(ticket.id, "evidence", f"moved/{ticket.version}")
    return Evidence(at=ticket.active_at, what="moved", id=id_, version=ticket.version, word=ticket.state)

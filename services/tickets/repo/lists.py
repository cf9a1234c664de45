"""Lists of tickets, newest activity first: each walks one index for just a page, however many tickets there are.

The narrowest filter that has an index leads; within it each state is walked apart and the pages are merged, so that a
state of which there is little among much is found at once. What has no index of its own is filtered on the way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from services.tickets.domain.ticket import Ticket
from services.tickets.repo.tickets import COLUMNS, of_row
from shared.contracts.ticket_events import STATES
from shared.identity import Identity

_STATES = "unnest($2::text[]) as s(state)"
_LEADS = {
    "assignee": (_STATES, "t.assignee = $4 and t.state = s.state"),
    "person": (_STATES, "t.person = $6 and t.state = s.state"),
    "channel": (_STATES, "t.channel = $5 and t.state = s.state"),
    "shops": (f"unnest($3::text[]) as p(shop) cross join {_STATES}", "t.shop = p.shop and t.state = s.state"),
    "state": (_STATES, "t.state = s.state"),
}
_FILTERS = {
    "shops": "($3::text[] is null or t.shop = any($3))",
    "assignee": "($4::text is null or t.assignee = $4)",
    "channel": "($5::text is null or t.channel = $5)",
    "person": "($6::uuid is null or t.person = $6)",
}


def _sql(lead: str) -> str:
    source, condition = _LEADS[lead]
    rest = " and ".join(text for name, text in _FILTERS.items() if name != lead)
    return f"""
        select {", ".join(f"t.{column}" for column in COLUMNS)} from {source} cross join lateral (
            select * from tickets t
            where t.workspace = $1 and {condition} and {rest} and (t.active_at, t.id) < ($7, $8::uuid)
            order by t.active_at desc, t.id desc limit $9
        ) as t
        order by t.active_at desc, t.id desc limit $9
    """


_SQL = {lead: _sql(lead) for lead in _LEADS}


@dataclass(frozen=True, slots=True)
class Wanted:
    """The filters of a list; None leaves a filter out. `before` is the last item of the page before."""

    before: tuple[datetime, UUID]
    state: str | None = None
    shop: str | None = None
    assignee: str | None = None
    channel: str | None = None
    person: UUID | None = None


async def page(connection: asyncpg.Connection, who: Identity, wanted: Wanted, most: int) -> list[Ticket]:
    """Tickets that the caller may see, newest activity first."""
    shops = _shops(who, wanted.shop)
    if shops == []:
        return []
    given = {"assignee": wanted.assignee, "person": wanted.person, "channel": wanted.channel, "shops": shops}
    lead = next((name for name in _LEADS if given.get(name) is not None), "state")
    states = STATES if wanted.state is None else (wanted.state,)
    filters = (wanted.assignee, wanted.channel, wanted.person)
    rows = await connection.fetch(_SQL[lead], who.workspace, list(states), shops, *filters, *wanted.before, most)
    return [of_row(row) for row in rows]


def _shops(who: Identity, asked: str | None) -> Sequence[str] | None:
    """The shops to look in; None for all, and for tickets of no shop."""
    if asked is None:
        return list(who.shops) or None
    return [asked] if not who.shops or asked in who.shops else []

"""What an agent sees of a person beside the conversation, in one read."""

from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import FastAPI
from pydantic import BaseModel, Field

from services.tickets.api_organisations import OrganisationView
from services.tickets.api_people import person_view
from services.tickets.pages import FIRST
from services.tickets.repo import lists, organisations, panels, suggestions
from services.tickets.views import TicketView
from services.tickets.views_people import PersonView, SuggestionView
from services.tickets.visible import require_person
from shared.contracts.ticket_events import STATES, State
from shared.db.pool import connection
from shared.http import Caller, problems
from shared.service import Runtime

LATEST = 10
ORDERS = 20
SUGGESTIONS = 5


class OrderLine(BaseModel):
    """An order that tickets of the person name."""

    number: str
    tickets: list[UUID]


class Panel(BaseModel):
    """A person, who is with him, what time it is there, and what he came with before."""

    person: PersonView
    organisation: OrganisationView | None
    local_time: datetime | None = Field(description="Now, on his clock; null where nobody knows his zone")
    counts: dict[State, int] = Field(description="His tickets by state, without those merged into others")
    latest: list[TicketView] = Field(description="The ten with the newest activity")
    orders: list[OrderLine] = Field(description="Orders that his tickets name, the newest first")
    suggestions: list[SuggestionView] = Field(description="Who he may be, too")


def add_context(app: FastAPI, runtime: Runtime) -> None:
    """The route."""

    @app.get("/v1/persons/{id}/context", responses=problems(404))
    async def read_context(id: UUID, who: Caller) -> Panel:
        """Everything about a person that helps to answer him."""
        async with connection(runtime.pool) as one:
            await require_person(one, who, id)
            shown = await person_view(one, who.workspace, id)
            found = await organisations.one(one, who.workspace, shown.organisation) if shown.organisation else None
            counts = await panels.counts(one, who, id)
            latest = await lists.page(one, who, lists.Wanted(FIRST, person=id), LATEST)
            orders = await panels.orders(one, who, id, ORDERS)
            maybe = await suggestions.open_ones(one, who.workspace, FIRST, SUGGESTIONS, shops=who.shops, person=id)
        return Panel(
            person=shown,
            organisation=OrganisationView.of(found) if found is not None else None,
            local_time=datetime.now(UTC).astimezone(ZoneInfo(shown.zone)) if shown.zone else None,
            counts={state: counts.get(state, 0) for state in STATES},
            latest=[TicketView.of(ticket) for ticket in latest],
            orders=[OrderLine(number=row["number"], tickets=row["tickets"]) for row in orders],
            suggestions=[SuggestionView.of(s) for s in maybe],
        )

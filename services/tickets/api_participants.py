"""A person over all channels, and who takes part in a ticket."""

from typing import Any
from uuid import UUID

from fastapi import FastAPI
from pydantic import BaseModel, Field

from services.tickets.pages import Cursor, Limit, cursor, person_place
from services.tickets.repo import answers, changes, participants
from services.tickets.timeline import entry
from services.tickets.views import Entry
from services.tickets.visible import require_person, require_ticket
from shared.db.pool import connection, transaction
from shared.http import Caller, problems
from shared.service import Runtime


class PersonEntry(Entry):
    """A line of a person's timeline: said or happened on one of the tickets, over one of the channels."""

    ticket: UUID
    about: str | None = Field(description="The ticket's subject")
    channel: str
    account: str
    shop: str | None


class PersonTimeline(BaseModel):
    """Newest first; `next` is the cursor of the next page, null at the end."""

    items: list[PersonEntry]
    next: str | None


class Participant(BaseModel):
    """Somebody on a ticket: its requester, a guest who wrote with its token, or one who was copied in."""

    role: str = Field(description="requester, guest or copied")
    person: UUID | None
    name: str | None
    kind: str | None = Field(None, description="What sort of address, where he was copied in")
    value: str | None = Field(None, description="The address, where he was copied in")


class AnswerAddress(BaseModel):
    """Where the next answer goes; nobody else reads it but those whom it names in `cc`."""

    channel: str
    account: str
    kind: str
    value: str
    name: str | None


class Participants(BaseModel):
    """Who takes part, and who will read the next answer."""

    items: list[Participant]
    answer_goes_to: AnswerAddress | None = Field(description="Null where nothing says how to reach the customer")


def add_participants(app: FastAPI, runtime: Runtime) -> None:
    """The routes."""

    @app.get("/v1/persons/{id}/timeline", responses=problems(404))
    async def read_person_timeline(
        id: UUID,
        who: Caller,
        after: Cursor = None,
        limit: Limit = 50,
    ) -> PersonTimeline:
        """What the person and the desk said to each other over all channels, and what happened, newest first."""
        before = person_place(after)
        async with connection(runtime.pool) as one:
            await require_person(one, who, id)
            rows = await participants.timeline(one, who, id, before, limit + 1)
            said = [UUID(row["id"]) for row in rows[:limit] if row["what"] == "message"]
            done = await changes.of_messages(one, who.workspace, said)
        last = rows[limit - 1] if len(rows) > limit else None
        next_ = cursor(last["at"], (str(last["ticket"]), last["version"])) if last is not None else None
        more = ("ticket", "about", "channel", "account", "shop")
        items = [PersonEntry(**dict(entry(row, done)) | {name: row[name] for name in more}) for row in rows[:limit]]
        return PersonTimeline(items=items, next=next_)

    @app.get("/v1/tickets/{id}/participants", responses=problems(404))
    async def read_participants(id: UUID, who: Caller) -> Participants:
        """Who takes part in the ticket, and who will read the next answer."""
        async with transaction(runtime.pool) as tx:
            ticket = await require_ticket(tx, who, id)
            known = await participants.of_ticket(tx, who.workspace, id, ticket.person)
            copied = await participants.copied(tx, who.workspace, id)
            to = (await answers.addresses(tx, [(who.workspace, id)])).get((who.workspace, id))
        there = {row["id"] for row in known}
        items = [Participant(role=row["role"], person=row["id"], name=row["name"]) for row in known]
        items += [_copied(row) for row in copied if row["person"] not in there]
        goes_to = AnswerAddress(**{name: getattr(to, name) for name in AnswerAddress.model_fields}) if to else None
        return Participants(items=items, answer_goes_to=goes_to)


def _copied(row: Any) -> Participant:
    return Participant(role="copied", person=row["person"], name=row["name"], kind=row["kind"], value=row["value"])

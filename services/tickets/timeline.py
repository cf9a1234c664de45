"""A row of a timeline as people see it: a message as it stands after all that was done to it, or what happened."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from services.tickets.domain.changes import Change, Standing, may, stand
from services.tickets.views import CopiedView, Entry, FileLine, ReactionView, VersionView

_SAME = ("at", "id", "ticket", "what", "did", "author", "delivery", "delivery_reason", "subject", "automatic")


def standing(row: asyncpg.Record, done: Mapping[UUID, Sequence[Change]]) -> Standing:
    """The message of a row (id, what, author, person, body, attachments, at) as it stands; notes are as they were."""
    first = Standing(row["body"], tuple(orjson.loads(row["attachments"])))
    if row["what"] != "message":
        return first
    author = {"by_desk": row["author"] != "customer", "person": row["person"]}
    theirs = [change for change in done.get(UUID(row["id"]), ()) if may(change, **author)]
    return stand(first, row["at"], theirs)


def entry(row: asyncpg.Record, done: Mapping[UUID, Sequence[Change]]) -> Entry:
    """The row with what was done to its message."""
    shown = standing(row, done)
    return Entry(
        **{name: row[name] for name in _SAME},
        by=row["written_by"],
        text=shown.text,
        quoted=row["quoted"] if shown.withdrawn_at is None else None,
        attachments=[_file(number, file) for number, file in enumerate(shown.attachments)],
        copied=[CopiedView(**one) for one in orjson.loads(row["copied"])] if shown.withdrawn_at is None else [],
        edited_at=shown.edited_at,
        versions=[VersionView(**asdict(version)) for version in shown.versions],
        withdrawn_at=shown.withdrawn_at,
        reactions=[_reaction(asdict(reaction)) for reaction in shown.reactions],
        detail=orjson.loads(row["detail"]),
    )


def _file(number: int, file: dict[str, Any]) -> FileLine:
    """A file as people see it; where it lies is our own matter."""
    known = {name: file.get(name) for name in ("name", "media_type", "size")}
    return FileLine(**known, number=number, ready=bool(file.get("blob")), missing=file.get("missing"))


def _reaction(reaction: dict[str, Any]) -> ReactionView:
    by_desk = reaction.pop("by_desk")
    person = reaction.pop("person")
    return ReactionView(**reaction, author="agent" if by_desk else "customer", person=None if by_desk else person)

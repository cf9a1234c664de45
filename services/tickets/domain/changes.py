"""What is done to a message after it was written, and how the message stands after all of it: pure rules.

Changes may come in any order, twice, and before their message: how a message stands depends only on which there are.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from shared.contracts.inbound_messages import MessageReceived

Kind = Literal["edit", "withdrawal", "reaction"]


@dataclass(frozen=True, slots=True)
class Change:
    """An edit, a withdrawal or a reaction; `number` is the order in which they were accepted."""

    kind: Kind
    by_desk: bool
    person: UUID
    """Who did it; where the desk did, the customer whose conversation it is."""
    text: str
    attachments: tuple[dict[str, Any], ...]
    at: datetime
    number: int

    @property
    def place(self) -> tuple[datetime, int]:
        """The greatest counts."""
        return self.at, self.number


@dataclass(frozen=True, slots=True)
class Version:
    """The words of a message from a moment on."""

    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Reaction:
    """An emoji that somebody left on a message."""

    emoji: str
    by_desk: bool
    person: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """A message as it stands: its newest words, or none where it was withdrawn."""

    text: str | None
    attachments: tuple[dict[str, Any], ...]
    edited_at: datetime | None = None
    versions: tuple[Version, ...] = ()
    """The first words and all later ones, where there are later ones."""
    withdrawn_at: datetime | None = None
    reactions: tuple[Reaction, ...] = ()


def named(message: MessageReceived) -> tuple[Kind, str] | None:
    """What a message does to which other one, by its natural id; None where it stands for itself."""
    if message.withdraws is not None:
        return "withdrawal", message.withdraws
    if message.edit_of is not None:
        return "edit", message.edit_of
    if message.reacts_to is not None:
        return "reaction", message.reacts_to
    return None


def may(change: Change, *, by_desk: bool, person: UUID) -> bool:
    """Whether a message of this side and this person can be changed so: only its author takes words back."""
    if change.kind == "reaction":
        return True
    return change.by_desk == by_desk and (by_desk or change.person == person)


def stand(first: Standing, at: datetime, changes: Iterable[Change]) -> Standing:
    """The message after these changes, all of which may be made to it; `at` is when it was written."""
    ordered = sorted(changes, key=lambda change: change.place)
    edits = [change for change in ordered if change.kind == "edit"]
    withdrawn = next((change.at for change in ordered if change.kind == "withdrawal"), None)
    reactions = _reactions(ordered)
    if withdrawn is not None:
        return Standing(None, (), withdrawn_at=withdrawn, reactions=reactions)
    if not edits:
        return Standing(first.text, first.attachments, reactions=reactions)
    versions = (Version(first.text or "", at), *(Version(edit.text, edit.at) for edit in edits))
    files = _files(first.attachments, edits[-1].attachments)
    return Standing(edits[-1].text, files, edits[-1].at, versions, reactions=reactions)


def _files(first: tuple[dict[str, Any], ...], later: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
    """The files of an edit; one that it names again is the one that came first, with what was fetched of it."""
    known = {file["reference"]: file for file in first if file.get("reference")}
    return tuple(known.get(file.get("reference"), file) for file in later) or first


def _reactions(ordered: Sequence[Change]) -> tuple[Reaction, ...]:
    """The newest of each side and person; an empty one took the one before back."""
    newest: dict[tuple[bool, UUID], Reaction] = {}
    for change in ordered:
        if change.kind == "reaction":
            newest[change.by_desk, change.person] = Reaction(change.text, change.by_desk, change.person, change.at)
    return tuple(reaction for reaction in newest.values() if reaction.emoji)

"""What a macro or a rule does to a ticket: one typed action each, told apart by `do`."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from shared.contracts.document import Document
from shared.contracts.fields import Slug, Token
from shared.contracts.ticket_events import Priority

TEMPLATE_MAX = 10_000
Template = Annotated[str, StringConstraints(min_length=1, max_length=TEMPLATE_MAX, pattern=r"\S")]
"""Plain text with Liquid variables (docs/macros.md)."""
Tags = Annotated[tuple[Token, ...], Field(min_length=1, max_length=20)]
YEAR_MINUTES = 366 * 24 * 60
Minutes = Annotated[int, Field(ge=1, le=YEAR_MINUTES)]


class SetPriority(Document):
    """Gives the ticket this priority."""

    do: Literal["set-priority"]
    priority: Priority


class SetState(Document):
    """Moves the ticket along its life cycle; a move that the life cycle does not allow is refused and logged."""

    do: Literal["set-state"]
    state: Literal["open", "pending", "on-hold", "solved"]


class SetIntent(Document):
    """Says what the customer wants."""

    do: Literal["set-intent"]
    intent: Token


class AddTags(Document):
    """Adds tags that are not there."""

    do: Literal["add-tags"]
    tags: Tags


class RemoveTags(Document):
    """Takes tags away that are there."""

    do: Literal["remove-tags"]
    tags: Tags


class Snooze(Document):
    """Nobody need look at the ticket for so long; a customer's message ends it."""

    do: Literal["snooze"]
    minutes: Minutes


class AddNote(Document):
    """Leaves a note that only the desk sees."""

    do: Literal["add-note"]
    text: Template


class MarkSpam(Document):
    """Marks the ticket as spam: it is solved and in no figure."""

    do: Literal["mark-spam"]


class Answer(Document):
    """Sends the customer a macro's text: an automatic answer, never a human reply, never to an automatic message."""

    do: Literal["answer"]
    macro: Slug


class Notify(Document):
    """Leaves a note that mentions agents."""

    do: Literal["notify"]
    agents: Annotated[tuple[Slug, ...], Field(max_length=20)] = ()
    holder: bool = False
    """Whether whoever holds the ticket is mentioned too."""
    text: Template

    @model_validator(mode="after")
    def _somebody(self) -> "Notify":
        if not self.agents and not self.holder:
            raise ValueError("name agents, or set holder to true")
        return self


MacroAction = Annotated[
    SetPriority | SetState | SetIntent | AddTags | RemoveTags | Snooze | AddNote, Field(discriminator="do")
]
RuleAction = Annotated[
    SetPriority | SetState | SetIntent | AddTags | RemoveTags | Snooze | AddNote | MarkSpam | Answer | Notify,
    Field(discriminator="do"),
]
FIELD_ACTIONS = (SetPriority, SetState, SetIntent, AddTags, RemoveTags, Snooze, MarkSpam)
"""Those that change the ticket's own fields."""

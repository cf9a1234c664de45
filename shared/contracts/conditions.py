"""What a rule asks of a ticket: typed tests, told apart by `field`, joined by all, any and none."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, StringConstraints, Tag, model_validator

from shared.contracts.document import Document
from shared.contracts.fields import LanguageTag, Slug, Token
from shared.contracts.ticket_events import Priority, State

Slugs = Annotated[tuple[Slug, ...], Field(min_length=1, max_length=100)]
Tokens = Annotated[tuple[Token, ...], Field(min_length=1, max_length=100)]
Phrase = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"\w")]
DEPTH_MAX = 6
TESTS_MAX = 100


class ChannelIs(Document):
    """The channel the ticket came over."""

    field: Literal["channel"]
    any_of: Tokens


class AccountIs(Document):
    """The account it came to."""

    field: Literal["account"]
    any_of: Slugs


class ShopIs(Document):
    """The shop it belongs to."""

    field: Literal["shop"]
    any_of: Slugs


class LanguageIs(Document):
    """The customer's language; `pt` means every Portuguese, `pt-BR` only that one."""

    field: Literal["language"]
    any_of: Annotated[tuple[LanguageTag, ...], Field(min_length=1, max_length=50)]


class PriorityIs(Document):
    """The ticket's priority."""

    field: Literal["priority"]
    any_of: Annotated[tuple[Priority, ...], Field(min_length=1, max_length=4)]


class StateIs(Document):
    """The ticket's state."""

    field: Literal["state"]
    any_of: Annotated[tuple[State, ...], Field(min_length=1, max_length=6)]


class IntentIs(Document):
    """What the customer wants."""

    field: Literal["intent"]
    any_of: Tokens


class TagsHave(Document):
    """The ticket has one of `any_of` and all of `all_of`."""

    field: Literal["tags"]
    any_of: Annotated[tuple[Token, ...], Field(max_length=100)] = ()
    all_of: Annotated[tuple[Token, ...], Field(max_length=100)] = ()

    @model_validator(mode="after")
    def _something(self) -> "TagsHave":
        if not self.any_of and not self.all_of:
            raise ValueError("name tags in any_of or all_of")
        return self


class Assigned(Document):
    """Whether somebody holds the ticket; with `any_of`, one of these agents."""

    field: Literal["assignee"]
    held: bool = True
    any_of: Annotated[tuple[Slug, ...], Field(max_length=100)] = ()

    @model_validator(mode="after")
    def _not_both(self) -> "Assigned":
        if self.any_of and not self.held:
            raise ValueError("a ticket that nobody holds is held by none of any_of; leave any_of or held away")
        return self


class SaysWords(Document):
    """The subject, or the customer's newest message, has one of these words or phrases, whatever case or accents."""

    field: Literal["subject", "text"]
    any_of: Annotated[tuple[Phrase, ...], Field(min_length=1, max_length=100)]


class OpeningHours(Document):
    """Whether the shop is open at this moment by its calendar; a shop without one is always open."""

    field: Literal["business-hours"]
    open: bool


class HoursSince(Document):
    """How many hours have passed since something happened; what never happened is no number of hours ago."""

    field: Literal["hours-since"]
    of: Literal["opened", "cycle-began", "customer-replied", "desk-replied"]
    at_least: Annotated[float, Field(ge=0, le=8784)] | None = None
    less_than: Annotated[float, Field(gt=0, le=8784)] | None = None

    @model_validator(mode="after")
    def _bounded(self) -> "HoursSince":
        if self.at_least is None and self.less_than is None:
            raise ValueError("give at_least, less_than or both")
        if self.at_least is not None and self.less_than is not None and self.at_least >= self.less_than:
            raise ValueError(f"no number is at least {self.at_least} and less than {self.less_than}")
        return self


class CycleIs(Document):
    """How often the ticket was opened: 2 is a ticket that was reopened once."""

    field: Literal["cycle"]
    at_least: Annotated[int, Field(ge=2, le=1000)]


class All(Document):
    """Every one of these holds."""

    all: Annotated[tuple["Condition", ...], Field(min_length=1, max_length=TESTS_MAX)]


class AnyOf(Document):
    """At least one of these holds."""

    any: Annotated[tuple["Condition", ...], Field(min_length=1, max_length=TESTS_MAX)]


class NoneOf(Document):
    """Not one of these holds."""

    none: Annotated[tuple["Condition", ...], Field(min_length=1, max_length=TESTS_MAX)]


Test = (
    ChannelIs | AccountIs | ShopIs | LanguageIs | PriorityIs | StateIs | IntentIs | TagsHave | Assigned | SaysWords
    | OpeningHours | HoursSince | CycleIs
)  # fmt: skip
GROUPS: dict[str, type[Document]] = {"all": All, "any": AnyOf, "none": NoneOf}


def _sort(value: Any) -> str | None:
    """Which of the sorts a condition is of: a group by its one key, else a test by its field."""
    if isinstance(value, Document):
        return next((name for name, model in GROUPS.items() if isinstance(value, model)), None) or "test"
    if not isinstance(value, dict):
        return None
    return next((name for name in GROUPS if name in value), "test")


Condition = Annotated[
    Annotated[All, Tag("all")]
    | Annotated[AnyOf, Tag("any")]
    | Annotated[NoneOf, Tag("none")]
    | Annotated[Annotated[Test, Field(discriminator="field")], Tag("test")],
    Discriminator(
        _sort,
        custom_error_type="condition",
        custom_error_message="a condition is a test with its field, or one of all, any, none with a list of conditions",
    ),
]

for _group in GROUPS.values():
    _group.model_rebuild()


def depth(condition: All | AnyOf | NoneOf | Test) -> int:
    """How deep the groups are nested; a test alone has 0."""
    return 1 + max(map(depth, members(condition))) if isinstance(condition, All | AnyOf | NoneOf) else 0


def tests(condition: All | AnyOf | NoneOf | Test) -> int:
    """How many tests there are in it."""
    return sum(map(tests, members(condition))) if isinstance(condition, All | AnyOf | NoneOf) else 1


def members(group: All | AnyOf | NoneOf) -> tuple[All | AnyOf | NoneOf | Test, ...]:
    """What a group joins."""
    if isinstance(group, All):
        return group.all
    return group.any if isinstance(group, AnyOf) else group.none

"""Everything a lead or a platform team configures: one model per kind, and the record that carries a document.

A kind's model is validated by the gateway when it is saved; services read the documents they need from the
compacted topic `settings` and take only higher versions.
"""

from datetime import date
from typing import Annotated, Any, ClassVar, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from shared.contracts.document import Document, Name
from shared.contracts.envelope import Message
from shared.contracts.fields import LanguageTag, Slug, Token
from shared.contracts.macros import Macro
from shared.contracts.rules import Rule
from shared.contracts.sla_settings import Promise, SlaPolicy
from shared.contracts.ticket_events import Priority


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is not an IANA time zone; use a name such as Europe/Amsterdam") from error
    return name


Zone = Annotated[str, Field(max_length=64), AfterValidator(_known_zone)]
Level = Annotated[int, Field(ge=1, le=5)]
Weight = Annotated[int, Field(ge=1, le=1000)]
MODES = Literal["offer", "push", "next"]


class Workspace(Document):
    """One merchant's installation; its id is the workspace's own."""

    name: Name
    languages: Annotated[tuple[LanguageTag, ...], Field(min_length=1, max_length=30)] = ("en",)
    """What customers write in; detection chooses among these only."""
    zone: Zone = "UTC"
    """The reporting zone: day buckets are in it."""
    auto_close_days: Annotated[int, Field(ge=1, le=365)] = 7
    """A solved ticket closes after this many days; until then a reply reopens it."""
    intent_priority: Annotated[dict[Token, Priority], Field(max_length=100)] = Field(default_factory=dict)
    """What raises a new ticket's priority, by intent or signal (docs/intents.md); `normal` takes a usual one away."""
    auto_solve_days: Annotated[int, Field(ge=1, le=365)] | None = None
    """A pending ticket is solved after this many days without a word of its customer's; never, where nothing is set."""
    rules_enabled: bool = True
    """The kill switch of all rules: False stops them at once, also those that wait for a time."""


class Shop(Document):
    """A storefront or brand."""

    name: Name
    zone: Zone = "UTC"
    calendar: Slug | None = None
    """Its opening hours; without one every hour counts."""
    cut_off: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] | None = None
    """When a day's parcels leave, on the clock of its zone: until then an order that was not sent can be changed."""


Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Hours = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)$")]
"""From and to on the clock; an end that is not later lies on the next day."""
DayHours = Annotated[tuple[Hours, ...], Field(max_length=10)]


def _opens(week: dict[Weekday, DayHours]) -> dict[Weekday, DayHours]:
    if not any(week.values()):
        raise ValueError("a calendar that never opens counts nothing; give at least one day of the week its hours")
    return week


class Calendar(Document):
    """Opening hours: several spans a day, which may cross midnight, without holidays, with exceptions."""

    name: Name
    zone: Zone = "UTC"
    week: Annotated[dict[Weekday, DayHours], AfterValidator(_opens)]
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] | None = None
    """ISO 3166-1: its public holidays have no span that begins on them."""
    subdivision: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    """A part of the country with holidays of its own, such as BY or CA."""
    holidays: Annotated[tuple[date, ...], Field(max_length=1000)] = ()
    """Days of one's own without a span that begins on them."""
    exceptions: Annotated[dict[date, DayHours], Field(max_length=1000)] = Field(default_factory=dict)
    """Days with other spans than their weekday's; they win over holidays."""


class Secret(Document):
    """A reference to a secret (environment variable or file), or the secret sealed with the installation's key.

    `value` is taken in by the gateway, which seals it; it is never stored or shown.
    """

    env: Annotated[str, Field(pattern=r"^[A-Z_][A-Z0-9_]*$", max_length=200)] | None = None
    file: Annotated[str, Field(max_length=1000)] | None = None
    sealed: Annotated[str, Field(max_length=4000)] | None = None
    value: Annotated[str, Field(min_length=8, max_length=1000)] | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> "Secret":
        given = [name for name in ("env", "file", "sealed", "value") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("give exactly one of env, file, sealed, value")
        return self


class Account(Document):
    """A channel's account of a shop: a bot, a mailbox, a form; its id stands in the webhook's address.

    Ids of accounts are unique in an installation, since a webhook's address names only the account.
    """

    channel: Token
    shop: Slug
    name: Name = "account"
    secrets: Annotated[tuple[Secret, ...], Field(max_length=3)] = ()
    """What proves a request, newest first; old and new overlap in rotation."""
    credentials: Annotated[tuple[Secret, ...], Field(max_length=3)] = ()
    """What we prove ourselves with where we send (a bot's token, a mailbox's password); the first that opens."""
    options: dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=1000)]] = Field(
        default_factory=dict
    )
    enabled: bool = True


class Team(Document):
    """Agents who work together."""

    name: Name


class Skill(Document):
    """Something an agent can do: a language, a topic, a channel, a product."""

    name: Name


class AgentSkill(Document):
    """A skill an agent has, with its level from 1 (backup) to 5."""

    skill: Slug
    level: Level = 3


class Agent(Document):
    """A person who answers, with one weighted capacity over all channels and shops."""

    name: Name
    team: Slug | None = None
    skills: Annotated[tuple[AgentSkill, ...], Field(max_length=200)] = ()
    languages: Annotated[tuple[LanguageTag, ...], Field(max_length=30)] = ()
    shops: tuple[Slug, ...] = ()
    """Shops the agent may serve; empty: all."""
    capacity: Annotated[int, Field(ge=0, le=100_000)] = 100
    channel_caps: dict[Token, Annotated[int, Field(ge=0, le=1000)]] = Field(default_factory=dict)
    """Most tickets held at once on a channel."""
    enabled: bool = True


class SkillStep(Document):
    """A required skill; it is let go `until_s` seconds after the enqueue, or never."""

    skill: Slug
    level: Level = 1
    until_s: Annotated[int, Field(ge=0, le=7 * 86_400)] | None = None


class ChannelRouting(Document):
    """How tickets of one channel are given out."""

    mode: MODES = "offer"
    weight: Weight = 20
    """What one ticket takes of an agent's capacity (default capacity 100)."""
    lease_s: Annotated[int, Field(ge=1, le=3600)] = 30
    requires: Annotated[tuple[SkillStep, ...], Field(max_length=20)] = ()


class Routing(Document):
    """The routing policy of a workspace; its id is `default`."""

    default: ChannelRouting = Field(default_factory=ChannelRouting)
    channels: dict[Token, ChannelRouting] = Field(default_factory=dict)
    require_language: bool = True
    """A ticket whose language is known with confidence asks for an agent who has it."""
    excluded_s: Annotated[int, Field(ge=1, le=86_400)] = 120
    """How long an agent who declined or missed an offer is not asked for that ticket again."""
    away_after_misses: Annotated[int, Field(ge=1, le=100)] = 3
    offline_grace_s: Annotated[int, Field(ge=5, le=3600)] = 75
    """No heartbeat for this long makes an agent offline and releases his live work."""


KINDS: dict[str, type[Document]] = {
    "workspace": Workspace,
    "shop": Shop,
    "calendar": Calendar,
    "account": Account,
    "team": Team,
    "skill": Skill,
    "agent": Agent,
    "routing": Routing,
    "sla": SlaPolicy,
    "promise": Promise,
    "macro": Macro,
    "rule": Rule,
}


class SettingChanged(Message):
    """One document in its newest version; a deletion is kept as `deleted`."""

    TYPE: ClassVar[str] = "switchboard.settings.changed.v1"
    TOPIC: ClassVar[str] = "settings"

    kind: Token
    document_id: Slug
    document: dict[str, Any] = Field(default_factory=dict)
    deleted: bool = False

    def key(self, workspace: str) -> str:
        """The newest document of a key is what compaction keeps."""
        return f"{workspace}/{self.kind}/{self.document_id}"

    def about(self) -> str:
        """Kind and id."""
        return f"{self.kind}/{self.document_id}"


MESSAGES: tuple[type[Message], ...] = (SettingChanged,)

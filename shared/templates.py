"""Texts with variables, as leads write them: Liquid, cut down to what cannot loop for long, grow, or reach anything.

A template sees the variables that it is given, and nothing else: no attribute of a Python object, no file, no clock. A
variable that has no value is never silently empty: who renders is told its name.
"""

from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime
from babel.numbers import format_currency
from liquid import Environment, Undefined
from liquid.builtin import content, illegal, output
from liquid.builtin.filters import misc
from liquid.builtin.tags import case_tag, comment_tag, for_tag, if_tag, inline_comment_tag, unless_tag
from liquid.exceptions import LiquidError
from liquid.template import BoundTemplate

from shared.errors import Invalid

OUTPUT_MAX = 50_000
LOOPS_MAX = 100
NESTED_MAX = 8
DATES = ("short", "medium", "long", "full")

Shape = Mapping[str, frozenset[str]]
DESK: Shape = {
    "customer": frozenset({"name", "first_name", "email", "language"}),
    "order": frozenset({"name"}),
    "shop": frozenset({"name"}),
    "agent": frozenset({"name", "first_name"}),
    "ticket": frozenset({"id", "subject", "channel", "language", "priority", "state", "opened_at", "tags"}),
}
"""The variables of a desk's texts (docs/macros.md)."""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in its currency (ISO 4217)."""

    amount: Decimal
    currency: str

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"


Value = str | int | datetime | Money | tuple[str, ...] | None
Values = Mapping[str, Mapping[str, Value]]
"""`values["order"]["name"]`: what variables stand for; what is None, blank or absent is missing."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """The text; variables that are `missing` stand in it as ⟦order.name⟧, and it must not be sent."""

    text: str
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with a template, and the line where it stands."""

    line: int
    detail: str


@dataclass(slots=True)
class _Rendering:
    locale: Locale
    zone: ZoneInfo
    missing: list[str]


_RENDERING: ContextVar[_Rendering] = ContextVar("rendering")


class _Missing(Undefined):
    """A variable without a value: false where it is asked about, told where it would be shown."""

    __slots__ = ()

    def __str__(self) -> str:
        missing = _RENDERING.get().missing
        if self.name not in missing:
            missing.append(self.name)
        return f"⟦{self.name}⟧"


def _date(value: object, style: object = "long") -> str:
    _require(str(style) in DATES, f"date takes one of {', '.join(DATES)}")
    if not isinstance(value, datetime):
        return str(value)
    at = _RENDERING.get()
    return str(format_date(value.astimezone(at.zone).date(), str(style), locale=at.locale))


def _time(value: object, style: object = "short") -> str:
    _require(str(style) in DATES, f"time takes one of {', '.join(DATES)}")
    if not isinstance(value, datetime):
        return str(value)
    at = _RENDERING.get()
    return str(format_datetime(value, str(style), tzinfo=at.zone, locale=at.locale))


def _money(value: object) -> str:
    if not isinstance(value, Money):
        return str(value)
    return str(format_currency(value.amount, value.currency, locale=_RENDERING.get().locale))


def _join(value: object, between: object = ", ") -> str:
    return str(between).join(map(str, value)) if isinstance(value, tuple) else str(value)


def _truncate(value: object, length: object = 50) -> str:
    _require(isinstance(length, int) and 0 < length <= OUTPUT_MAX, "truncate takes a number of characters")
    text = str(value)
    return text if len(text) <= int(str(length)) else text[: int(str(length)) - 1].rstrip() + "…"


def _upcase(value: object) -> str:
    return str(value).upper()


def _downcase(value: object) -> str:
    return str(value).lower()


def _capitalize(value: object) -> str:
    text = str(value)
    return text[:1].upper() + text[1:]


def _strip(value: object) -> str:
    return str(value).strip()


def _require(so: bool, otherwise: str) -> None:
    if not so:
        raise LiquidError(otherwise, token=None)


class _Desk(Environment):
    """The tags and filters that there are; every other name is an error."""

    block_nesting_limit = NESTED_MAX
    loop_iteration_limit = LOOPS_MAX
    output_stream_limit = OUTPUT_MAX
    template_class = BoundTemplate

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        for tag in (
            *(content.Literal, output.Output, illegal.Illegal, if_tag.IfTag, unless_tag.UnlessTag, case_tag.CaseTag),
            *(for_tag.ForTag, for_tag.BreakTag, for_tag.ContinueTag),
            *(comment_tag.CommentTag, inline_comment_tag.InlineCommentTag),
        ):
            self.add_tag(tag)
        self.add_filter("default", misc.default)
        self.add_filter("date", _date)
        self.add_filter("time", _time)
        self.add_filter("money", _money)
        self.add_filter("join", _join)
        self.add_filter("truncate", _truncate)
        self.add_filter("upcase", _upcase)
        self.add_filter("downcase", _downcase)
        self.add_filter("capitalize", _capitalize)
        self.add_filter("strip", _strip)


_ENVIRONMENT = _Desk(undefined=_Missing)


@lru_cache(maxsize=512)
def _parsed(source: str) -> BoundTemplate:
    return _ENVIRONMENT.from_string(source)


def faults(source: str, shape: Shape = DESK) -> list[Fault]:
    """What is wrong with a template before it is ever used: its syntax, variables and filters that do not exist."""
    try:
        found = _parsed(source).analyze()
    except LiquidError as error:
        return [_fault(error)]
    wrong = [
        Fault(_line(source, variable.span.index), _unknown(str(variable), shape))
        for variables in found.globals.values()
        for variable in variables
        if not _known(variable.segments, shape)
    ]
    wrong += [
        Fault(_line(source, span.index), f"there is no filter {name}; there are {', '.join(_ENVIRONMENT.filters)}")
        for name, spans in found.filters.items()
        if name not in _ENVIRONMENT.filters
        for span in spans
    ]
    return sorted(wrong, key=lambda fault: fault.line) or list(_tried(source, shape))


_SAMPLES: dict[str, Value] = {"ticket.tags": ("x", "y"), "ticket.opened_at": datetime(2026, 1, 1, tzinfo=UTC)}


def _tried(source: str, shape: Shape) -> Iterator[Fault]:
    """What only shows when it is used: without values, and with them."""
    sample = {root: {name: _SAMPLES.get(f"{root}.{name}", "x") for name in names} for root, names in shape.items()}
    for values in ({}, sample):
        try:
            _render(source, values, _Rendering(Locale("en"), ZoneInfo("UTC"), []), shape)
        except LiquidError as error:
            yield _fault(error)
            return


def _known(segments: list[Any], shape: Shape) -> bool:
    if len(segments) != 2 or not all(isinstance(segment, str) for segment in segments):
        return False
    return segments[1] in shape.get(segments[0], ())


def _unknown(name: str, shape: Shape) -> str:
    there = ", ".join(f"{root}.{field}" for root, fields in shape.items() for field in sorted(fields))
    return f"there is no variable {name}; there are {there}"


def _fault(error: LiquidError) -> Fault:
    place = error.context()
    return Fault(place[0] if place else 1, str(error.message))


def _line(source: str, index: int) -> int:
    return source.count("\n", 0, index) + 1


def render(source: str, values: Values, *, language: str | None, zone: str = "UTC", shape: Shape = DESK) -> Rendered:
    """The text with its variables, dates and amounts as the language writes them, times in the zone.

    Raises Invalid where the template cannot be used, which `faults` would have told when it was saved.
    """
    at = _Rendering(_locale(language), ZoneInfo(zone), [])
    try:
        text = _render(source, values, at, shape)
    except LiquidError as error:
        fault = _fault(error)
        raise Invalid(f"the text cannot be made: line {fault.line}: {fault.detail}", reason="template") from error
    return Rendered(text.strip(), tuple(at.missing))


def _render(source: str, values: Values, at: _Rendering, shape: Shape) -> str:
    given = {root: {name: _given(values, root, name) for name in names} for root, names in shape.items()}
    before = _RENDERING.set(at)
    try:
        return str(_parsed(source).render(given))
    except (ValueError, TypeError, ArithmeticError, LookupError, RecursionError) as error:  # the library lets some out
        raise LiquidError(f"it cannot be made: {error}", token=None) from error
    finally:
        _RENDERING.reset(before)


def _given(values: Values, root: str, name: str) -> object:
    value = values.get(root, {}).get(name)
    if value is None or value == () or (isinstance(value, str) and not value.strip()):
        return _Missing(f"{root}.{name}")
    return value.astimezone(UTC) if isinstance(value, datetime) else value


@lru_cache(maxsize=128)
def _locale(language: str | None) -> Locale:
    """How the language writes dates and amounts; English where it is not known."""
    for tag in (language, language and language.split("-")[0], "en"):
        try:
            return Locale.parse(tag, sep="-")
        except (UnknownLocaleError, ValueError, TypeError):
            continue
    return Locale("en")

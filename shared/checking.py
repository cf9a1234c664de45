"""Documents that people write, checked to the field: their shape, and texts in them that could never be made."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import ValidationError

from shared import calendar, templates
from shared.contracts.actions import AddNote, Notify
from shared.contracts.document import Document
from shared.contracts.macros import Macro
from shared.contracts.rules import Rule
from shared.contracts.settings import Calendar
from shared.errors import Invalid
from shared.http import fields_of, pointer

Place = tuple[int | str, ...]
Problem = tuple[Place, str]


def of_macro(macro: Macro) -> Iterator[Problem]:
    """Texts and notes that could never be made."""
    for language, text in macro.texts.items():
        yield from _faults(("texts", language), text)
    yield from _of_actions(macro.actions)


def of_rule(rule: Rule) -> Iterator[Problem]:
    """Notes that could never be made."""
    yield from _of_actions(rule.actions)


def _of_actions(actions: Sequence[object]) -> Iterator[Problem]:
    for index, action in enumerate(actions):
        if isinstance(action, AddNote | Notify):
            yield from _faults(("actions", index, "text"), action.text)


def _faults(place: Place, text: str) -> Iterator[Problem]:
    for fault in templates.faults(text):
        yield place, f"line {fault.line}: {fault.detail}"


PROBLEMS: dict[type, Callable[[Any], Iterable[Problem]]] = {
    Calendar: calendar.problems,
    Macro: of_macro,
    Rule: of_rule,
}


D = TypeVar("D", bound=Document)


def checked(model: type[D], kind: str, raw: Any, *, at: str = "") -> D:
    """The document; raises Invalid with every field that is wrong, `at` where it stands in what was sent."""
    try:
        document = model.model_validate(raw)
    except ValidationError as error:
        fields = fields_of(told(raw, error.errors(include_url=False)))
        fields = [field | {"pointer": at + field["pointer"]} for field in fields]
        raise Invalid(f"this is not a valid {kind}; see errors", fields=fields) from error
    find = PROBLEMS.get(model)
    fields = [{"pointer": at + pointer(place), "detail": detail} for place, detail in (find(document) if find else ())]
    if fields:
        raise Invalid(f"this is not a valid {kind}; see errors", fields=fields)
    return document


def place_in(raw: Any, location: Sequence[int | str], *, named: bool) -> Place:
    """The place of a validation error in the document itself, without the names of the sorts that it passed through.

    `named`: its last part may be a field that is not there.
    """
    place: list[int | str] = []
    at = raw
    for number, part in enumerate(location):
        inside = (isinstance(at, Mapping) and part in at) or (
            isinstance(at, list | tuple) and isinstance(part, int) and part < len(at)
        )
        if inside:
            at = at[part]
            place.append(part)
        elif named and number == len(location) - 1 and isinstance(at, Mapping) and isinstance(part, str):
            place.append(part)
    return tuple(place)


def told(raw: Any, errors: Sequence[Any]) -> list[dict[str, Any]]:
    """Pydantic's errors at their places; a list that has items is not too short because of their errors."""
    kept = []
    for error in errors:
        place = place_in(raw, error["loc"], named=error["type"] == "missing")
        if error["type"] == "too_short" and len(error.get("input") or ()) >= error["ctx"]["min_length"]:
            continue
        kept.append({**error, "loc": place})
    return kept

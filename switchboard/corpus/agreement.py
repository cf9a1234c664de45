"""Holds what an event says against facts, one after the other, and counts those that nothing of ours answers to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

Said = TypeVar("Said")
NOT_OURS = object()
"""What a comparison gives where a fact has nothing in our model that it could be held against."""

Found = tuple[Any, Any]
"""A fact as it is compared, and what we say in its place."""
Facts = Mapping[str, Any]
Comparison = Callable[[Said, Facts], Found | object]
"""One fact, taken out of all of them."""


@dataclass(slots=True)
class Agreement:
    """What was held against the facts so far."""

    compared: int = 0
    left: list[str] = field(default_factory=list)
    """Facts that were not compared."""
    wrong: dict[str, Found] = field(default_factory=dict)
    """What we say otherwise: wanted and found."""

    def same(self, name: str, wanted: Any, found: Any) -> None:
        """Hold one against the other."""
        self.compared += 1
        if wanted != found:
            self.wrong[name] = (wanted, found)

    def hold(self, table: Mapping[str, Comparison[Said]], said: Said, facts: Facts, *, at: str = "") -> None:
        """Hold every fact against what is said, as the table knows how."""
        for name in facts:
            found = _looked_up(table.get(name), said, facts)
            if isinstance(found, tuple):
                self.same(at + name, *found)
            else:
                self.left.append(at + name)

    def leave(self, *names: str) -> None:
        """These have nothing to be held against."""
        self.left.extend(names)


def _looked_up(compare: Comparison[Said] | None, said: Said, facts: Facts) -> Found | object:
    """What the comparison finds; facts of another shape than ours cannot be held against anything."""
    if compare is None:
        return NOT_OURS
    try:
        return compare(said, facts)
    except (LookupError, TypeError, ValueError, AttributeError):
        return NOT_OURS


def spaced(text: Any) -> str:
    """The words, however they are spaced."""
    return " ".join(str(text or "").split())


def squeezed(text: Any) -> str:
    """The letters alone: for texts where spaces do not count."""
    return "".join(str(text or "").split())


def unbracketed(message_id: Any) -> str:
    """A Message-ID without its angle brackets."""
    return str(message_id).strip().strip("<>")


def moment(value: Any) -> datetime | None:
    """A moment as facts give it: seconds, milliseconds, ISO 8601 (UTC where it names no zone); None for neither."""
    text = str(value).strip()
    if text.isdigit():
        return datetime.fromtimestamp(int(text) / (1000 if len(text) > 11 else 1), UTC)
    for read in (datetime.fromisoformat, lambda given: datetime.strptime(given, "%Y-%m-%dT%H:%M:%S%z")):
        try:
            found = read(text)
        except ValueError:
            continue
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    return None

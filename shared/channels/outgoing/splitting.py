"""A long text as several messages, cut where a reader would cut it."""

from collections.abc import Callable

WIDEST = 4
"""A character takes at most so much, however it is measured."""
_AT = ("\n\n", "\n", ". ", " ")
"""Where a text is cut, best first."""


def units(text: str) -> int:
    """UTF-16 code units, by which messengers count: a character outside the basic plane takes two."""
    return len(text) + sum(character > "\uffff" for character in text)


def octets(text: str) -> int:
    """Bytes of UTF-8, by which others count."""
    return len(text.encode("utf-8", "surrogatepass"))


def split(text: str, most: int, *, measure: Callable[[str], int] = units) -> list[str]:
    """The text in parts of at most `most` as it is measured; nothing is lost but white space at the cuts."""
    parts = []
    rest = text.strip()
    while measure(rest) > most:
        cut = _cut(rest, most, measure)
        parts.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [part for part in (*parts, rest) if part]


def _cut(text: str, most: int, measure: Callable[[str], int]) -> int:
    """Where to cut: behind the last good place in the second half of what fits, else where it is full."""
    end = most
    while (over := measure(text[:end]) - most) > 0:
        end -= max(1, over // WIDEST)
    for mark in _AT:
        found = text.rfind(mark, end // 2, end)
        if found > 0:
            return found + len(mark)
    return max(end, 1)

"""A long text as several messages, cut where a reader would cut it."""

_AT = ("\n\n", "\n", ". ", " ")
"""Where a text is cut, best first."""


def units(text: str) -> int:
    """UTF-16 code units, by which messengers count: a character outside the basic plane takes two."""
    return len(text) + sum(character > "\uffff" for character in text)


def split(text: str, most: int) -> list[str]:
    """The text in parts of at most `most` UTF-16 units; nothing is lost but white space at the cuts."""
    parts = []
    rest = text.strip()
    while units(rest) > most:
        cut = _cut(rest, most)
        parts.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [part for part in (*parts, rest) if part]


def _cut(text: str, most: int) -> int:
    """Where to cut: behind the last good place in the second half of what fits, else where it is full."""
    end = most
    while units(text[:end]) > most:
        end -= max(1, (units(text[:end]) - most) // 2)
    for mark in _AT:
        found = text.rfind(mark, end // 2, end)
        if found > 0:
            return found + len(mark)
    return max(end, 1)

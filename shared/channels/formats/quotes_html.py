"""HTML of a mail cut into what stands in a quotation's element and what does not; linear in time."""

import re
from collections.abc import Iterator

from shared.channels.formats.quotes_words import FORWARDED
from shared.text import HTML_MAX, html_to_text

FORWARD_LOOK = 2_000
"""Characters of a quotation's HTML in which it says that it is a forwarded mail."""
_TAG = re.compile(r"<(/?)(blockquote|div)\b([^<>]{0,2000})>", re.IGNORECASE)
_CLASSES = (
    "gmail_quote", "yahoo_quoted", "protonmail_quote", "tutanota_quote", "zmail_extra", "moz-forward-container",
    "ms-outlook-mobile-reference-message", "mail-editor-reference-message-container", "x_gmail_quote", "ecxgmail_quote",
)  # fmt: skip
_CONTAINER = re.compile(rf"""\b(?:class|id)\s*=\s*["']?[^"'>]*\b(?:{"|".join(_CLASSES)})""", re.IGNORECASE)


def pieces(source: str) -> Iterator[tuple[str, bool]]:
    """The HTML in its order, and whether each piece is quoted."""
    source = source[:HTML_MAX]
    at = 0
    for begin, end in _elements(source):
        yield source[at:begin], False
        yield source[begin:end], True
        at = end
    yield source[at:], False


def _elements(source: str) -> list[tuple[int, int]]:
    """The outermost elements that hold a quotation; one that never ends goes on to the end."""
    folded = source.lower()
    if not any(word in folded for word in ("<blockquote", *_CLASSES)):
        return []
    found: list[tuple[int, int]] = []
    tag, begin, depth = "", 0, 0
    for match in _TAG.finditer(source):
        name = match[2].lower()
        if depth:
            if name == tag:
                depth += -1 if match[1] else 1
                if depth == 0:
                    found.append((begin, match.end()))
        elif not match[1] and _quotes(name, match[3], source, match.end()):
            tag, begin, depth = name, match.start(), 1
    return [*found, (begin, len(source))] if depth else found


def _quotes(name: str, attributes: str, source: str, at: int) -> bool:
    """Gmail's own block without a line above it is an indented paragraph, as its editor makes them."""
    container = _CONTAINER.search(attributes) is not None
    if name == "blockquote":
        return not container
    return container and FORWARDED.search(html_to_text(source[at : at + FORWARD_LOOK])[:200]) is None

"""Text as customers send it, made safe to keep, show and compare; pure, and linear in time over hostile input."""

import html
import re
import unicodedata

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]+")
_SURROGATES = re.compile("[\ud800-\udfff]")
_EMAIL = re.compile(r"[^\s@<>,;:\"\\()\[\]]+@[^\s@<>,;:\"\\()\[\]]+")
_PHONE_MARKS = re.compile(r"[\s().\-/\u00a0\u2010-\u2015]+")
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}", re.ASCII)
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
_SPACES = re.compile(r"[^\S\n]+")
_ALL_SPACE = re.compile(r"\s+")

_UNSEEN = {
    name: re.compile(f"(?=</{name})", re.IGNORECASE) for name in ("script", "style", "title", "template", "noscript")
}
_NEW_LINE = frozenset(
    ("br", "div", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "section", "article", "address", "dt", "dd", "hr")
)
_NEW_PARAGRAPH = frozenset(("p", "ul", "ol", "table", "blockquote", "pre"))
HTML_MAX = 1_000_000
"""Characters of a mail's HTML that are read; the rest of such a monster is left out."""


def clean(text: str) -> str:
    """The text with plain line ends, without control characters (NUL among them) and lone surrogates, trimmed."""
    if not text.isprintable():
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        text = _SURROGATES.sub("\ufffd", _CONTROLS.sub("", text))
    return text.strip()


def one_line(text: str, limit: int) -> str:
    """The text as a name or subject of at most `limit` characters."""
    return _ALL_SPACE.sub(" ", clean(text[: limit * 4])).strip()[:limit]


def email_address(text: str) -> str | None:
    """An address in the form that identities are compared by (lower case), or None where it is not one (RFC 5321)."""
    address = unicodedata.normalize("NFC", text.strip()).lower()
    return address if len(address) <= 320 and _EMAIL.fullmatch(address) and address.isprintable() else None


def phone_number(text: str) -> str | None:
    """A number in international form (E.164), or None where it is not one; national forms name no country."""
    number = _PHONE_MARKS.sub("", text[:64])
    return number if _PHONE.fullmatch(number) else None


def language_tag(text: str | None) -> str | None:
    """A BCP 47 tag in its usual casing (RFC 5646 §2.1.1): `pt-br` gives `pt-BR`; None where it is not a tag."""
    parts = (text or "")[:35].strip().replace("_", "-").split("-")
    cased = [parts[0].lower(), *map(_subtag, parts[1:])]
    tag = "-".join(cased)
    return tag if _LANGUAGE.fullmatch(tag) else None


def _subtag(part: str) -> str:
    return {2: part.upper, 4: part.title}.get(len(part), part.lower)()


def comparable(text: str) -> str:
    """The text as it is compared over routes that fold lines or spaces differently: NFC, one space for any space."""
    return " ".join(unicodedata.normalize("NFC", clean(text)).split())


def html_to_text(source: str) -> str:
    """What a reader of the HTML sees, as plain text with its line breaks.

    Every search that fails ends the scan, so the time is linear; libraries that build a tree were not (one million
    characters of nested `div` took nh3 0.3.8 minutes). The result is text, never to be used as HTML.
    """
    source = source[:HTML_MAX]
    pieces: list[str] = []
    at = 0
    while (start := source.find("<", at)) >= 0:
        pieces.append(_collapsed(source[at:start]))
        piece, at = _markup(source, start)
        pieces.append(piece)
        if at < 0:
            return _joined(pieces)
    pieces.append(_collapsed(source[at:]))
    return _joined(pieces)


def _markup(source: str, start: int) -> tuple[str, int]:
    """What the markup at `start` stands for, and where to go on; -1 where it never ends."""
    if source.startswith(("<!", "<?"), start):
        return "", _after(source, "-->" if source.startswith("<!--", start) else ">", start)
    tag = _TAG.match(source, start)
    if tag is None:
        return "<", start + 1
    end = _after(source, ">", tag.end())
    name = tag.group(2).lower()
    if end > 0 and not tag.group(1) and name in _UNSEEN:
        closing = _UNSEEN[name].search(source, end)
        return "", closing.start() if closing else -1
    return "\n\n" if name in _NEW_PARAGRAPH else "\n" if name in _NEW_LINE else "", end


def _after(source: str, mark: str, start: int) -> int:
    found = source.find(mark, start)
    return found + len(mark) if found >= 0 else -1


def _collapsed(piece: str) -> str:
    return _ALL_SPACE.sub(" ", html.unescape(piece))


def _joined(pieces: list[str]) -> str:
    text = _SPACES.sub(" ", "".join(pieces))
    text = text.replace(" \n", "\n").replace("\n ", "\n")
    return clean(re.sub(r"\n{3,}", "\n\n", text))


_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NOT_A_WORD = re.compile(r"[^a-z0-9.-]+")


def token_word(given: str) -> str:
    """A provider's word as one of ours: `HardBounce` and `hard bounce` give `hard-bounce`; empty where none is left."""
    return _NOT_A_WORD.sub("-", _CAMEL.sub("-", given[:200]).lower()).strip("-.")[:96].rstrip("-.")

"""Text as customers send it, made safe to keep, show and compare; pure, and linear in time over hostile input."""

import html
import re
import unicodedata

_CONTROLS = bytes({*range(0x20), 0x7F} - {*b"\t\n"})
_SURROGATES = re.compile("[\ud800-\udfff]")
_EMAIL = re.compile(r"[^\s@<>,;:\"\\()\[\]]+@[^\s@<>,;:\"\\()\[\]]+")
_PHONE_MARKS = re.compile(r"[\s().\-/\u00a0\u2010-\u2015]+")
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
_ORDER_NUMBER = re.compile(r"[A-Z0-9-]{0,12}[0-9][A-Z0-9-]{0,11}", re.ASCII)
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}", re.ASCII)
_TAG = re.compile(r"</?[a-zA-Z]")

_UNSEEN = {
    name: re.compile(f"(?=</{name})", re.IGNORECASE) for name in ("script", "style", "title", "template", "noscript")
}
_HIDDEN = re.compile(rf"<(?:!--|[!?]|({'|'.join(_UNSEEN)})(?![a-zA-Z0-9]))", re.IGNORECASE)
_LINE = "\x01"
"""Stands for a line break while the white space of the source is still in the text."""


def _tag(*names: str) -> re.Pattern[str]:
    return re.compile(rf"</?(?:{'|'.join(names)})(?![a-zA-Z0-9])[^>]*>", re.IGNORECASE)


_LINE_TAG = _tag(
    *("br", "div", "li", "tr", "h[1-6]", "section", "article", "address", "dt", "dd", "hr"),
)
_PARAGRAPH_TAG = _tag("p", "ul", "ol", "table", "blockquote", "pre")
_NO_TAG = re.compile(r"</?[a-zA-Z][^>]*>")
HTML_MAX = 1_000_000
"""Characters of a mail's HTML that are read; the rest of such a monster is left out."""


def clean(text: str) -> str:
    """The text with plain line ends, without control characters (NUL among them) and lone surrogates, trimmed."""
    if text.isprintable():
        return text.strip()
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    try:
        plain = text.encode()
    except UnicodeEncodeError:
        plain = _SURROGATES.sub("\ufffd", text).encode()
    return plain.translate(None, _CONTROLS).decode().strip()


def one_line(text: str, limit: int) -> str:
    """The text as a name or subject of at most `limit` characters."""
    return " ".join(clean(text[: limit * 4]).split())[:limit]


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


def order_number(text: str) -> str | None:
    """What a shop or a customer calls an order, as it is compared: `#1001 ` gives `1001`; None where it is no number.

    A number has a digit and at most 24 letters, digits and dashes, without spaces: no sentence and no address fits in.
    """
    number = unicodedata.normalize("NFKC", text[:64]).strip().lstrip("#").strip().upper()
    return number if _ORDER_NUMBER.fullmatch(number) else None


def comparable(text: str) -> str:
    """The text as it is compared over routes that fold lines or spaces differently: NFC, one space for any space."""
    return " ".join(unicodedata.normalize("NFC", clean(text)).split())


def html_to_text(source: str) -> str:
    """What a reader of the HTML sees, as plain text with its line breaks.

    Every pass ends where its mark is missing, so the time is linear; libraries that build a tree were not (one million
    characters of nested `div` took nh3 0.3.8 minutes). The result is text, never to be used as HTML.
    """
    text = _whole_tags(_seen(source[:HTML_MAX].replace(_LINE, "")))
    text = _NO_TAG.sub("", _LINE_TAG.sub(_LINE, _PARAGRAPH_TAG.sub(_LINE + _LINE, text)))
    text = " ".join(html.unescape(text).split()).replace(_LINE, "\n")
    text = text.replace(" \n", "\n").replace("\n ", "\n")
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return clean(text)


def _seen(source: str) -> str:
    """Without comments, declarations, and elements whose content nobody sees; what never ends goes to the end."""
    kept: list[str] = []
    at = 0
    while (found := _HIDDEN.search(source, at)) is not None:
        kept.append(source[at : found.start()])
        end = _end(source, found)
        if end < 0:
            return "".join(kept)
        at = end
    kept.append(source[at:])
    return "".join(kept)


def _end(source: str, found: re.Match[str]) -> int:
    name = (found.group(1) or "").lower()
    mark = "-->" if found.group() == "<!--" else ">"
    end = source.find(mark, found.end())
    if end < 0 or not name:
        return end + len(mark) if end >= 0 else -1
    closing = _UNSEEN[name].search(source, end)
    return closing.start() if closing else -1


def _whole_tags(source: str) -> str:
    """Up to a tag that never ends."""
    last = source.rfind(">") + 1
    broken = _TAG.search(source, last)
    return source[: broken.start()] if broken else source


_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NOT_A_WORD = re.compile(r"[^a-z0-9.-]+")


def token_word(given: str) -> str:
    """A provider's word as one of ours: `HardBounce` and `hard bounce` give `hard-bounce`; empty where none is left."""
    return _NOT_A_WORD.sub("-", _CAMEL.sub("-", given[:200]).lower()).strip("-.")[:96].rstrip("-.")

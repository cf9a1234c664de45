"""A mail, however it came to us: who wrote it, what it answers, and how it is recognised."""

import base64
import codecs
import hashlib
import quopri
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parseaddr, parsedate_to_datetime

from shared.channels.base import File
from shared.text import clean, comparable, email_address, one_line

MAX_REFERENCES = 50
MAX_MESSAGE_ID = 250
SHORTEST_BARE_ID = 16
HEADER_MAX = 8_192
"""Characters of a header that are read; of a longer list of ids, its beginning and its end."""
COMPARED_MAX = 200_000
"""Characters of a body that tell one mail from another."""
_MESSAGE_ID = re.compile(r"<([^<>\s]{1,998})>")
_ADDRESS = re.compile(r"[^\s@<>,;:\"\\()\[\]]{1,64}@[^\s@<>,;:\"\\()\[\]]{1,255}")
_ENCODED_WORD = re.compile(r"=\?([^?\s]{1,80})\?([bBqQ])\?([^?]*)\?=")
_ENCODED_WORDS = re.compile(rf"(?:{_ENCODED_WORD.pattern})+")
_BETWEEN_WORDS = re.compile(r"\?=\s+=\?")
_NO_CHARSETS = frozenset({"idna", "punycode", "raw-unicode-escape", "unicode-escape", "undefined"})
"""Codecs of Python that no mail may name: their time grows with the square of the text, or they mean something else."""
RECIPIENT_HEADERS = frozenset(
    ("to", "cc", "delivered-to", "x-original-to", "x-forwarded-to", "envelope-to", "x-envelope-to", "resent-to")
)


@dataclass(frozen=True, slots=True)
class Mail:
    """What a mail says; `sender` is lower case, ids stand without angle brackets."""

    sender: str
    sender_name: str
    subject: str
    sent_at: datetime | None
    headers: tuple[tuple[str, str], ...]
    """Names in lower case, in their order."""
    text: str
    """The plain text, else what a reader of the HTML sees."""
    html: str = ""
    plain: bool = True
    """Whether `text` is the plain text of the mail, and not made from its HTML."""
    files: tuple[File, ...] = field(default=(), repr=False)

    def header(self, name: str) -> str:
        """The first header of that name, or nothing."""
        return next((value for key, value in self.headers if key == name), "")

    @property
    def message_id(self) -> str:
        """Its own Message-ID."""
        return next(iter(message_ids(self.header("message-id"))), "")

    @property
    def references(self) -> tuple[str, ...]:
        """The Message-IDs it answers, newest last."""
        named = (*message_ids(self.header("references")), *message_ids(self.header("in-reply-to")))
        return tuple(dict.fromkeys(reversed(named)))[:MAX_REFERENCES][::-1]

    @property
    def thread(self) -> str | None:
        """The Message-ID its conversation began with: the oldest one it names, or its own (RFC 5322 §3.6.4)."""
        named = message_ids(self.header("references")) or message_ids(self.header("in-reply-to"))
        return (*named, self.message_id)[0] or None

    @property
    def content_key(self) -> str:
        """The same for one mail over two routes: SHA-256 of From, Date, Message-ID and the body as it reads."""
        sent_at = self.sent_at.astimezone(UTC).isoformat() if self.sent_at else ""
        parts = (self.sender, sent_at, self.message_id, comparable(self.text[: 2 * COMPARED_MAX])[:COMPARED_MAX])
        return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()

    @property
    def identity(self) -> str | None:
        """The same for one mail however often it is delivered, None where nothing in it says which mail it is."""
        if not self.message_id:
            return None
        sent_at = self.sent_at.astimezone(UTC).isoformat() if self.sent_at else ""
        return hashlib.sha256("\x1f".join((self.sender, sent_at, self.message_id)).encode()).hexdigest()

    @property
    def recipients(self) -> tuple[str, ...]:
        """What the headers say about where it went to, each as it stands."""
        return tuple(value for name, value in self.headers if name in RECIPIENT_HEADERS)


def message_ids(value: str) -> tuple[str, ...]:
    """The Message-IDs in a header, without angle brackets.

    What names no mail is left out: words without a place (`<>`, `<null>`, `<1>`), which many mails share, and ids that
    are too long to keep.
    """
    value = value if len(value) <= 2 * HEADER_MAX else f"{value[:HEADER_MAX]} {value[-HEADER_MAX:]}"
    found = _MESSAGE_ID.findall(value) or ([value.strip()] if len(value.split()) == 1 else [])
    return tuple(cleaned for id_ in found if _names_a_mail(cleaned := one_line(id_, 1000)))


def _names_a_mail(id_: str) -> bool:
    """Something before and behind an `@`, or a word that is long enough to be one mail's own."""
    left, at, right = id_.strip("<>").partition("@")
    enough = bool(left and right) if at else len(left) >= SHORTEST_BARE_ID
    return enough and len(id_) <= MAX_MESSAGE_ID


def moment(value: str) -> datetime | None:
    """A Date header as UTC, or None where it is no date (RFC 5322 §3.3)."""
    try:
        found = parsedate_to_datetime(value.strip())
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found if 1900 <= found.year <= 2200 else None


def address(value: str) -> tuple[str, str]:
    """Address (lower case) and name; the address is empty where there is none."""
    value = clean(value[:HEADER_MAX])
    try:
        name, found = parseaddr(value)
    except RecursionError:  # comments within comments
        return "", ""
    right = email_address(found)
    if right is None and (within := _ADDRESS.search(value)):  # without the brackets that it should stand in
        right, name = email_address(within[0]), value[: within.start()].strip(" \"'<(") or name
    return right or "", one_line(name, 200)


def decoded(value: str, limit: int) -> str:
    """A header with its encoded words read (RFC 2047), as one line of at most `limit` characters."""
    value = _BETWEEN_WORDS.sub("?==?", value[:HEADER_MAX])
    return one_line(_ENCODED_WORDS.sub(_word_text, value), limit)


def _word_text(words: re.Match[str]) -> str:
    """Encoded words side by side; a character may begin in one and end in the next of the same charset."""
    runs: list[tuple[str, bytes]] = []
    for charset, encoding, text in _ENCODED_WORD.findall(words.group()):
        content = _word_bytes(encoding, text)
        if runs and runs[-1][0] == charset.lower():
            content = runs.pop()[1] + content
        runs.append((charset.lower(), content))
    return "".join(in_charset(content, charset.partition("*")[0]) for charset, content in runs)


def _word_bytes(encoding: str, text: str) -> bytes:
    raw = text.encode("utf-8", "replace")
    if encoding in "qQ":
        return quopri.decodestring(raw, header=True)
    try:
        return base64.b64decode(raw + b"=" * (-len(raw) % 4))
    except ValueError:
        return raw


def in_charset(content: bytes, charset: str) -> str:
    """Text in a charset, in UTF-8 where nobody knows that charset."""
    try:
        name = codecs.lookup(charset).name
        return content.decode("utf-8" if name in _NO_CHARSETS else name, "replace")
    except (LookupError, ValueError):
        return content.decode("utf-8", "replace")

"""A mail, however it came to us: read from its bytes (RFC 5322, MIME), told apart from automatic ones, recognised."""

import hashlib
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import Message
from email.utils import parseaddr, parsedate_to_datetime
from typing import Any, TypeAlias

from shared.channels.base import File
from shared.errors import Invalid
from shared.text import clean, comparable, email_address, html_to_text, one_line

MAX_PARTS = 200
MAX_REFERENCES = 50
MAX_MESSAGE_ID = 250
_MESSAGE_ID = re.compile(r"<([^<>\s]{1,998})>")
_BULK = frozenset({"bulk", "junk", "list"})
_NO_PERSON = ("mailer-daemon@", "postmaster@")

Part: TypeAlias = "Message[Any, Any]"


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
        parts = (self.sender, sent_at, self.message_id, comparable(self.text))
        return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()

    @property
    def automatic(self) -> str | None:
        """What nobody wrote: `bounce`, `auto-reply` (RFC 3834) or `bulk`; None for a person's mail."""
        if self._bounced():
            return "bounce"
        submitted = self.header("auto-submitted").partition(";")[0].strip().lower()
        precedence = self.header("precedence").strip().lower()
        names = {name for name, _ in self.headers}
        if (submitted and submitted != "no") or precedence == "auto_reply" or names & {"x-autoreply", "x-autorespond"}:
            return "auto-reply"
        return "bulk" if precedence in _BULK or names & {"list-id", "list-unsubscribe"} else None

    def _bounced(self) -> bool:
        null_sender = self.header("return-path").strip() == "<>"
        report = self.header("content-type").strip().lower().startswith("multipart/report")
        return null_sender or report or bool(self.header("x-failed-recipients")) or self.sender.startswith(_NO_PERSON)


def message_ids(value: str) -> tuple[str, ...]:
    """The Message-IDs in a header, without angle brackets; ids too long to keep are left out."""
    found = _MESSAGE_ID.findall(value) or ([value.strip()] if value.strip() and " " not in value.strip() else [])
    return tuple(cleaned for id_ in found if (cleaned := one_line(id_, 1000)) and len(cleaned) <= MAX_MESSAGE_ID)


def moment(value: str) -> datetime | None:
    """A Date header as UTC, or None where it is no date (RFC 5322 §3.3)."""
    try:
        found = parsedate_to_datetime(value.strip())
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found if 1990 <= found.year <= 2200 else None


def address(value: str) -> tuple[str, str]:
    """Address (lower case) and name; the address is empty where there is none."""
    name, found = parseaddr(clean(value))
    return email_address(found) or "", one_line(name, 200)


def read(raw: bytes) -> Mail:
    """A mail from its bytes; raises Invalid where it cannot be taken apart."""
    try:
        return _read(message_from_bytes(raw, policy=policy.default))
    except Invalid:
        raise
    except Exception as error:  # noqa: BLE001 - the standard library fails in many ways on hostile mail
        raise Invalid(f"the mail cannot be taken apart: {type(error).__name__}", reason="unreadable_mail") from None


def _read(message: Part) -> Mail:
    headers = tuple((name.lower(), clean(_decoded(message, name, value))) for name, value in message.raw_items())
    by_name = dict(reversed(headers))
    sender, name = address(by_name.get("from", ""))
    texts, htmls, files = _parts(message)
    return Mail(
        sender=sender,
        sender_name=name,
        subject=one_line(by_name.get("subject", ""), 1000),
        sent_at=moment(by_name.get("date", "")),
        headers=headers,
        text=clean("\n".join(texts)) or html_to_text("\n".join(htmls)),
        files=tuple(files),
    )


def _decoded(message: Part, name: str, value: Any) -> str:
    try:
        return str(message.policy.header_fetch_parse(name, value))
    except Exception:  # noqa: BLE001 - see read: the header's own text is better than nothing
        return str(value)


def _parts(message: Part) -> tuple[list[str], list[str], list[File]]:
    texts: list[str] = []
    htmls: list[str] = []
    files: list[File] = []
    for count, part in enumerate(message.walk()):
        if count > MAX_PARTS:
            raise Invalid(f"the mail has more than {MAX_PARTS} parts", reason="too_many_parts")
        if part.is_multipart():
            continue
        kind, name = part.get_content_type(), _file_name(part)
        if kind in ("text/plain", "text/html") and not name and part.get_content_disposition() != "attachment":
            (texts if kind == "text/plain" else htmls).append(_text(part))
        else:
            content = part.get_payload(decode=True)
            files.append(File(name, one_line(kind, 100), content if isinstance(content, bytes) else b""))
    return texts, htmls, files


def _file_name(part: Part) -> str:
    return one_line(str(part.get_filename() or ""), 200)


def _text(part: Part) -> str:
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        return ""
    try:
        return content.decode(part.get_content_charset() or "utf-8", "replace")
    except (LookupError, ValueError):
        return content.decode("utf-8", "replace")


__all__ = ["Mail", "address", "message_ids", "moment", "read"]

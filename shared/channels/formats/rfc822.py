"""Mail read from its bytes (RFC 5322, MIME), in bounded time and memory however hostile it is."""

from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from email.policy import Compat32
from typing import Any, TypeAlias, cast

from shared.channels.base import File
from shared.channels.formats.mail import HEADER_MAX, Mail, address, decoded, in_charset, moment
from shared.errors import Invalid
from shared.text import HTML_MAX, clean, html_to_text, one_line

MAX_PARTS = 200
MAX_HEADERS = 2_000
"""Of all parts together."""

Part: TypeAlias = "Message[Any, Any]"


class _Careful(Compat32):
    """Keeps headers as they stand: the parser of the newer policies takes minutes and gigabytes for a hostile one.

    (Python 3.11: a Subject of 0.7 MB of encoded words took 112 s and 16 GB.)
    """

    seen: list[int] = []  # noqa: RUF012 - a policy takes only what its class has; each mail gets its own

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        """Name and value, unfolded and cut to what is read of it."""
        self.seen[0] += 1
        if self.seen[0] > MAX_HEADERS:
            raise Invalid(f"the mail has more than {MAX_HEADERS} headers", reason="too_many_headers")
        name, value = super().header_source_parse(sourcelines)
        return name, value if len(value) <= 2 * HEADER_MAX else f"{value[:HEADER_MAX]} {value[-HEADER_MAX:]}"


def read(raw: bytes) -> Mail:
    """A mail from its bytes; raises Invalid where it cannot be taken apart."""
    try:
        policy = _Careful(seen=[0])  # type: ignore[call-arg]
        return _read(message_from_bytes(raw, policy=policy))
    except Invalid:
        raise
    except Exception as error:  # noqa: BLE001 - the standard library fails in many ways on hostile mail
        raise Invalid(f"the mail cannot be taken apart: {type(error).__name__}", reason="unreadable_mail") from None


def _read(message: Part) -> Mail:
    headers = tuple((name.lower(), clean(_as_text(value))) for name, value in message.raw_items())
    by_name = dict(reversed(headers))
    sender, name = address(by_name.get("from", ""))
    texts, htmls, files = _parts(message)
    plain, html = clean("\n".join(texts)), "\n".join(htmls)[:HTML_MAX]
    return Mail(
        sender=sender,
        sender_name=decoded(name, 200),
        subject=decoded(by_name.get("subject", ""), 1000),
        sent_at=moment(by_name.get("date", "")),
        headers=headers,
        text=plain or html_to_text(html),
        html=html,
        plain=bool(plain),
        files=tuple(files),
    )


def headers(block: bytes) -> tuple[tuple[str, str], ...]:
    """The headers alone, as some providers send them beside the parts; raises Invalid as `read` does."""
    return read(block.rstrip() + b"\n\n").headers


def _as_text(value: Any) -> str:
    """A header's text; bytes that no RFC allows there are UTF-8 more often than not (RFC 6532)."""
    return str(value).encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _parts(message: Part) -> tuple[list[str], list[str], list[File]]:
    """Texts, HTML and files in their order; a mail within the mail is a file, its words are somebody else's."""
    texts: list[str] = []
    htmls: list[str] = []
    files: list[File] = []
    for part in _leaves(message):
        kind, name = part.get_content_type(), _file_name(part)
        if kind in ("text/plain", "text/html") and not name and part.get_content_disposition() != "attachment":
            (texts if kind == "text/plain" else htmls).append(_text(part))
        else:
            files.append(File(name, one_line(kind, 100), _content(part)))
    return texts, htmls, files


def _leaves(message: Part) -> Iterator[Part]:
    waiting, count = [message], 0
    while waiting:
        part = waiting.pop()
        count += 1
        if count > MAX_PARTS:
            raise Invalid(f"the mail has more than {MAX_PARTS} parts", reason="too_many_parts")
        if part.get_content_maintype() == "multipart" and part.is_multipart():
            waiting.extend(reversed(cast("list[Part]", part.get_payload())))
        else:
            yield part


def _content(part: Part) -> bytes:
    if part.is_multipart():
        return b"\r\n".join(inner.as_bytes() for inner in cast("list[Part]", part.get_payload()))
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _file_name(part: Part) -> str:
    return decoded(_as_text(part.get_filename() or ""), 200)


def _text(part: Part) -> str:
    return in_charset(_content(part), part.get_content_charset() or "utf-8")

"""Mail read from its bytes (RFC 5322, MIME), in bounded time and memory however hostile it is."""

from shared.channels.base import File
from shared.channels.formats.mail import Mail, address, decoded, in_charset, moment
from shared.channels.formats.mail_parts import MAX_HEADERS, MAX_PARTS, Part, Reader, as_text
from shared.errors import Invalid
from shared.text import HTML_MAX, clean, html_to_text, one_line

__all__ = ["MAX_HEADERS", "MAX_PARTS", "headers", "read"]

SENDERS = ("from", "sender", "reply-to", "return-path")
"""Where a mail says who wrote it; the later ones serve where the earlier hold no address."""


def read(raw: bytes) -> Mail:
    """A mail from its bytes; raises Invalid where it cannot be taken apart."""
    try:
        return _read(raw)
    except Invalid:
        raise
    except Exception as error:  # noqa: BLE001 - the standard library fails in many ways on hostile headers
        raise Invalid(f"the mail cannot be taken apart: {type(error).__name__}", reason="unreadable_mail") from None


def headers(block: bytes) -> tuple[tuple[str, str], ...]:
    """The headers alone, as some providers send them beside the parts; raises Invalid as `read` does."""
    return read(block.rstrip() + b"\n\n").headers


def _read(raw: bytes) -> Mail:
    reader = Reader()
    whole = reader.part(raw)
    named = tuple((name.lower(), clean(as_text(value))) for name, value in whole.headers.raw_items())
    by_name = dict(reversed(named))
    sender, name = next((found for key in SENDERS if (found := address(by_name.get(key, "")))[0]), ("", ""))
    texts, htmls, files = _sorted(reader, whole)
    plain, html = clean("\n".join(texts)), "\n".join(htmls)[:HTML_MAX]
    return Mail(
        sender=sender,
        sender_name=decoded(name, 200),
        subject=decoded(by_name.get("subject", ""), 1000),
        sent_at=moment(by_name.get("date", "")),
        headers=named,
        text=plain or html_to_text(html),
        html=html,
        plain=bool(plain),
        files=tuple(files),
    )


def _sorted(reader: Reader, whole: Part) -> tuple[list[str], list[str], list[File]]:
    """Texts, HTML and files in their order; a mail within the mail is a file, its words are somebody else's."""
    texts: list[str] = []
    htmls: list[str] = []
    files: list[File] = []
    for part in reader.leaves(whole):
        kind, name = part.headers.get_content_type(), _file_name(part)
        if kind in ("text/plain", "text/html") and not name and part.headers.get_content_disposition() != "attachment":
            (texts if kind == "text/plain" else htmls).append(_text(part))
        else:
            files.append(File(name, one_line(kind, 100), part.content()))
    return texts, htmls, files


def _file_name(part: Part) -> str:
    return decoded(as_text(part.headers.get_filename() or ""), 200)


def _text(part: Part) -> str:
    return in_charset(part.content(), part.headers.get_content_charset() or "utf-8")

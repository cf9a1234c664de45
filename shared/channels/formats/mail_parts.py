"""A mail's bytes taken apart into its leaves (RFC 2045, 2046), by their boundaries and without a list of its lines.

The standard library's parser keeps every line as a string: a mail of short lines takes it 36 times its size, and a
second for 5 MB. Here only headers go through it; bodies stay bytes, and are cut where their boundaries stand.
"""

import binascii
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesHeaderParser
from email.policy import Compat32
from typing import Any, TypeAlias

from shared.channels.formats.mail import HEADER_MAX
from shared.errors import Invalid

MAX_PARTS = 200
MAX_DEPTH = 40
MAX_HEADERS = 2_000
"""Of all parts together."""
MAX_HEADER_BYTES = 1024 * 1024
"""Of all parts together."""
MAX_BOUNDARY = 200
_HEADERS_END = re.compile(rb"\r?\n\r?\n|\r\r|\A\r?\n")
_DELIMITER_ENDS = re.compile(rb"(--)?[ \t]*(?:\r\n|\n|\r|\Z)")
_SPACES = b" \t\r\n\x0b\x0c"

Headers: TypeAlias = "Message[Any, Any]"


@dataclass(frozen=True, slots=True)
class Part:
    """Headers and body of a mail or of one of its leaves."""

    headers: Headers
    body: bytes = field(repr=False)

    def content(self) -> bytes:
        """The body as it was before it was made fit for transport; as it stands where that cannot be undone."""
        encoding = as_text(self.headers.get("content-transfer-encoding", "")).strip().lower()
        if encoding == "quoted-printable":
            return binascii.a2b_qp(self.body)
        if encoding == "base64":
            return _from_base64(self.body)
        if encoding in ("x-uuencode", "uuencode", "uue", "x-uue"):
            return _from_uu(self.body)
        return self.body


class _Careful(Compat32):
    """Keeps headers as they stand: the parser of the newer policies takes minutes and gigabytes for a hostile one.

    (Python 3.11: a Subject of 0.7 MB of encoded words took 112 s and 16 GB.)
    """

    seen: list[int] = []  # noqa: RUF012 - a policy takes only what its class has; each mail gets its own

    def header_fetch_parse(self, name: str, value: Any) -> Any:
        """As it stands, where the library's own would lose names of files in bytes that no RFC allows there."""
        return as_text(value)

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        """Name and value, unfolded and cut to what is read of it."""
        self.seen[0] += 1
        if self.seen[0] > MAX_HEADERS:
            raise Invalid(f"the mail has more than {MAX_HEADERS} headers", reason="too_many_headers")
        name, value = super().header_source_parse(sourcelines)
        return name, value if len(value) <= 2 * HEADER_MAX else f"{value[:HEADER_MAX]} {value[-HEADER_MAX:]}"


class Reader:
    """Takes one mail apart; counts its headers, over all parts."""

    def __init__(self) -> None:
        self._parser = BytesHeaderParser(policy=_Careful(seen=[0]))  # type: ignore[call-arg]
        self._header_bytes = 0

    def part(self, raw: bytes) -> Part:
        """Headers and body; what follows a line that is no header is body too."""
        found = _HEADERS_END.search(raw)
        end = found.end() if found else len(raw)
        self._header_bytes += end
        if self._header_bytes > MAX_HEADER_BYTES:
            raise Invalid(f"the mail has more than {MAX_HEADER_BYTES} bytes of headers", reason="too_many_headers")
        headers = self._parser.parsebytes(raw[:end])
        left = headers.get_payload()
        early = left.encode("ascii", "surrogateescape") if isinstance(left, str) else b""
        headers.set_payload("")
        return Part(headers, early + raw[end:])

    def leaves(self, whole: Part) -> Iterator[Part]:
        """The parts that hold no parts, in their order; a mail within the mail is a leaf."""
        waiting, count = [(0, whole)], 0
        while waiting:
            depth, part = waiting.pop()
            count += 1
            if count > MAX_PARTS:
                raise Invalid(f"the mail has more than {MAX_PARTS} parts", reason="too_many_parts")
            inner = _between_boundaries(part)
            if not inner:
                yield part
                continue
            if len(inner) + count > MAX_PARTS:
                raise Invalid(f"the mail has more than {MAX_PARTS} parts", reason="too_many_parts")
            if depth >= MAX_DEPTH:
                raise Invalid(f"the mail has parts more than {MAX_DEPTH} deep", reason="too_many_parts")
            waiting.extend((depth + 1, self._inner(part, raw)) for raw in reversed(inner))

    def _inner(self, around: Part, raw: bytes) -> Part:
        part = self.part(raw)
        if around.headers.get_content_type() == "multipart/digest" and "content-type" not in part.headers:
            part.headers.set_default_type("message/rfc822")
        return part


def _between_boundaries(part: Part) -> list[bytes]:
    """The parts of a multipart (RFC 2046 §5.1.1); none where it is no multipart or no boundary stands in it."""
    if part.headers.get_content_maintype() != "multipart":
        return []
    boundary = part.headers.get_boundary()
    if not boundary or len(boundary) > MAX_BOUNDARY:
        return []
    found: list[bytes] = []
    begin = -1
    for start, end, last in _delimiters(part.body, b"--" + boundary.encode("utf-8", "surrogateescape")):
        if begin >= 0:
            found.append(_without_line_end(part.body[begin:start]))
        if (last and begin >= 0) or len(found) > MAX_PARTS:
            return found
        begin = end
    if 0 <= begin < len(part.body):  # it ends without its last boundary
        found.append(part.body[begin:])
    return found


def _delimiters(body: bytes, mark: bytes) -> Iterator[tuple[int, int, bool]]:
    """Lines that are this boundary: where they begin and end, and whether they are the last one."""
    at = body.find(mark)
    while at >= 0:
        rest = _DELIMITER_ENDS.match(body, at + len(mark))
        if rest and (at == 0 or body[at - 1 : at] in (b"\n", b"\r")):
            yield at, rest.end(), rest[1] is not None
        at = body.find(mark, at + len(mark))


def _without_line_end(content: bytes) -> bytes:
    """The line end before a boundary belongs to the boundary."""
    if content.endswith(b"\r\n"):
        return content[:-2]
    return content[:-1] if content.endswith((b"\n", b"\r")) else content


def as_text(value: Any) -> str:
    """A header's text; bytes that no RFC allows there are UTF-8 more often than not (RFC 6532)."""
    return str(value).encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _from_base64(body: bytes) -> bytes:
    packed = body.translate(None, _SPACES)
    for padding in (b"=" * (-len(packed) % 4), b"=="):
        try:
            return binascii.a2b_base64(packed + padding)
        except binascii.Error:
            continue
    return body


def _from_uu(body: bytes) -> bytes:
    """What stands between `begin` and `end`; a line that cannot be read ends it."""
    lines = io.BytesIO(body)
    for line in lines:
        if line.startswith(b"begin "):
            break
    else:
        return body
    found = io.BytesIO()
    for line in lines:
        stripped = line.strip(b" \t\r\n\x0c")
        if stripped == b"end":
            break
        try:
            found.write(binascii.a2b_uu(line))
        except binascii.Error:
            break
    return found.getvalue()

"""Forms as mail providers post them: multipart/form-data (RFC 7578) or urlencoded, in bounded time and memory."""

import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from shared.channels.base import File
from shared.channels.formats.mail import in_charset
from shared.errors import Invalid
from shared.text import clean, one_line

MAX_FIELDS = 500
_NO_NAMES = frozenset(("", ".", ".."))


@dataclass(frozen=True, slots=True)
class Form:
    """Fields as bytes, the first of a name; files in their order, each with the name of its field."""

    fields: Mapping[str, bytes]
    files: tuple[tuple[str, File], ...] = field(default=(), repr=False)

    def text(self, name: str, charset: str = "utf-8") -> str:
        """A field's text, empty where it is absent."""
        return in_charset(self.fields.get(name, b""), charset)


def read(content_type: str, body: bytes) -> Form:
    """The form; raises Invalid where the body is none."""
    kind, options = parse_options_header(content_type[:1000])
    if kind == b"application/x-www-form-urlencoded":
        return _urlencoded(body)
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not boundary:
        raise Invalid("the request is no form; set the provider to post forms", reason="not_a_form")
    parts = _Parts()
    try:
        parser = MultipartParser(boundary, parts.callbacks(), max_header_count=20, max_header_size=16_384)  # type: ignore[arg-type]
        parser.write(body)
        parser.finalize()
    except FormParserError:
        raise Invalid("the form is no multipart/form-data (RFC 7578)", reason="bad_multipart") from None
    if not parts.ended:
        raise Invalid("the form ends before its last boundary", reason="bad_multipart")
    return parts.form()


def _urlencoded(body: bytes) -> Form:
    pairs = body.split(b"&", MAX_FIELDS)
    if len(pairs) > MAX_FIELDS:
        raise Invalid(f"the form has more than {MAX_FIELDS} fields", reason="too_many_parts")
    fields: dict[str, bytes] = {}
    for pair in pairs:
        name, _, value = pair.replace(b"+", b" ").partition(b"=")
        fields.setdefault(_utf8(_unquoted(name)), _unquoted(value))
    return Form(fields)


def _unquoted(value: bytes) -> bytes:
    """`%41` as `A`: quoted-printable with another mark, which is decoded in place (urllib takes 75 times its size)."""
    return binascii.a2b_qp(value.replace(b"=", b"=3D").replace(b"%", b"="))


class _Parts:
    """What the parser calls; a part's pieces are joined once, when it ends."""

    def __init__(self) -> None:
        self.ended = False
        self._fields: dict[str, bytes] = {}
        self._files: list[tuple[str, File]] = []
        self._count = 0
        self._reset()

    def callbacks(self) -> dict[str, object]:
        return {
            "on_part_begin": self._reset,
            "on_header_field": lambda data, start, end: self._name.append(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.append(data[start:end]),
            "on_header_end": self._header_end,
            "on_part_data": lambda data, start, end: self._pieces.append(data[start:end]),
            "on_part_end": self._part_end,
            "on_end": self._end,
        }

    def form(self) -> Form:
        return Form(self._fields, tuple(self._files))

    def _reset(self) -> None:
        self._headers: dict[str, str] = {}
        self._name: list[bytes] = []
        self._value: list[bytes] = []
        self._pieces: list[bytes] = []

    def _header_end(self) -> None:
        name = b"".join(self._name).decode("latin-1").lower()
        self._headers[name] = b"".join(self._value).decode("utf-8", "replace")
        self._name, self._value = [], []

    def _part_end(self) -> None:
        self._count += 1
        if self._count > MAX_FIELDS:
            raise Invalid(f"the form has more than {MAX_FIELDS} parts", reason="too_many_parts")
        _, options = parse_options_header(_latin(self._headers.get("content-disposition", "")))
        name = _utf8(options.get(b"name", b""))
        content = b"".join(self._pieces)
        if b"filename" not in options:
            self._fields.setdefault(name, content)
            return
        kind = one_line(self._headers.get("content-type", "").partition(";")[0].lower(), 100)
        file = File(file_name(_utf8(options[b"filename"])), kind or "application/octet-stream", content)
        self._files.append((name, file))

    def _end(self) -> None:
        self.ended = True


def file_name(given: str) -> str:
    """A file's name without the folders of whoever sent it; empty where nothing is left."""
    last = one_line(clean(given.replace("\\", "/")).rpartition("/")[2], 200)
    return "" if last in _NO_NAMES else last


def _latin(text: str) -> str:
    """The library takes bytes for Latin-1; UTF-8 goes through it unharmed so."""
    return text.encode().decode("latin-1")


def _utf8(value: bytes) -> str:
    return value.decode("utf-8", "replace")

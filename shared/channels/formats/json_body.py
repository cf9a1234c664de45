"""JSON from outside: read strictly, looked at with care, refused with the place and the reason."""

from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from shared.errors import Invalid, Malformed

M = TypeVar("M", bound=BaseModel)

PART_BYTES = {b"{": 240, b"[": 80, b",": 100}
"""What an object, a list and one more value take in memory; an empty object is written with two bytes."""
READ_MAX_BYTES = 8 * 1024 * 1024
READ_MAX_TIMES = 12
"""How many times its own bytes a body may take once it is read, where that is more."""
ERRORS_MAX = 500
_AT_ONCE = 256 * 1024

_REASONS = (
    ("depth limit", "too_deep", "the body is nested too deeply"),
    ("surrogate in string", "lone_surrogate", "the body holds half of a surrogate pair, which is no character"),
    ("not valid UTF-8", "not_utf8", "the body is not UTF-8"),
)


def load(body: bytes) -> Any:
    """The body's JSON (RFC 8259); raises Malformed, also where it would take far more memory than its bytes."""
    most = max(READ_MAX_BYTES, READ_MAX_TIMES * len(body))
    if _parts_bytes(body) > most and _parts_bytes_outside_strings(body) > most:
        raise Malformed("the body is made of too many parts for its size", reason="too_many_parts")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _malformed(str(error)) from None


def load_object(body: bytes, *, nul: bool = False) -> dict[str, Any]:
    """The body's JSON object; raises Malformed. `nul` lets U+0000 pass for whoever cleans it away."""
    value = load(body)
    if not isinstance(value, dict):
        raise Malformed("the body is JSON, but not an object", reason="not_an_object")
    if not nul and b"\\u0000" in body and holds_nul(value):
        raise Malformed("the body holds a NUL character", reason="nul")
    return value


def _parts_bytes(body: bytes) -> int:
    return sum(size * body.count(mark) for mark, size in PART_BYTES.items())


def _parts_bytes_outside_strings(body: bytes) -> int:
    """The same without what texts hold: a mail of many commas is no list. Needs little memory itself."""
    plain = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    inside = found = 0
    for at in range(0, len(plain), _AT_ONCE):
        pieces = plain[at : at + _AT_ONCE].split(b'"')
        found += _parts_bytes(b" ".join(pieces[inside::2]))
        inside = (inside + len(pieces) - 1) % 2
    return found


def _malformed(message: str) -> Malformed:
    for mark, reason, text in _REASONS:
        if mark in message:
            return Malformed(text, reason=reason)
    return Malformed("the body is not JSON (RFC 8259)", reason="not_json")


def holds_nul(value: Any) -> bool:
    """Whether any string of a JSON value holds U+0000, which PostgreSQL cannot store."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            if "\0" in item:
                return True
        elif isinstance(item, dict):
            stack.extend(item)
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
    return False


def validated(model: type[M], value: Any) -> M:
    """The value as the model; raises Invalid with each field that is wrong, by JSON Pointer, without its value."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        if error.error_count() > ERRORS_MAX:
            raise Invalid(f"the body breaks its schema in {error.error_count()} places") from None
        fields = [{"pointer": _pointer(e["loc"]), "detail": e["msg"]} for e in error.errors()[:50]]
        where = ", ".join(field["pointer"] or "/" for field in fields[:5])
        raise Invalid(f"the body breaks its schema at {where}", fields=fields) from None


def _pointer(location: tuple[int | str, ...]) -> str:
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in location)


def string(within: dict[str, Any], name: str) -> str:
    """A string, empty where it is absent or null; raises Invalid where it is something else."""
    value = within.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _wrong(name, "a string")
    return value


def integer(within: dict[str, Any], name: str) -> int | None:
    """An integer, None where it is absent or null; raises Invalid where it is something else."""
    value = within.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        raise _wrong(name, "an integer")
    return value


def mapping(within: dict[str, Any], name: str) -> dict[str, Any]:
    """An object, empty where it is absent or null; raises Invalid where it is something else."""
    value = within.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _wrong(name, "an object")
    return value


def objects(within: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """A list of objects, empty where it is absent or null; raises Invalid where it is something else."""
    value = within.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise _wrong(name, "a list of objects")
    return value


def _wrong(name: str, kind: str) -> Invalid:
    return Invalid(f"{name} is not {kind}", reason="wrong_type")

"""Breaks recorded requests, in their bytes and in their structure, the same way each time for the same case."""

import copy
import json
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from shared.channels.base import Request

FORM = "application/x-www-form-urlencoded"
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 2**63, -(2**70), 1e308, "", " ", "\0", "x" * 2000, "9" * 400, "-1", "1e999"),
    *("\u202e", "\ud800", "\U0001f600" * 300, "a@b", "<a@b>", "2026-02-30T25:61:61Z", "https://[::1", "data:,x", "%ff"),
    *([], {}, [None], [[]], {"id": {}}, {"": ""}, [{}], ["x"] * 300, "unsupported", "text", "=?utf-8?b?/w==?="),
)
"""Values that stand where others are expected."""
SCRAPS = (
    *(b"\r\n\r\n", b"\r\n", b"--", b"\0", b"\xff\xfe", b"=?utf-8?b?", b";", b"boundary=", b"<>"),
    *(b"&#1114112;", b"<!--"),
    *(b"Content-Type: multipart/mixed; boundary=x\r\n", b"Content-Type: message/rfc822\r\n\r\n", b"> ", b"&&==", b"%"),
)  # fmt: skip
"""Bytes that have a meaning in mails, in forms or in pages."""


def mutated(request: Request, chance: random.Random) -> Request:
    """The request with something wrong in its body and, now and then, in its headers."""
    headers = dict(request.headers)
    if headers and chance.random() < 0.1:
        name = chance.choice(sorted(headers))
        headers[name] = chance.choice(("", "x", "multipart/form-data", "text/plain; charset=punycode", FORM))
    return replace(request, headers=headers, body=_body(request, chance))


def _body(request: Request, chance: random.Random) -> bytes:
    body, kind = request.body, request.headers.get("content-type", "")
    if chance.random() < 0.25:
        return scratched(body, chance)
    if body[:1] in (b"{", b"["):
        return document(body, chance)
    if kind.startswith(FORM):
        return form(body, chance)
    return rearranged(body, chance, b"\r\n--" if chance.random() < 0.5 else b"\n")


def scratched(body: bytes, chance: random.Random) -> bytes:
    """A few of its bytes changed, taken out, repeated or put in."""
    out = bytearray(body)
    for _ in range(chance.randint(1, 5)):
        at = chance.randrange(len(out) + 1)
        to = min(len(out), at + chance.randint(1, 40))
        what = chance.randrange(5)
        if what == 0:
            out[at:to] = chance.randbytes(to - at)
        elif what == 1:
            del out[at:to]
        elif what == 2:
            out[at:at] = out[at:to] * chance.randint(1, 50)
        elif what == 3:
            out[at:at] = chance.choice(SCRAPS)
        else:
            del out[at + len(out) // 2 :]
    return bytes(out)


def document(body: bytes, chance: random.Random) -> bytes:
    """JSON with values replaced, moved, named otherwise, repeated or left out."""
    try:
        value = json.loads(body)
    except ValueError:
        return scratched(body, chance)
    for _ in range(chance.randint(1, 3)):
        found = list(_places(value))
        if not found:
            break
        within, key = chance.choice(found)
        what = chance.random()
        if what < 0.2 and isinstance(within, dict):
            del within[key]
        elif what < 0.3 and isinstance(within, dict):
            within[str(chance.choice(found)[1])] = within.pop(key)
        elif what < 0.4 and isinstance(within, list):
            within.extend(copy.deepcopy(within[key]) for _ in range(chance.randint(1, 30)))
        elif what < 0.6:
            other, there = chance.choice(found)
            within[key] = copy.deepcopy(other.get(there) if isinstance(other, dict) else other[there])
        else:
            within[key] = copy.deepcopy(chance.choice(ODD))
    return json.dumps(value).encode()


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container of a JSON value with each of its keys."""
    stack = [value]
    while stack:
        within = stack.pop()
        keys = list(within) if isinstance(within, dict) else range(len(within)) if isinstance(within, list) else ()
        yield from ((within, key) for key in keys)
        stack += [within[key] for key in keys]


def form(body: bytes, chance: random.Random) -> bytes:
    """Fields replaced, exchanged, repeated or left out."""
    pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    for _ in range(chance.randint(1, 4)):
        if not pairs:
            break
        at, other = chance.randrange(len(pairs)), chance.randrange(len(pairs))
        what = chance.randrange(4)
        if what == 0:
            del pairs[at]
        elif what == 1:
            pairs += [pairs[at]] * chance.randint(1, 20)
        elif what == 2:
            pairs[at] = (pairs[at][0], pairs[other][1])
        else:
            pairs[at] = (pairs[at][0], str(chance.choice(ODD)))
    return urlencode(pairs, errors="replace").encode()


def rearranged(body: bytes, chance: random.Random, between: bytes) -> bytes:
    """Parts or lines in another order, more than once, or not at all."""
    pieces = body.split(between)
    for _ in range(chance.randint(1, 5)):
        at, to = chance.randrange(len(pieces)), chance.randrange(len(pieces))
        what = chance.randrange(3)
        if what == 0 and len(pieces) > 1:
            del pieces[at]
        elif what == 1:
            pieces[at], pieces[to] = pieces[to], pieces[at]
        else:
            pieces[at:at] = [pieces[to]] * chance.randint(1, 20)
    return between.join(pieces)

"""Whose words a request holds that no parser could read: every word in it is tried as an identity; pure.

Nobody knows the sender of such a request, and of an erased person nobody keeps the address. But what stands in the
request can be hashed as an address would be, and compared with the tombstones.
"""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote_plus

from shared.tombstones import Tombstones

WORDS_MAX = 5_000
"""Of one request; they stand at its beginning, in headers and in the provider's envelope."""
WORD_MAX = 320
PHONE_DIGITS = range(7, 16)
"""How many digits a phone number has (E.164); some providers leave the plus away."""
_MAIL = re.compile(r"[^\s\"'<>(),:;\[\]\\=&]{1,64}@[^\s\"'<>(),:;\[\]\\=&]{1,255}")
_WORD = re.compile(r"[^\s\"'<>(),:;\[\]{}\\=&]+")
_NUMBER = re.compile(r"[+-]?[0-9]{3,20}")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.){1,320})"')


def identities(channel: str, account: str, content: str) -> Iterator[tuple[str, str, str]]:
    """What in the text could be an identity as any channel makes one: kind, scope, value."""
    for word in _words(content):
        if "@" in word:
            yield "email", "", word.lower()
        elif word.startswith("+"):
            yield "phone", "", word
        elif word.isascii() and word.isdigit() and len(word) in PHONE_DIGITS:
            yield "phone", "", f"+{word}"
        yield channel, "", word
        yield channel, account, word
        yield "external", account, word


def _words(content: str) -> list[str]:
    found: dict[str, None] = {}
    for text in dict.fromkeys((content, unquote_plus(content))):
        for pattern in (_MAIL, _NUMBER, _QUOTED, _WORD):
            for match in pattern.finditer(text):
                word = match[match.lastindex or 0].rstrip(".")
                if word and len(word) <= WORD_MAX:
                    found[word] = None
                if len(found) >= WORDS_MAX:
                    return list(found)
    return list(found)


def hmacs(names: Tombstones, channel: str, account: str, headers: Mapping[str, str], body: bytes) -> set[str]:
    """What the identities in a request would be buried as."""
    content = "\n".join([*headers.values(), body.decode("utf-8", "replace")])
    return {hmac for one in identities(channel, account, content) for hmac in names.all(*one)}

"""Twilio's signature: https://www.twilio.com/docs/usage/security#validating-requests.

HMAC-SHA1 of the address Twilio was given, with every name and value of the form behind it in the order of names; of a
body that is no form the address itself carries the SHA-256. Twilio signs with or without the port, so both are tried.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from itertools import groupby
from urllib.parse import parse_qs, urlsplit

from shared.channels.base import same_secret

FIELDS_MAX = 500
_PORTS = {"https": 443, "http": 80}
_ESCAPED = re.compile(rb"(?:%[0-9A-Fa-f]{2}){1,300}")


def fields(body: bytes) -> list[tuple[str, str]]:
    """Names and values of the form, in its order; raises ValueError where there are more than FIELDS_MAX.

    As `urllib.parse.parse_qsl` reads them, but in a few times the body's bytes and not in eighty times.
    """
    if body.count(b"&") >= FIELDS_MAX:
        raise ValueError(f"more than {FIELDS_MAX} fields")
    pairs = (field.partition(b"=") for field in body.split(b"&") if field)
    return [(_plain(name), _plain(value)) for name, _, value in pairs]


def _plain(text: bytes) -> str:
    return _ESCAPED.sub(_unescaped, text.replace(b"+", b" ")).decode("utf-8", "replace")


def _unescaped(found: re.Match[bytes]) -> bytes:
    return bytes.fromhex(found[0].replace(b"%", b"").decode())


def fits(given: str, url: str, content_type: str, body: bytes, secrets: Sequence[str]) -> bool:
    """Whether one of the secrets signed this request to that address; all are compared, in constant time.

    Raises ValueError where the address is none.
    """
    form: list[tuple[str, str]] = []
    whole = True
    if content_type.partition(";")[0].strip().lower() == "application/x-www-form-urlencoded":
        try:
            form = fields(body)
        except ValueError:
            return False
    else:
        wanted = parse_qs(urlsplit(url).query).get("bodySHA256", [""])[0]
        whole = hmac.compare_digest(wanted.lower().encode(), hashlib.sha256(body).hexdigest().encode())
    ends = "".join(
        name + value
        for name, pairs in groupby(sorted(set(form)), key=lambda pair: pair[0])
        for value in sorted({value for _, value in pairs})
    )
    signed = [(address + ends).encode("utf-8", "replace") for address in _addresses(url)]
    digests = [hmac.digest(secret.encode(), text, "sha1") for secret in secrets for text in signed]
    return same_secret([given.encode()], [base64.b64encode(digest) for digest in digests]) and whole


def _addresses(url: str) -> list[str]:
    """The address with its port and without it."""
    parts = urlsplit(url)
    host = (
        f"[{parts.hostname}]" if ":" in (parts.hostname or "") else (parts.netloc.rpartition("@")[2].partition(":")[0])
    )
    try:
        port = parts.port or _PORTS.get(parts.scheme, 443)
    except ValueError:
        return [url]
    return [parts._replace(netloc=f"{host}:{port}").geturl(), parts._replace(netloc=host).geturl()]

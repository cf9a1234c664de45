"""What webhooks of Meta have in common: the signature, the question whether a URL is ours, many events in a request.

https://developers.facebook.com/docs/graph-api/webhooks/getting-started. A request holds entries, these hold changes or
messages; what one of them breaks must not cost its neighbours, since the provider will not send them again.
"""

import hmac
from datetime import UTC, datetime
from typing import Any

from shared.channels.base import AccountContext, Header, Parsed, Request, same_secret
from shared.channels.formats import many_events
from shared.channels.formats.json_body import load_object
from shared.channels.formats.many_events import Reader
from shared.errors import Invalid, Unauthenticated
from shared.text import one_line

SIGNATURE = "x-hub-signature-256"
HEADER = Header("X-Hub-Signature-256", "`sha256=`, then the hex HMAC-SHA256 of the body with the app secret.")
VERIFY_TOKEN = b"switchboard-verify-token"
"""What is signed with the app secret to give the verify token, which stands in addresses and so in logs of others."""
CHALLENGE_MAX = 200
ID_MAX = 500
ITEMS_MAX = 3200
"""Entries, changes, events and files of one request together."""
PARTS_MAX = {b"{": 20_000, b"[": 20_000, b",": 120_000}
"""Objects, lists and values of one request: what takes far more memory read than written."""


def verify(request: Request, account: AccountContext) -> None:
    """The HMAC of the raw body, in constant time, with any of the account's app secrets."""
    given = request.headers.get(SIGNATURE, "").strip()
    if not given:
        raise Unauthenticated("send X-Hub-Signature-256: sha256= and the hex HMAC-SHA256", reason="missing_signature")
    wanted = [f"sha256={_hex(secret, request.body)}".encode() for secret in account.secrets]
    if not same_secret([given.encode("utf-8", "replace")], wanted):
        raise Unauthenticated("the signature does not fit the body and the app secret", reason="bad_signature")


def greet(request: Request, account: AccountContext) -> bytes:
    """The challenge, where the verify token is the one that the app secret gives."""
    asked = request.query
    if asked.get("hub.mode") != "subscribe" or not asked.get("hub.verify_token"):
        raise Unauthenticated("ask with hub.mode=subscribe and hub.verify_token", reason="missing_signature")
    wanted = [verify_token(secret).encode() for secret in account.secrets]
    if not same_secret([asked["hub.verify_token"].encode("utf-8", "replace")], wanted):
        raise Unauthenticated("the verify token is not the one of this account's app secret", reason="bad_signature")
    return one_line(asked.get("hub.challenge", ""), CHALLENGE_MAX).encode()


def verify_token(app_secret: str) -> str:
    """The token to enter beside the URL: known to whoever knows the app secret, and of no use for signing."""
    return _hex(app_secret, VERIFY_TOKEN)


def _hex(secret: str, body: bytes) -> str:
    return hmac.digest(secret.encode(), body, "sha256").hex()


# --- many events in one request --------------------------------------------------------------------------------------


def load(body: bytes) -> dict[str, Any]:
    """The request's JSON; raises Malformed where it is none, Invalid where it is made of too many parts to be read."""
    if any(body.count(mark) > most for mark, most in PARTS_MAX.items()):
        raise Invalid("the request holds more than Meta sends in one", reason="too_many_parts")
    return load_object(body, nul=True)


class Walk:
    """Goes through the lists of one request, whose items it counts: Meta sends at most a thousand updates in one."""

    def __init__(self) -> None:
        self._left = ITEMS_MAX

    def each(self, within: dict[str, Any], name: str, read: Reader) -> Parsed:
        """Every object of a list, read one by one; one that cannot be read only says why."""
        items = within.get(name)
        if not isinstance(items, list):
            raise Invalid(f"{name} is not a list", reason="wrong_type")
        self.spend(len(items))
        return many_events.each(items, read)

    def spend(self, items: int) -> None:
        """Count them; raises Invalid where they are more than a request may hold."""
        self._left -= items
        if self._left < 0:
            raise Invalid("the request holds more than Meta sends in one", reason="too_many_events")

    def settled(self, parsed: Parsed) -> Parsed:
        """What a whole request comes to; raises Invalid where nothing of it could be read, or it is too much."""
        self.spend(0)
        return many_events.settled(parsed)


# --- values as Meta and its test tools write them --------------------------------------------------------------------


def named(within: dict[str, Any], name: str) -> str:
    """An id, which comes as text or number; empty where it is absent; raises Invalid where it cannot be one."""
    value = within.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Invalid(f"{name} is not an id", reason="wrong_type")
    text = str(value).strip()
    if len(text) > ID_MAX or not text.isprintable():
        raise Invalid(f"{name} is no id: it is too long or holds what cannot be printed", reason="bad_id")
    return text


def words(within: dict[str, Any], name: str) -> str:
    """A text or number as text; empty where it is anything else."""
    value = within.get(name)
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def moment(value: Any) -> datetime | None:
    """Seconds, milliseconds (both as number or text) or ISO 8601; None where it is no moment."""
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if text.isascii() and text.isdigit() and len(text) <= 13:
        number = int(text)
        seconds = number / 1000 if number >= 10**11 else number
        return datetime.fromtimestamp(seconds, UTC) if 0 < seconds < 2**33 else None
    try:
        found = datetime.fromisoformat(text[:40])
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo and found.year > 1 and found.year < 9999 else None


def geo(latitude: Any, longitude: Any) -> str:
    """A point as a geo URI (RFC 5870), or as it was given where that is no number."""
    point = [str(part)[:32] for part in (latitude, longitude) if isinstance(part, int | float | str)]
    if len(point) < 2 or not all(point):
        raise Invalid("the location has no latitude and longitude", reason="wrong_type")
    return f"geo:{point[0]},{point[1]}"
